"""How far the training of a run is: ``RUN/status.json``, in the run from its first moment on.

    {"state": "training", "step": 40, "steps": 200}

A run that was killed says "training" too: nothing tells it from one that is still being trained.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pixelwise.files import write_text
from pixelwise.types import PixelwiseError

FILE = "status.json"
_STATES = ("training", "finished")


@dataclass(frozen=True)
class Status:
    """How far training is.

    ``state``: "training", "finished", or "unknown" where no file says. ``step``: steps taken when
    this was written, which is at every validation, about once a minute, and at the end. ``steps``:
    steps planned; None until the budget was measured.
    """

    state: str
    step: int = 0
    steps: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether training came to its end, by its last step or by early stopping."""
        return self.state == "finished"

    @property
    def is_stopped_early(self) -> bool:
        """Whether training came to its end before the last planned step."""
        return self.is_finished and self.steps is not None and self.step < self.steps

    def write(self, run: Path) -> None:
        """Write ``status.json`` into the folder of a run, whole or not at all."""
        write_text(run / FILE, json.dumps(asdict(self)) + "\n")


def read_status(run: Path) -> Status:
    """The status of the run in a folder.

    Of a folder without ``status.json``, which another program may have written, nothing is known.

    Raises:
        PixelwiseError: ``status.json`` is damaged.
    """
    path = run / FILE
    if not path.exists():
        return Status("unknown")
    try:
        found = Status(**json.loads(path.read_text(encoding="utf-8")))
        _check(found)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise PixelwiseError(
            f"{path} is damaged: {error}. Restore it from a copy, or train the run again."
        ) from None
    return found


def _check(status: Status) -> None:
    """Refuse values that no version writes.

    Raises:
        ValueError: such a value.
    """
    if status.state not in _STATES:
        raise ValueError(f"'state' is {status.state!r}, not one of {', '.join(_STATES)}")
    if not isinstance(status.step, int) or not isinstance(status.steps, int | None):
        raise ValueError(f"'step' and 'steps' are {status.step!r} and {status.steps!r}")
