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


def serving(task: str | None) -> Path:
    """The model that predicts where no run is named: the one for nevi.

    Raises:
        PixelwiseError: another task is asked for. The built-in model for people was trained on
            synthetic images alone and finds nobody on photographs, so it has to be named.
    """
    if task == "pose":
        raise PixelwiseError(
            "No built-in model finds poses on photographs. Give a pretrained one, such as --model "
            "usyd-community/vitpose-base-simple, or a run. The built-in model 'people' knows "
            "synthetic images alone (OKS AP 0.003 on photographs); name it in a run's place to use "
            "it all the same: pixelwise predict people IMAGES."
        )
    if task not in (None, "semantic"):
        raise PixelwiseError(
            f"No built-in model is for the task '{task}'. Name a run; `pixelwise train` makes one."
        )
    return NEVI


def named(path: str | Path) -> Path:
    """The folder of a built-in model for its name, where no file is called so; else the path."""
    return MODELS.get(str(path), Path(path)) if not Path(path).exists() else Path(path)


def is_here(path: Path) -> bool:
    """Whether a run lies among the installed files, where nothing is written."""
    return path in MODELS.values()


def sentence(model: Path) -> str:
    """What people are told when a built-in model serves."""
    limit = "It is not a diagnostic tool" if model == NEVI else "It is not for photographs"
    return (
        f"Using the built-in {model.name} model. {limit}; see {model / 'card.md'} for its limits."
    )


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a run; what is not may be pictures for the built-in model.

    Raises:
        PixelwiseError: it is neither, but was meant as a run: the folder of several, or one that
            is not whole. Taken for pictures, the built-in model would answer in the run's place.
    """
    if (named(path) / "recipe.json").exists():
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
