"""How far learning is, and how fast it goes."""

from __future__ import annotations

import json
import statistics
import time
from collections import deque
from dataclasses import asdict, dataclass, field

_SAVE_EVERY_S = 60.0


@dataclass
class Facts:
    """How far a run is: numbers that are saved beside the tensors.

    ``best_scores``: of each validation picture, when their mean was highest. ``kept_step``: whose
    weights are kept. ``scores``: the mean of each validation.
    """

    step: int = 0
    best_scores: list[float] = field(default_factory=list)
    kept_step: int = 0
    scores: list[float] = field(default_factory=list)
    num_losses: int = 0
    losses: dict[str, float] = field(default_factory=dict)

    def add(self, values: dict[str, float]) -> None:
        """Take in one step's losses."""
        self.num_losses += 1
        for name, value in values.items():
            self.losses[name] = self.losses.get(name, 0.0) + value

    @property
    def loss(self) -> float:
        """Mean total since the last validation."""
        return sum(self.losses.values()) / max(1, self.num_losses)

    def take_losses(self) -> dict[str, float]:
        """Mean of each term since the last validation and their sum; then start anew."""
        means = {name: value / max(1, self.num_losses) for name, value in self.losses.items()}
        self.num_losses, self.losses = 0, {}
        return {"loss": sum(means.values()), **means}

    def write(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Facts:
        """Back from JSON text."""
        return cls(**json.loads(text))


class Clock:
    """How fast the loop is. The first step after a start, which warms up, does not count."""

    def __init__(self, step: int, batch: int) -> None:
        self._batch, self._first, self._step = batch, step, step
        self._begun = self._saved = self._now = time.monotonic()
        self._durations: deque[float] = deque(maxlen=1000)

    def tick(self, step: int) -> None:
        """A step is done."""
        before, self._step, self._now = self._now, step, time.monotonic()
        if self.taken == 0:
            self._begun = self._now
        else:
            self._durations.append(self._now - before)

    @property
    def taken(self) -> int:
        """Steps that count."""
        return self._step - self._first - 1

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first step was done."""
        return self._now - self._begun

    @property
    def seconds_per_step(self) -> float:
        """Median duration of a step: pauses for validation and other programs do not count."""
        return statistics.median(self._durations) if self._durations else 0.0

    @property
    def pictures_per_s(self) -> float:
        """Usual speed."""
        return self._batch / self.seconds_per_step if self._durations else 0.0

    def is_time_to_save(self) -> bool:
        """Whether a minute has gone since this was last so."""
        if self._now - self._saved < _SAVE_EVERY_S:
            return False
        self._saved = self._now
        return True
