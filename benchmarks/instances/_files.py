"""Pictures and numbered objects as files, read the same by everyone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from instances import Ids, Image

_MOST = 65_535


def read_image(path: str | Path) -> Image:
    """A picture as (H, W, 3) uint8 RGB, whether it is grey, a palette, RGB or RGBA."""
    with Pillow.open(path) as picture:
        return np.array(picture.convert("RGB"), np.uint8)


def read_ids(path: str | Path) -> Ids:
    """A picture of numbers (grey, 8 to 32 bits) as (H, W) int32.

    Raises:
        ValueError: it has colours.
    """
    with Pillow.open(path) as picture:
        values = np.array(picture)
    if values.ndim != 2:
        raise ValueError("it has colours, and not one grey number for each object, 0 for none.")
    return values.astype(np.int32)


def write_ids(path: Path, ids: Ids) -> None:
    """Write numbered objects as a 16-bit PNG, renumbered from 1.

    A network that has learned next to nothing may find an object at every pixel: of more than
    65,535 the largest are kept.
    """
    values, place, areas = np.unique(ids, return_inverse=True, return_counts=True)
    order = np.argsort(-areas[values > 0], kind="stable")[:_MOST]
    numbers = np.zeros(len(values), np.uint16)
    numbers[np.flatnonzero(values > 0)[order]] = np.arange(1, len(order) + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(numbers[place].reshape(ids.shape)).save(path)
