"""What one policy did last, and until when that holds back what it does next.

Source: Application Auto Scaling User Guide, "Cooldown period": within a scale-out's cooldown
only a larger scale-out counts, and what was added already is part of it; a scale-in's cooldown
blocks scale-in and is cancelled by a scale-out.
"""

from dataclasses import dataclass
from math import inf

NEVER = -1.0


@dataclass(slots=True)
class Cooldown:
    """``base`` and ``change`` are those of the last scale-out; seconds, inf until fulfilled."""

    base: int = 0
    change: int = 0
    out_until: float = NEVER
    in_until: float = NEVER

    def fulfil(self, until: float) -> None:
        """Capacity is as desired: what waited for it begins to count."""
        if self.out_until == inf:
            self.out_until = until
        if self.in_until == inf:
            self.in_until = until
