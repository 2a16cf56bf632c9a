"""COCO's run-length encoding of masks, by a library that agrees with COCO's own to the pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.types import PixelwiseError

Mask = NDArray[np.bool_]


def encode(mask: Mask) -> dict[str, Any]:
    """A mask (H, W) bool as {"size": [H, W], "counts": str}, as COCO's files hold it."""
    from faster_coco_eval.core import mask as coco

    found = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in found["size"]], "counts": found["counts"].decode()}


def decode(segmentation: Any, size_hw: tuple[int, int]) -> Mask:
    """A mask (H, W) bool from what COCO's files hold.

    Args:
        segmentation: polygons [[x, y, x, y, ...], ...], or {"size", "counts"} with counts as a
            list (crowds) or compressed text.
        size_hw: the picture's size in pixels.

    Raises:
        PixelwiseError: none of these, or of another size.
    """
    from faster_coco_eval.core import mask as coco

    if isinstance(segmentation, Sequence) and not isinstance(segmentation, str):
        whole = [polygon for polygon in segmentation if len(polygon) >= 6]
        if not whole:
            return np.zeros(size_hw, np.bool_)
        parts = coco.frPyObjects([list(map(float, polygon)) for polygon in whole], *size_hw)
        return np.asarray(coco.decode(coco.merge(parts)), np.bool_)
    if not isinstance(segmentation, Mapping) or not {"size", "counts"} <= set(segmentation):
        raise PixelwiseError(
            "A COCO segmentation is polygons or {size, counts}, not "
            f"{type(segmentation).__name__}."
        )
    if tuple(segmentation["size"]) != tuple(size_hw):
        raise PixelwiseError(
            f"A mask of {segmentation['size']} (height, width) lies on a picture of "
            f"{list(size_hw)}."
        )
    packed = segmentation
    if isinstance(segmentation["counts"], list):
        packed = coco.frPyObjects(segmentation, *size_hw)
    return np.asarray(coco.decode(packed), np.bool_)
