"""Everything that this project adds to MiniStack, put in its place."""

from workerstack.localaws import (
    application_autoscaling,
    birth_names,
    change_set_settings,
    containers,
    enforcement,
    hooks,
    images,
    metric_math,
    refactoring,
    replacement,
    role_boundaries,
    role_policies,
    same_values,
    schemas,
    security_group_rules,
    simulated_rights,
    stack_ids,
    transport,
)


def install() -> None:
    """Adds the missing resource types, API and facts; doing it twice changes nothing."""
    from ministack import app
    from ministack.core import iam_evaluator, router
    from ministack.services import cloudwatch, ecs, iam
    from ministack.services.cloudformation import changesets, provisioners, stacks
    from ministack.services.cloudformation import handlers as actions

    handlers = provisioners._RESOURCE_HANDLERS
    handlers |= security_group_rules.HANDLERS
    handlers |= role_policies.HANDLERS
    handlers |= application_autoscaling.HANDLERS
    actions._ACTION_HANDLERS.update(hooks.HANDLERS)
    stack_ids.install(actions._ACTION_HANDLERS)
    change_set_settings.install(actions._ACTION_HANDLERS)
    actions._ACTION_HANDLERS.update(refactoring.HANDLERS)
    actions._ACTION_HANDLERS.update(schemas.HANDLERS)
    containers.install(provisioners)
    role_boundaries.install(provisioners)
    images.install(ecs)
    simulated_rights.install(iam, iam_evaluator)
    metric_math.install(provisioners, cloudwatch)
    same_values.install(changesets)
    birth_names.install(stacks)
    enforcement.install(stacks, provisioners)
    transport.install(app)
    always, sometimes = replacement.facts(handlers)
    provisioners._REPLACING_PROPERTIES.update(always)
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES.update(sometimes)
    app.SERVICE_HANDLERS["application-autoscaling"] = application_autoscaling.handle_request
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
    enforcement.forget()
    refactoring.forget()
