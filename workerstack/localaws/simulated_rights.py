"""The context of a simulated call, which MiniStack's SimulatePrincipalPolicy does not look at."""

from contextvars import ContextVar
from typing import Any

_CONTEXT: ContextVar[dict[str, str] | None] = ContextVar("context", default=None)


def install(iam: Any, evaluator: Any) -> None:
    """Wraps the call and the evaluation; doing it twice changes nothing."""
    simulate, evaluate = iam._IAM_HANDLERS["SimulatePrincipalPolicy"], evaluator.evaluate
    if hasattr(simulate, "wrapped"):
        return

    def simulate_in_context(request: Any) -> Any:
        token = _CONTEXT.set(_entries(iam, request))
        try:
            return simulate(request)
        finally:
            _CONTEXT.reset(token)

    def evaluate_in_context(asked: Any, *policies: Any) -> Any:
        asked.service_context.update(_CONTEXT.get() or {})
        return evaluate(asked, *policies)

    simulate_in_context.wrapped = simulate  # type: ignore[attr-defined]
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_in_context
    evaluator.evaluate = evaluate_in_context


def _entries(iam: Any, request: Any) -> dict[str, str]:
    """ContextEntries by lower-case name, with their first value (IAM API reference)."""
    found: dict[str, str] = {}
    while True:
        prefix = f"ContextEntries.member.{len(found) + 1}"
        name = iam._p(request, f"{prefix}.ContextKeyName")
        if not name:
            return found
        found[name.lower()] = iam._p(request, f"{prefix}.ContextKeyValues.member.1")
