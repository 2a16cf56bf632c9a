"""The model: the twin of `pixelwise.model`, built by a recipe or from a run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from pixelwise.find import names
from pixelwise.keras._layers import At, Tensor, conv_bn_relu, head
from pixelwise.keras._weights import carry, state_of
from pixelwise.model import FAINT, hidden_channels
from pixelwise.networks import MEAN, SPREAD
from pixelwise.recipe import Recipe
from pixelwise.run import Run, asked_shape, load_weights, open_run
from pixelwise.types import PixelwiseError


def build_model(
    recipe: Recipe, maps: Mapping[str, int], size_hw: tuple[int, int] | None = None
) -> keras.Model:
    """A recipe's model with fresh weights, drawn by Keras (``keras.utils.set_random_seed``).

    Args:
        recipe: which network, and its shape.
        maps: map name -> channels, what `pixelwise.tasks.Task.maps` says.
        size_hw: height and width of every picture that it is to see; None = of any, another every
            time.

    Returns:
        A functional model from images (B, H, W, 3) float32, normalised (see `normalise`), to
        {map name: (B, ceil(H / s), ceil(W / s), C)} float32, before any activation.

    Raises:
        PixelwiseError: a network that has no twin, or a shape that it cannot have.
    """
    images = keras.Input((*(size_hw or (None, None)), 3), name="images")
    return keras.Model(images, _maps(images, recipe, maps), name="pixelwise")


def load(run: str | Path | Run, size_hw: tuple[int, int] | None = None) -> keras.Model:
    """A run's model with its best weights; whichever framework it learned in.

    Args:
        run: folder of a run, or one that is open.
        size_hw: as of `build_model`.

    Raises:
        PixelwiseError: no run, a damaged one, or one whose network has no twin.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if run.recipe.folds:
        raise PixelwiseError(f"{run.path} has several models. Load one: {run.path}/fold-0.")
    model = build_model(run.recipe, run.task().maps, size_hw)
    carry(model, {name: weight.numpy() for name, weight in load_weights(run.weights)[0].items()})
    return model


def with_normalisation(
    model: keras.Model,
    recipe: Recipe,
    size_hw: tuple[int, int] | None = None,
    *,
    is_portable: bool = False,
) -> keras.Model:
    """The same model for pictures as they are, which is what programs want to be given.

    Args:
        model: of `build_model` or `load`; its weights are copied.
        recipe: which it was built by.
        size_hw: as of `build_model`.
        is_portable: of Keras's own layers alone: saved as ``.keras`` it loads where this package
            is not installed. It is no model to go on learning with.

    Returns:
        A model from images (B, H, W, 3) uint8 RGB to {map name: (B, h, w, C)} float32.
    """
    maps = {name: int(output.shape[-1]) for name, output in model.output.items()}
    images = keras.Input((*(size_hw or (None, None)), 3), dtype="uint8", name="images")
    outputs = _maps(normalise(images), recipe, maps, is_portable)
    twin = keras.Model(images, outputs, name="pixelwise")
    carry(twin, state_of(model))
    return twin


def normalise(images: Any) -> Any:
    """(B, H, W, 3) uint8 RGB -> (B, H, W, 3) float32, as `pixelwise.model.normalise` does.

    Takes an array and gives a tensor of the backend, or takes a tensor of it.
    """
    middle, scale = (np.array(numbers, np.float32) * 255 for numbers in (MEAN, SPREAD))
    return (ops.cast(images, "float32") - middle) / scale


def _maps(
    images: Tensor, recipe: Recipe, maps: Mapping[str, int], is_portable: bool = False
) -> dict[str, Tensor]:
    """Every map, by name, from normalised pictures."""
    choices = names("keras")
    if recipe.network not in choices:
        raise PixelwiseError(
            f"The network '{recipe.network}' does not exist in Keras. There are: "
            f"{', '.join(choices)}."
        )
    build = importlib.import_module(f"pixelwise.keras.{recipe.network}").build
    features = build(images, At("network", is_portable), **asked_shape(recipe, build))
    count = hidden_channels(maps, features.shape[-1])
    if count:
        features = conv_bn_relu(At("hidden", is_portable), features, count, kernel=1)
    at = At("heads", is_portable)
    return {name: head(at / name, features, channels, FAINT) for name, channels in maps.items()}
