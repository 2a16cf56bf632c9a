"""The shapes of LabelMe's JSON files, and the pixels that they fill."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil

from pixelwise.datasets import _shapes
from pixelwise.datasets._pictures import MAX_PIXELS
from pixelwise.datasets._shapes import Mask
from pixelwise.types import PixelwiseError

RECTANGLE = "rectangle"
# "rotation" is X-AnyLabeling's word for a rotated rectangle, given by its four corners.
_CORNERED = ("rotation", "oriented_rectangle", "quadrilateral")
WITH_AREA = ("polygon", RECTANGLE, "circle", "mask", *_CORNERED)
# A mask farther from the image than this many times its size is a mistake.
_FAR = 4

Shape = Mapping[str, Any]
"""One entry of "shapes", as LabelMe writes it."""


def shapes_of(held: Mapping[str, Any], path: Path) -> list[Shape]:
    for number, shape in enumerate(held["shapes"]):
        if not isinstance(shape, dict):
            raise PixelwiseError(
                f'{path}: entry {number} of "shapes" is not as LabelMe writes it; each needs label '
                "and points. Correct it, or take it out."
            )
    shapes: list[Shape] = held["shapes"]
    return shapes


def label_of(shape: Shape) -> str:
    return str(shape.get("label", ""))


def kind_of(shape: Shape) -> str:
    return str(shape.get("shape_type") or "polygon")


def has_area(shape: Shape) -> bool:
    return kind_of(shape) in WITH_AREA


def union(
    shapes: Sequence[Shape], path: Path, size_hw: tuple[int, int], scale_xy: tuple[float, float]
) -> Mask:
    whole = np.zeros(size_hw, np.bool_)
    for shape in shapes:
        try:
            whole |= _fill(shape, np.array(shape["points"], np.float64) * scale_xy, size_hw)
        except (
            *(KeyError, TypeError, ValueError, IndexError, OverflowError, binascii.Error),
        ) as error:
            raise PixelwiseError(
                f"{path} holds a {kind_of(shape)} labelled '{label_of(shape)}' that cannot "
                f"be drawn ({error}). Draw it again, or delete it."
            ) from error
    return whole


def _fill(shape: Shape, points: _shapes.Points, size_hw: tuple[int, int]) -> Mask:
    kind = kind_of(shape)
    if kind == "circle":
        return _shapes.disc(points[0], points[1], size_hw)
    if kind == "mask":
        return _paste(str(shape["mask"]), points, size_hw)
    if kind == RECTANGLE and len(points) == 2:
        return _shapes.rectangle(points[0], points[1], size_hw)
    return _shapes.polygon(points, size_hw)


def _paste(encoded: str, points: _shapes.Points, size_hw: tuple[int, int]) -> Mask:
    """A mask stored as a small PNG, stretched over the pixels between its two corners."""
    try:
        with Pil.open(io.BytesIO(base64.b64decode(encoded))) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"its mask claims more than {MAX_PIXELS:,} pixels")
            if not (np.abs(points) <= _FAR * max(size_hw)).all():
                raise ValueError("its corners lie nowhere near the image")
            left, top = np.floor(points.min(axis=0)).astype(int)
            right, bottom = np.floor(points.max(axis=0)).astype(int) + 1
            stretched = picture.convert("L").resize(
                (right - left, bottom - top), Pil.Resampling.NEAREST
            )
    except (OSError, SyntaxError, Pil.DecompressionBombError) as error:
        raise ValueError("its mask is no image") from error
    values = np.asarray(stretched) > 0
    whole = np.zeros(size_hw, np.bool_)
    inside = whole[max(top, 0) : bottom, max(left, 0) : right]
    inside |= values[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
    return whole
