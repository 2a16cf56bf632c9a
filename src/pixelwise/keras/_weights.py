"""Weights both ways: PyTorch's names and shapes, and the layers' variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from pixelwise.keras._layers import COUNTER, weight_name
from pixelwise.types import PixelwiseError

# PyTorch's name -> Keras's.
_CONV = {"weight": "kernel", "bias": "bias"}
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    COUNTER: COUNTER,
}
# (O, I, h, w) of PyTorch -> (h, w, I, O) of Keras, and back.
_TO_KERAS, _TO_TORCH = (2, 3, 1, 0), (3, 2, 0, 1)


def variables(model: keras.Model) -> dict[str, Any]:
    """The model's variables by the names of `pixelwise.model.Model.state_dict`, in its order.

    A model with Keras's own batch normalisation (see `with_normalisation`) counts no batches.
    """
    found = {}
    for layer in model.layers:
        names = {keras.layers.Conv2D: _CONV}.get(type(layer))
        if isinstance(layer, keras.layers.BatchNormalization):
            names = _NORM
        for theirs, ours in (names or {}).items():
            variable = getattr(layer, ours, None)
            if variable is not None:
                found[f"{weight_name(layer.name)}.{theirs}"] = variable
    return found


def carry(model: keras.Model, state: Mapping[str, NDArray[Any]]) -> None:
    """Put the weights and running statistics of a PyTorch model into its twin.

    Args:
        model: what `build_model` gave.
        state: the arrays of `pixelwise.model.Model.state_dict`, of any floating type.

    Raises:
        PixelwiseError: these are the weights of a model with other layers; nothing is changed.
    """
    own = variables(model)
    arrays = {name: _to_keras(np.asarray(value)) for name, value in state.items()}
    wanted = {name: tuple(variable.shape) for name, variable in own.items()}
    given = {n: a.shape for n, a in arrays.items() if n in own or not n.endswith(COUNTER)}
    if wanted != given:
        names = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
        raise PixelwiseError(
            f"These weights belong to another model: {len(names)} of them are missing, unknown or "
            f"of another shape, such as {names[0]}. Build the model from the recipe and the maps "
            "of the run that the weights are of."
        )
    for name, variable in own.items():
        variable.assign(arrays[name])


def state_of(model: keras.Model) -> dict[str, NDArray[Any]]:
    """What `carry` put in, or what was learned since: the way back, to the bit.

    Returns:
        arrays by the names and of the shapes of `pixelwise.model.Model.state_dict`, float32; the
        number of batches behind running statistics int64, 0 where the model does not count.
    """
    state: dict[str, NDArray[Any]] = {}
    for name, variable in variables(model).items():
        array = ops.convert_to_numpy(variable)
        if array.ndim == 4:
            array = array.transpose(_TO_TORCH)
        state[name] = np.array(array, np.int64 if name.endswith(COUNTER) else np.float32, order="C")
        if name.endswith("running_var"):
            state.setdefault(name.replace("running_var", COUNTER), np.zeros((), np.int64))
    return state


def _to_keras(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 4:
        array = array.transpose(_TO_KERAS)
    return array.astype(np.int32 if array.dtype.kind == "i" else np.float32)
