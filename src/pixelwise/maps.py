"""Pure algebra on target maps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.types import IGNORE, LabelMap


def area_pool(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average every ``factor`` x ``factor`` block: (H, W) to (H / factor, W / factor) float32."""
    height, width = values.shape
    size = (width // factor, height // factor)
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def class_shares(
    labels: LabelMap, num_classes: int, factor: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of each block of pixels every class covers.

    Point-sampling a finer label map throws the border's position away; its area shares keep it.

    Args:
        labels: (H, W) uint8 class index, 255 = ignore; H and W are multiples of ``factor``.
        num_classes: C.
        factor: pixels of ``labels`` along the side of a block.

    Returns:
        shares (C, H / factor, W / factor) float32, summing to 1 where anything is known, and the
        known share of each block, (1, H / factor, W / factor) float32.
    """
    known = area_pool((labels != IGNORE).astype(np.float32), factor)
    covered = [area_pool((labels == c).astype(np.float32), factor) for c in range(num_classes)]
    shares = np.divide(np.stack(covered), np.maximum(known, 1e-6), dtype=np.float32)
    return shares, known[None]
