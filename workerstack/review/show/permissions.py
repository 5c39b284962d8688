"""Statements and rules as lines: each member whole, or as short as a weekly review has room for."""

import json
import re
from collections.abc import Iterable

from workerstack.review.model import AccessChange

ARN_PARTS = 6


def line(change: AccessChange) -> str:
    """``+ Allow sqs:SendMessage on arn:...:jobs``, as IAM names the members."""
    return f"{'+' if change.gained else '-'} {_whole(change)}"


def brief(changes: Iterable[AccessChange], said: Iterable[str] = ()) -> list[str]:
    """A line for each, ARNs by their last part; what only moves is one: ``on jobs -> other``.

    Actions and resources are all there: which of them is dangerous is the reader's judgement.
    ``said`` are sentences that the reader has before him; what one of them names is left out.
    """
    left, told = list(changes), list(said)
    found = []
    while left:
        change = left.pop(0)
        partner = next((each for each in left if _moves(change, each)), None)
        if partner is None:
            if not any(_is_named(change, each) for each in told):
                found.append(f"{'+' if change.gained else '-'} {_said(change)}")
            continue
        left.remove(partner)
        old, new = (partner, change) if change.gained else (change, partner)
        is_told = new.kind != "network" and any(_is_named(new, each) for each in told)
        if is_told and _place(old) != _place(new):
            found.append(f"- no longer on {_place(old)}")
        else:
            found.append(f"~ {_moved(old, new)}")
    return found


def _is_named(change: AccessChange, sentence: str) -> bool:
    """Whether a sentence has all of its actions and all that they are on."""
    places = [change.principal] if change.kind == "network" else map(_short, change.resources)
    # As findings have it: what is not known stands there in another form.
    actions = [re.sub(r"^(inbound|outbound) ", "", each) for each in change.actions]
    return all(each in sentence for each in (*actions, *places))


def _moves(one: AccessChange, other: AccessChange) -> bool:
    """Whether the same is gained in one way and lost in another: elsewhere, or by a condition."""
    if one.gained == other.gained or (one.principal != other.principal and one.kind != "network"):
        return False
    members = [(each.kind, each.logical_id, each.effect, each.actions) for each in (one, other)]
    return members[0] == members[1] and _keys(one.condition) == _keys(other.condition)


def _moved(old: AccessChange, new: AccessChange) -> str:
    actions = ", ".join(new.actions)
    if new.kind == "network":
        return f"{actions} {_direction(new)} {old.principal} -> {new.principal}"
    same = _place(old) == _place(new)
    on = _place(new) if same else f"{_place(old)} -> {_place(new)}"
    whom = f" for {new.principal}" if new.principal else ""
    return f"{new.effect} {actions}{f' on {on}' if on else ''}{whom}{_conditions(old, new)}"


def _conditions(old: AccessChange, new: AccessChange) -> str:
    """What the condition compares, and the values of those that differ."""
    if old.condition == new.condition:
        return _when(new.condition)
    try:
        sides = [json.loads(each.condition) for each in (old, new)]
    except ValueError:
        return f" if {old.condition} -> {new.condition}"
    differing = [
        f"{key} {_value(value)} -> {_value(sides[1][name][key])}"
        for name, keys in sides[0].items()
        for key, value in keys.items()
        if sides[1][name][key] != value
    ]
    return f" if {', '.join(differing)}"


def _value(value: object) -> str:
    listed = value if isinstance(value, list) else [value]
    return ", ".join(_short(str(each)) for each in listed)


def _said(change: AccessChange) -> str:
    if change.kind == "network":
        return _whole(change)
    said = f"{change.effect} {', '.join(change.actions)}"
    said += f" on {_place(change)}" if change.resources else ""
    said += f" for {change.principal}" if change.principal else ""
    return said + _when(change.condition)


def _whole(change: AccessChange) -> str:
    actions = ", ".join(change.actions)
    if change.kind == "network":
        return f"{actions} {_direction(change)} {change.principal}"
    found = f"{change.effect} {actions}"
    found += f" on {', '.join(change.resources)}" if change.resources else ""
    found += f" for {change.principal}" if change.principal else ""
    return found + (f" if {change.condition}" if change.condition else "")


def _direction(change: AccessChange) -> str:
    return "from" if change.actions and change.actions[0].startswith("inbound") else "to"


def _place(change: AccessChange) -> str:
    """The resources, or for a rule its other side and for a condition alone its values."""
    if change.kind == "network":
        return change.principal
    short = list(map(_short, change.resources))
    return ", ".join(short if len(set(short)) == len(short) else change.resources)


def _short(resource: str) -> str:
    """The last part of an ARN; anything else as it is."""
    parts = resource.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS or parts[0] != "arn" or not parts[-1].strip("*/"):
        return resource
    return parts[-1]


def _keys(condition: str) -> tuple[str, ...]:
    """The names that a condition compares; the condition itself where it is not read."""
    try:
        found = json.loads(condition)
        return tuple(f"{name} {key}" for name, keys in found.items() for key in keys)
    except (AttributeError, TypeError, ValueError):
        return (condition,)


def _when(condition: str) -> str:
    """A condition by what it compares; its values are in the whole report."""
    names = [re.sub(r"^\S+ ", "", each) for each in _keys(condition) if each]
    return f" if {', '.join(names)}" if names else ""
