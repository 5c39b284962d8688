"""One sentence for each resource, which the watcher and the reports show."""


def described(sentence: str, **more: object) -> dict[str, object]:
    """A resource's Metadata: what it is for, in one sentence."""
    return {"Description": sentence, **more}


def meant(*checks: str) -> dict[str, object]:
    """The checks that a resource fails because the specification asks for it, silenced there."""
    return {"cfn-lint": {"config": {"ignore_checks": [*checks]}}} if checks else {}
