"""CloudFormation's answers, as MiniStack writes them."""

from typing import Any

Answer = tuple[int, dict[str, str], bytes]


def answer(action: str, inner: str) -> Answer:
    """A good answer, with the XML of its result."""
    from ministack.services.cloudformation.helpers import _xml

    found: Answer = _xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")
    return found


def error(code: str, message: str) -> Answer:
    """A refusal of the request."""
    from ministack.services.cloudformation.helpers import _error

    found: Answer = _error(code, message)
    return found


def escaped(text: str) -> str:
    """Text as it may stand in XML."""
    from ministack.services.cloudformation.helpers import _esc

    return str(_esc(text))


def members(request: Any, name: str, *fields: str) -> list[dict[str, str]]:
    """The structures of a list in a request, with the fields that are asked for."""
    from ministack.services.cloudformation.helpers import _p

    found: list[dict[str, str]] = []
    while True:
        start = f"{name}.member.{len(found) + 1}."
        values = {field: _p(request, start + field) for field in fields}
        if not any(values.values()):
            return found
        found.append(values)
