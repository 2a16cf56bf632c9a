"""Contestants that learn nothing: the floor under the others, and what needs no learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contestants import Predict
from contestants._watch import Watch


@dataclass
class Ready:
    """Predicts as it comes."""

    predict: Predict
    workers: int = 0

    def learn(self, watch: Watch) -> None:
        """Nothing."""

    def save(self, path: Path) -> None:
        """Nothing."""

    def predictor(self, path: Path) -> Predict:
        """Always the same."""
        return self.predict

    def batches(self, workers: int) -> Iterator[int]:
        """None."""
        return iter(())
