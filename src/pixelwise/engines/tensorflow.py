"""Learning in TensorFlow, through Keras: the semantic task, with the networks of `pixelwise.keras`.

The first weights are those that PyTorch draws, carried over. The networks have no dropout and the
batches are given, so nothing else is drawn: a run is a function of its recipe here too, and its
steps are PyTorch's up to rounding.
"""

from __future__ import annotations

import torch

from pixelwise.engines import Engine
from pixelwise.model import Model
from pixelwise.recipe import Recipe
from pixelwise.tasks import Task
from pixelwise.types import PixelwiseError


def check(recipe: Recipe) -> None:
    """See `pixelwise.engines`.

    Raises:
        PixelwiseError: another task, a pretrained backbone, Muon, torch.compile, no TensorFlow,
            Keras on another backend, or a GPU that TensorFlow does not find.
    """
    if recipe.task != "semantic":
        raise PixelwiseError(
            f"TensorFlow learns the task 'semantic', and this is '{recipe.task}'. Leave out "
            "--framework, or ask for --task semantic."
        )
    if recipe.backbone is not None:
        raise PixelwiseError(
            "Pretrained backbones learn in PyTorch only. Leave out --framework or --backbone."
        )
    if recipe.optimizer == "muon":
        raise PixelwiseError(
            "The optimiser 'muon' is PyTorch's only. Leave out --framework or --optimizer."
        )
    if recipe.compile:
        raise PixelwiseError(
            "--compile is PyTorch's; TensorFlow compiles its step anyway. Leave out --compile."
        )
    import pixelwise.keras  # noqa: F401  (where it is not installed, that says so)
    from pixelwise.engines import _tensorflow

    _tensorflow.check_backend()
    _tensorflow.place(recipe.device)


def build(model: Model, recipe: Recipe, task: Task, device: torch.device) -> Engine:
    """See `pixelwise.engines`."""
    # Importing TensorFlow takes many seconds, and listing the engines by name does not need it.
    from pixelwise.engines._tensorflow import TensorflowEngine

    return TensorflowEngine(model, recipe, task, device)
