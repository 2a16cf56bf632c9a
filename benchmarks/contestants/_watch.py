"""The clock of a contestant: when to stop, and what was known when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SHARES = ("1/16", "1/4")
"""Shares of the budget after which the weights are kept, to see how accuracy grows."""
FINAL = "1"


@dataclass
class Watch:
    """Counts from its making. A step that is under way when the budget ends is finished.

    ``kept``: share of the budget -> seconds after which its weights were kept. Keeping is part of
    the contestant's time, as saving is for anybody who learns.
    """

    budget_s: float
    folder: Path
    kept: dict[str, float] = field(default_factory=dict)
    num_steps: int = 0
    num_pictures: int = 0
    learned_s: float = 0.0

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self._first_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def path(self, share: str) -> Path:
        """Where the weights of a share of the budget are kept."""
        return self.folder / f"weights-{share.replace('/', '-of-')}"

    def step(self, num_pictures: int, save: Callable[[Path], None]) -> bool:
        """A step on so many pictures is done. Keep the weights where due; whether time is left."""
        self.num_steps += 1
        if self.num_steps == 1:
            self._first_s = self.elapsed_s
        else:
            self.num_pictures += num_pictures
        self._keep(save)
        self.learned_s = self.elapsed_s
        return self.learned_s < self.budget_s

    def _keep(self, save: Callable[[Path], None]) -> None:
        """Keep the weights for the last share that is due; those passed in one step have none."""
        now_s = self.elapsed_s
        due = [share for share in SHARES if _number(share) * self.budget_s <= now_s]
        if due and due[-1] not in self.kept and now_s < self.budget_s:
            save(self.path(due[-1]))
            self.kept[due[-1]] = now_s

    def stop(self, save: Callable[[Path], None]) -> None:
        """Learning is over: keep what came of it."""
        self.learned_s = self.elapsed_s
        save(self.path(FINAL))
        self.kept[FINAL] = self.learned_s

    @property
    def pictures_per_s(self) -> float | None:
        """Speed of learning from the end of the first step to the last; None for no such step."""
        if self.num_pictures == 0:
            return None
        return self.num_pictures / (self.learned_s - self._first_s)


def _number(share: str) -> float:
    top, bottom = share.split("/")
    return int(top) / int(bottom)
