"""Everything that this project adds to MiniStack, put in its place."""

from workerstack.localaws import (
    application_autoscaling,
    authorization,
    birth_names,
    change_set_settings,
    containers,
    drift_aware,
    ecr,
    hooks,
    images,
    limits,
    log_streams,
    metric_math,
    metric_pages,
    refactoring,
    replacement,
    role_boundaries,
    role_policies,
    same_values,
    schemas,
    security_group_rules,
    service_deployments,
    service_quotas,
    service_revisions,
    simulated_rights,
    stack_ids,
    taken_names,
    task_starts,
    template_parser,
    transport,
)


def install() -> None:
    """Adds the missing resource types, API and facts; doing it twice changes nothing."""
    from ministack import app
    from ministack.core import iam_evaluator, router
    from ministack.services import cloudwatch, cloudwatch_logs, ecs, iam, sqs
    from ministack.services import ecr as registry
    from ministack.services.cloudformation import changesets, drift, engine, provisioners, stacks
    from ministack.services.cloudformation import handlers as actions

    template_parser.install(engine)
    handlers = provisioners._RESOURCE_HANDLERS
    handlers |= security_group_rules.HANDLERS
    handlers |= role_policies.HANDLERS
    handlers |= application_autoscaling.HANDLERS
    actions._ACTION_HANDLERS.update(hooks.HANDLERS)
    stack_ids.install(actions._ACTION_HANDLERS)
    change_set_settings.install(actions._ACTION_HANDLERS)
    refactoring.install(actions._ACTION_HANDLERS)
    actions._ACTION_HANDLERS.update(schemas.HANDLERS)
    containers.install(provisioners)
    role_boundaries.install(provisioners)
    images.install(ecs)
    service_revisions.install(ecs)
    task_starts.install(ecs)
    service_deployments.install(ecs)
    log_streams.install(cloudwatch_logs)
    ecr.install(app, registry)
    simulated_rights.install(iam, iam_evaluator)
    metric_math.install(provisioners, cloudwatch)
    metric_pages.install(cloudwatch)
    same_values.install(changesets)
    drift_aware.install(actions._ACTION_HANDLERS, changesets, drift)
    birth_names.install(stacks)
    limits.install(sqs, provisioners)
    authorization.install(stacks, provisioners)
    taken_names.install(stacks, provisioners, actions._ACTION_HANDLERS)
    transport.install(app)
    always, sometimes = replacement.facts(handlers)
    provisioners._REPLACING_PROPERTIES.update(always)
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES.update(sometimes)
    app.SERVICE_HANDLERS["application-autoscaling"] = application_autoscaling.handle_request
    app.SERVICE_HANDLERS["servicequotas"] = service_quotas.handle_request
    router.SERVICE_PATTERNS["servicequotas"] = {"target_prefixes": ["ServiceQuotas"]}
    router.SERVICE_PATTERNS["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService"]
    }


def forget() -> None:
    """Empties every account, which MiniStack itself would keep until its process ends."""
    from ministack import app

    app._reset_all_state()
    application_autoscaling.forget()
    birth_names.forget()
    change_set_settings.forget()
    ecr.forget()
    authorization.forget()
    refactoring.forget()
    taken_names.forget()
    service_revisions.forget()
    service_quotas.forget()
    task_starts.forget()
