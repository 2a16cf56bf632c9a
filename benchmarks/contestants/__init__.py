"""Contestants of the benchmark, each in a process of its own. This is the page to read first.

Every module in here without an underscore is one program, and has ``build(job) -> Contestant``.
`__main__` runs one: it starts the clock, builds, lets it learn, stops the clock, and only then has
it predict the test pictures, which are scored by one scorer that knows no contestant.

The peers' programs run in an environment without pixelwise: this module and those with an
underscore need only torch, OpenCV and numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from contestants._watch import Watch

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""
Mask = NDArray[np.uint8]
"""(H, W) uint8; 0 = background, anything else = foreground."""
Predict = Callable[[Image], Mask]


class Contestant(Protocol):
    """One way to learn to outline things."""

    @property
    def workers(self) -> int:
        """Processes or threads that prepare batches while it learns; 0 where nobody prepares."""

    def learn(self, watch: Watch) -> None:
        """Learn until ``watch.step`` says that the time is up; tell it of every step."""

    def save(self, path: Path) -> None:
        """Write what it has learned by now to a file or folder of this name."""

    def predictor(self, path: Path) -> Predict:
        """What `save` wrote, ready to outline one picture in memory at its own size."""

    def batches(self, workers: int) -> Iterator[int]:
        """Prepare batches as for learning, without end and without a network; their sizes."""
