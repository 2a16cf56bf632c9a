"""How COCO writes masks: run-length codes (by a library that agrees with COCO's own to the pixel),
and segment ids as the colours of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.types import PixelwiseError

Mask = NDArray[np.bool_]

# Columns are read in strips of about so many pixels, so that no second whole map is held.
_STRIP_PX = 2**22


def encode(mask: Mask) -> dict[str, Any]:
    """A mask (H, W) bool as {"size": [H, W], "counts": str}, as COCO's files hold it."""
    from faster_coco_eval.core import mask as coco

    found = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in found["size"]], "counts": found["counts"].decode()}


def encode_all(id_map: NDArray[np.int32], count: int) -> list[dict[str, Any]]:
    """Every instance as `encode` would write it, in one pass over the pixels for all of them.

    Args:
        id_map: (H, W) int32, n = instance n - 1, 0 = none.
        count: how many instances there are.
    """
    from faster_coco_eval.core import mask as coco

    height, width = id_map.shape
    starts, ids = _runs(id_map)
    ends = np.append(starts[1:], id_map.size)
    order = np.argsort(ids, kind="stable")
    borders = np.stack([starts, ends], axis=1)[order]
    first = np.searchsorted(ids[order], np.arange(1, count + 2))
    masks = []
    for begin, end in pairwise(first):
        counts = np.diff(borders[begin:end].ravel(), prepend=0, append=id_map.size)
        # The last run, of pixels outside, is left out where the mask ends with the picture.
        known = counts if counts[-1] else counts[:-1]
        masks.append({"size": [height, width], "counts": known.tolist()})
    packed = coco.frPyObjects(masks, height, width) if masks else []
    return [{"size": [height, width], "counts": mask["counts"].decode()} for mask in packed]


def _runs(id_map: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where, going down the columns one by one, a run of one number starts, and its number."""
    height, width = id_map.shape
    starts, ids, last = [], [], -1
    step = max(1, _STRIP_PX // height)
    for left in range(0, width, step):
        strip = id_map[:, left : left + step].ravel(order="F")
        begins = np.flatnonzero(np.diff(strip, prepend=np.int32(last)))
        starts.append(begins + left * height)
        ids.append(strip[begins])
        last = strip[-1]
    return np.concatenate(starts), np.concatenate(ids)


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


def colors_of_ids(ids: NDArray[np.integer]) -> NDArray[np.uint8]:
    """(H, W) ids below 2^24 as (H, W, 3) uint8 RGB: id = red + 256 green + 65,536 blue."""
    drawn = np.empty((*ids.shape, 3), np.uint8)
    for channel in range(3):
        drawn[..., channel] = (ids >> 8 * channel & 255).astype(np.uint8)
    return drawn


def ids_of_colors(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(H, W) int32 ids from (H, W, 3) uint8 RGB; see `colors_of_ids`."""
    wide = image.astype(np.int32)
    ids: NDArray[np.int32] = wide[..., 0] + (wide[..., 1] << 8) + (wide[..., 2] << 16)
    return ids
