"""Loggers: where a run's history goes besides its own folder. Each module has ``build(path)``.

A logger is called with one line of the history (a flat dict of numbers, with "step") and closed
at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Logger(Protocol):
    """Takes lines of a history."""

    def __call__(self, line: Mapping[str, float]) -> None: ...

    def close(self) -> None:
        """Nothing more will come."""
