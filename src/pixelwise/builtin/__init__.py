"""The models that come with the package: they serve wherever a command names no run.

``nevi/`` and ``people/`` are folders of runs like any other, but for half-precision weights and an
empty list of what they learned from: made-up pictures (`pixelwise.madeup`), which
`python -m pixelwise.rebuild` draws again from a seed. Their ``card.md`` says how good they are.
"""

from __future__ import annotations

from pathlib import Path

from pixelwise.recipe import BUILT_IN
from pixelwise.types import PixelwiseError

MODELS = {name: Path(__file__).parent / name for name in BUILT_IN}
"""The folder of each."""
NEVI = MODELS["nevi"]
"""Outlines a nevus, or another pigmented lesion, in a dermoscopy image."""
PEOPLE = MODELS["people"]
"""Finds the skeletons of made-up people."""

_SERVES = {"semantic": NEVI, "pose": PEOPLE}


def serving(task: str | None) -> Path:
    """The model for a task; for None the one for nevi.

    Raises:
        PixelwiseError: there is none for this task.
    """
    if task is not None and task not in _SERVES:
        raise PixelwiseError(
            f"No built-in model is for the task '{task}', only for {' and '.join(_SERVES)}. Name a "
            "run; `pixelwise train` makes one."
        )
    return _SERVES[task or "semantic"]


def is_here(path: Path) -> bool:
    """Whether a run lies among the installed files, where nothing is written."""
    return path in MODELS.values()


def sentence(model: Path) -> str:
    """What people are told when a built-in model serves."""
    limit = "no diagnosis" if model == NEVI else "not for photographs (--model is)"
    return (
        f"No run was named, so the built-in model for {model.name} serves. What it is good for, "
        f"and that it is {limit}: {model / 'card.md'}"
    )


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a run; what is not may be pictures for the built-in model.

    Raises:
        PixelwiseError: it is neither, but was meant as a run: the folder of several, or one that
            is not whole. Taken for pictures, the built-in model would answer in the run's place.
    """
    if (path / "recipe.json").exists():
        return True
    runs = sorted(found.parent.name for found in path.glob("*/recipe.json"))
    if runs:
        raise PixelwiseError(f"{path} is not a run but holds some. Name one: {', '.join(runs)}.")
    if any(path.glob("*.safetensors")):
        raise PixelwiseError(
            f"{path} has weights but is not a run: it has no recipe.json. "
            "Restore the folder, or train the run again."
        )
    return False
