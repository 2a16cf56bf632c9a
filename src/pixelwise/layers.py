"""Instances on layers: masks that may overlap, held as few maps of numbers; see `Annotation`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from pixelwise.types import PixelwiseError

_MOST = 65_535


def lay(masks: Iterable[NDArray[np.bool_]], size_hw: tuple[int, int]) -> NDArray[np.uint16]:
    """Put masks on layers, each on the first where it overlaps none.

    Args:
        masks: (H, W) bool each, in the order of their instances.
        size_hw: height and width in pixels.

    Returns:
        (L, H, W) uint16; n on any layer is the n-th mask, counted from 1.

    Raises:
        PixelwiseError: more than 65,535 masks.
    """
    found: list[NDArray[np.uint16]] = []
    for number, mask in enumerate(masks, start=1):
        if number > _MOST:
            raise PixelwiseError(f"A picture may hold {_MOST} instances at most. Cut it in parts.")
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            continue
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        inside = mask[box]
        for layer in found:
            if not layer[box][inside].any():
                break
        else:
            layer = np.zeros(size_hw, np.uint16)
            found.append(layer)
        layer[box][inside] = number
    return np.stack(found) if found else np.zeros((0, *size_hw), np.uint16)


def flat(layers: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """(H, W) uint16: one number a pixel; where layers overlap, that of the first layer."""
    whole = np.zeros(layers.shape[1:], np.uint16)
    for layer in layers[::-1]:
        np.copyto(whole, layer, where=layer > 0)
    return whole


Box = tuple[slice, slice]
"""Rows and columns."""


def boxes(layers: NDArray[np.integer], count: int) -> list[Box | None]:
    """The box around each instance's pixels; None for one without a pixel.

    Args:
        layers: (L, H, W); n on any layer is instance n - 1. An instance lies on one layer.
        count: how many instances there are.
    """
    found: list[Box | None] = [None] * count
    for layer in layers:
        for index, box in enumerate(find_objects(layer, count)):
            if box is not None:
                found[index] = box[0], box[1]
    return found


def corners(layers: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """(count, 4) xyxy in pixels, right and bottom exclusive; zeros for one without a pixel."""
    edges = np.zeros((count, 4), np.int64)
    for index, box in enumerate(boxes(layers, count)):
        if box is not None:
            rows, columns = box
            edges[index] = columns.start, rows.start, columns.stop, rows.stop
    return edges


def touched(box_xyxy: Sequence[float]) -> Box:
    """Rows and columns of all pixels that a box touches; it may reach out of the picture."""
    left, top = (max(0, math.floor(edge)) for edge in box_xyxy[:2])
    right, bottom = (max(0, math.ceil(edge)) for edge in box_xyxy[2:])
    return slice(top, bottom), slice(left, right)
