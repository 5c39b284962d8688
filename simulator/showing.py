"""What a command prints of one run, or of several on the same messages."""

from collections.abc import Sequence

from simulator import comparison, data, report
from simulator.money import Prices
from simulator.run import Run
from simulator.warnings import warn


def shown(runs: Sequence[Run], prices: Prices, style: str, *, events: bool) -> str:
    """Runs as ``text``, ``json`` or ``csv``; several as one table, warnings below."""
    if style == "csv":
        return data.as_csv(runs[0]).rstrip("\n")
    warnings = [warn(run.scaling, run.settings) for run in runs]
    if style == "json":
        each = [data.as_json(run, found) for run, found in zip(runs, warnings, strict=True)]
        return each[0] if len(each) == 1 else "[{}]".format(",\n".join(each))
    parts = [report.text(run, prices, events=events) for run in runs if len(runs) == 1 or events]
    if len(runs) > 1:
        parts.append(comparison.text([(run.scaling.file, run.summary) for run in runs]))
    for run, found in zip(runs, warnings, strict=True):
        lines = [f"{each.id}  {each.subject}\n    {each}" for each in found]
        if lines:
            parts.append("\n".join([f"warnings on {run.scaling.file}", *lines]))
    return "\n\n".join(parts)
