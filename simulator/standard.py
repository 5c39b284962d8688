"""The loads on which templates are compared, in documents and in reviews."""

from collections.abc import Mapping
from types import MappingProxyType

from simulator.settings import Settings

SETTINGS = Settings(heartbeat=60, max_receive_count=5)
"""A worker that extends its message's visibility each minute, a queue that gives up at last."""

LOADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "One short job": ("job:service=3m",),
        "One long job": ("job:service=10m",),
        "A burst": ("burst:count=25,over=5m,service=lognormal:4m:0.4",),
        "A trickle with gaps": ("trickle:every=30m,jitter=5m,for=6h,service=6m",),
        "A working day": ("day:count=60,service=lognormal:3m:0.5",),
        "A poison message": ("job:service=2m,poison=1", "burst:count=3,at=1m,service=2m"),
    }
)
"""By title; each is laid over from its parts, with the grammar of `simulate.py --load`."""
