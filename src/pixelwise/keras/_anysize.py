"""Pictures of any size, fitted to what a network can halve: the twin of `networks._anysize`.

A size that is known while the model is built costs nothing where it fits. One that is not is asked
of the picture itself, by counting along it, so that no layer of our own is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from pixelwise.keras._layers import Tensor


def fit(images: Tensor, multiple: int, stride: int, forward: Callable[[Tensor], Tensor]) -> Tensor:
    """Features of pictures of any size: repeats their last rows and columns, and crops.

    Args:
        images: (B, H, W, 3).
        multiple: what ``forward`` needs height and width to be a multiple of.
        stride: pixels of the picture along the side of one pixel of the features.
        forward: (B, H, W, 3) -> (B, H / s, W / s, D).

    Returns:
        (B, ceil(H / s), ceil(W / s), D).
    """
    padded = images
    for axis in (1, 2):
        padded = _pad(padded, axis, multiple)
    features = forward(padded)
    for axis in (1, 2):
        features = _crop(features, axis, images, stride)
    return features


def positions(images: Tensor, axis: int) -> Tensor:
    """0, 1, ... along the height (axis 1) or width (2): (L,) int32, an array where L is known."""
    length = images.shape[axis]
    if length is not None:
        return np.arange(length, dtype=np.int32)
    return _count(images[0, :, 0, 0] if axis == 1 else images[0, 0, :, 0])


def _count(line: Tensor) -> Tensor:
    return ops.cumsum(ops.ones_like(line, dtype="int32")) - 1


def _every(line: Tensor, step: int) -> Tensor:
    # A tuple, because Keras's symbolic tensors refuse a slice alone.
    return line[(slice(None, None, step),)]


def _pad(images: Tensor, axis: int, multiple: int) -> Tensor:
    """Repeat the last row or column until the length is a multiple."""
    length, places = images.shape[axis], positions(images, axis)
    if length is None:
        # Every so-maniest place, so often: as many as there are after padding.
        longer = _count(ops.repeat(_every(places, multiple), multiple, axis=0))
        return ops.take(images, ops.minimum(longer, ops.max(places)), axis=axis)
    if length % multiple == 0:
        return images
    longer = np.arange(length + -length % multiple, dtype=np.int32)
    return ops.take(images, np.minimum(longer, length - 1), axis=axis)


def _crop(features: Tensor, axis: int, images: Tensor, stride: int) -> Tensor:
    """Only the features that the picture's own pixels reach."""
    places = _every(positions(images, axis), stride) // stride
    if isinstance(places, np.ndarray) and len(places) == features.shape[axis]:
        return features
    return ops.take(features, places, axis=axis)
