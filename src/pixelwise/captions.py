"""Names written onto the regions of a picture, where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from pixelwise.types import Image

Box = tuple[float, float, float, float]


def write_names(image: Image, id_map: NDArray[np.int32], names: Sequence[str]) -> Image:
    """Write each instance's name at its innermost place, the largest first.

    A name is left out where it would cover another, or where its instance is too small to tell
    whose it is.

    Args:
        image: (H, W, 3) uint8.
        id_map: (H, W) int32, n = instance n - 1, 0 = none.
        names: N of them, one for each instance.
    """
    page = Pillow.fromarray(image)
    writer = ImageDraw.Draw(page)
    size_px = max(10, round(max(image.shape[:2]) / 50))
    font, edge_px = ImageFont.load_default(size=size_px), size_px // 8
    placed: list[Box] = []
    for depth, x, y, name in sorted(_places(id_map, names), reverse=True):
        around = writer.textbbox((x, y), name, font, "mm", stroke_width=edge_px)
        box = _inside(around, page.size)
        if depth >= size_px / 2 and not any(_overlap(box, other) for other in placed):
            at = x + box[0] - around[0], y + box[1] - around[1]
            writer.text(at, name, "white", font, "mm", stroke_width=edge_px, stroke_fill="black")
            placed.append(box)
    return np.asarray(page, np.uint8)


def _places(
    id_map: NDArray[np.int32], names: Sequence[str]
) -> list[tuple[float, float, float, str]]:
    """(depth, x, y, name) of each instance's pixel that lies farthest from its border, in px."""
    places = []
    for number, place in enumerate(ndimage.find_objects(id_map, len(names)), start=1):
        if place is not None:
            mask = np.pad(id_map[place] == number, 1).astype(np.uint8)
            _, depth, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(mask, cv2.DIST_L2, 3))
            left, top = place[1].start, place[0].start
            places.append((depth, left + x - 0.5, top + y - 0.5, names[number - 1]))
    return places


def _inside(box: Box, size_wh: tuple[int, int]) -> Box:
    """The box, moved into the picture."""
    left, top, right, bottom = box
    x = max(0, min(left, size_wh[0] - (right - left))) - left
    y = max(0, min(top, size_wh[1] - (bottom - top))) - top
    return left + x, top + y, right + x, bottom + y


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
