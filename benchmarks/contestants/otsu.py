"""Otsu's threshold (1979) on the luminance; the darker side is the lesion."""

from __future__ import annotations

import cv2
import numpy as np

from contestants import Image, Mask
from contestants._job import Job
from contestants._ready import Ready


def outline(image: Image) -> Mask:
    """(H, W, 3) uint8 -> (H, W) uint8, 255 where dark."""
    luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, mask = cv2.threshold(luminance, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    return np.asarray(mask, dtype=np.uint8)


def build(job: Job) -> Ready:
    """Nothing to build."""
    return Ready(outline)
