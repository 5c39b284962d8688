"""Everything that this project adds to MiniStack, put in its place."""

from localaws import (
    application_autoscaling,
    containers,
    metric_math,
    replacement,
    security_group_rules,
)


def install() -> None:
    """Adds the missing resource types, API and facts; doing it twice changes nothing."""
    from ministack import app  # noqa: PLC0415 - only when an endpoint is started
    from ministack.core import router  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    handlers = provisioners._RESOURCE_HANDLERS  # noqa: SLF001 - see the package's docstring
    handlers |= security_group_rules.HANDLERS
    handlers |= application_autoscaling.HANDLERS
    containers.install(provisioners)
    metric_math.install(provisioners)
    provisioners._REPLACING_PROPERTIES.update(  # noqa: SLF001
        replacement.create_only_properties(handlers)
    )
    app.SERVICE_HANDLERS["application-autoscaling"] = application_autoscaling.handle_request
    router.SERVICE_PATTERNS["application-autoscaling"] = {
        "target_prefixes": ["AnyScaleFrontendService"]
    }
