"""The workers of a team: what the ``ALL`` of its file holds."""

from collections.abc import Callable
from types import ModuleType

from workerstack.specification.mistakes import Mistake, SpecificationError, together
from workerstack.specification.worker import Worker

NEXT = "Let ALL be a tuple of workers, with a comma if it is one: ALL = (ONE,)"


def workers_of(load: Callable[[], ModuleType]) -> tuple[Worker, ...]:
    """The workers that a module's ``ALL`` holds; ``load`` imports the module, and so makes them.

    Raises SpecificationError with everything that is wrong with any of them, and where ``ALL``
    is something else than workers.
    """
    with together():
        module = load()
    found = getattr(module, "ALL", None)
    if found is None:
        raise _wrong(module, "ALL is missing", "it says which workers are emitted")
    if isinstance(found, Worker):
        raise _wrong(module, "ALL is a worker", "without a comma the brackets make no tuple")
    if not isinstance(found, tuple | list):
        raise _wrong(module, f"ALL is {type(found).__name__}", "it holds workers")
    for each in found:
        if not isinstance(each, Worker):
            raise _wrong(module, f"ALL holds {each!r:.60}", "that is no worker")
    return tuple(found)


def _wrong(module: ModuleType, what: str, why: str) -> SpecificationError:
    return SpecificationError(Mistake(what, why, NEXT, file=module.__file__ or ""))
