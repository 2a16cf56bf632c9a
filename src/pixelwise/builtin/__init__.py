"""The model that comes with the package: it serves wherever a command names no run.

``nevi/`` is the folder of a run like any other, but for half-precision weights and an empty list
of what it learned from: made-up nevi (`pixelwise.madeup`), which `python -m pixelwise.rebuild`
draws again from a seed. Its ``card.md`` says how good it is.
"""

from __future__ import annotations

from pathlib import Path

from pixelwise.types import PixelwiseError

NEVI = Path(__file__).parent / "nevi"
"""Outlines a nevus, or another pigmented lesion, in a dermoscopy image."""

SENTENCE = (
    f"No run was named, so the built-in model for nevi serves. What it is good for, and that it is "
    f"no diagnosis: {NEVI / 'card.md'}"
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
