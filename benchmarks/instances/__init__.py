"""Contestants that outline objects one by one, each in a process. This is the page to read first.

Every module in here without an underscore is one program, and has ``build(job) -> Contestant``.
`__main__` runs one: it imports what the program needs, starts the clock, lets it learn, stops the
clock, and only then has it predict the test pictures. They are scored elsewhere (`matching.py`), by
one scorer that knows no contestant.

A peer's program runs in an environment of its own: this module and those with an underscore need
only numpy and Pillow.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""
Ids = NDArray[np.int32]
"""(H, W) int32; 0 = background, every other value one object."""


@dataclass
class Clock:
    """The wall-clock budget of a contestant, counted from the making of this."""

    budget_s: float
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left; negative once it is overdrawn."""
        return self.budget_s - self.elapsed_s


@dataclass(frozen=True)
class Learned:
    """What a contestant says of its learning.

    ``num_steps``: updates of the weights; 0 for who learns nothing. ``seconds_per_step``: usual
    duration of one. ``facts``: anything else worth keeping, as JSON.
    """

    num_steps: int = 0
    seconds_per_step: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Contestant(Protocol):
    """One way to learn to outline objects."""

    def learn(self, clock: Clock) -> Learned:
        """Read the pictures and learn from them until the time is up."""

    def predict(self, image: Image) -> Ids:
        """The objects of one picture in memory, at its own size."""
