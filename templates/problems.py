"""What is wrong with a worker's specification."""


class SpecificationError(ValueError):
    """A worker that cannot be built: what is wrong, why, and what to write instead."""

    def __init__(self, what: str, why: str, next_step: str) -> None:
        super().__init__(f"{what}: {why}. {next_step}.")
        self.what = what
        self.why = why
        self.next_step = next_step
