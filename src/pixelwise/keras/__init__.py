"""The networks in Keras 3, with the same weights and the same numbers. Needs ``[tensorflow]``.

::

    from pixelwise.keras import load, normalise
    model = load("runs/mine")          # the run's best weights
    maps = model(normalise(images))    # (B, H, W, 3) uint8 RGB -> {name: (B, h, w, C) float32}

    from pixelwise.keras import to_tf_dataset
    for images, targets in to_tf_dataset("photos", "semantic", steps=1000): ...

Every public module in here is the twin of the module of `pixelwise.networks` with its name, and
has

``build(images, at, width=None, depth=None) -> KerasTensor``
    the features of ``images``, with layers that are called as the PyTorch weights are, below
    ``at``; U-Net takes its ``stride`` too.

Which backend computes is Keras's own switch, the environment variable ``KERAS_BACKEND``, to be set
before Keras is imported; without it, it is TensorFlow.
"""

from __future__ import annotations

from pixelwise.types import PixelwiseError

try:
    import keras  # noqa: F401
except ImportError as error:
    raise PixelwiseError(
        f"pixelwise.keras needs Keras and its backend, and {error.name} is not installed: "
        'pip install "pixelwise[tensorflow]".'
    ) from None

from pixelwise.keras._batches import to_tf_dataset
from pixelwise.keras._model import build_model, load, normalise, with_normalisation
from pixelwise.keras._weights import carry, state_of, variables

__all__ = [
    "build_model",
    "carry",
    "load",
    "normalise",
    "state_of",
    "to_tf_dataset",
    "variables",
    "with_normalisation",
]
