"""One sentence for each resource, which the watcher and the reports show."""


def described(sentence: str, **more: object) -> dict[str, object]:
    """A resource's Metadata: what it is for, in one sentence."""
    return {"Description": sentence, **more}
