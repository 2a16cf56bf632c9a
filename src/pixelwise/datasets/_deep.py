"""Images of more than eight bits a channel: their numbers, and which number is white.

A file of 16 bits may hold a camera's 12, and a float may go to 1, 255 or 65535. One file cannot
tell: a dark one would come out bright, and a single hot pixel would darken the rest. What counts as
white is therefore settled for a whole dataset (`settled_level`), or given, or that of the type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._orientation import orientation_of, turn
from pixelwise.datasets._tiff import Tags, is_tiff, read_cv2, read_tags, read_values, refuse_several
from pixelwise.types import Image, PixelwiseError

# The depths that cameras, microscopes and scanners deliver inside 16-bit files.
_DEPTHS = (8, 10, 12, 14, 16)
# Resizing and filters leave values so far outside the range; they are cut off.
_OVERSHOOT = 0.05
# A float image whose values (but for specks) stay below this goes from 0 to 1.
_FLOAT_ONE = 2.0
_PNG = b"\x89PNG\r\n\x1a\n"
# Decoded numbers of one image; as many again are needed to work with them.
MAX_BYTES = 2**29
_ROWS = 256


@dataclass(frozen=True)
class Deep:
    """Numbers of an image as stored, upright: (H, W) or (H, W, C), RGB order.

    ``full``: the number that its type means by white, None for floats. ``is_white_zero``: small
    numbers are bright. ``alpha``: the last channel is one; ``is_cmyk``: the four are inks.
    """

    values: NDArray[Any]
    full: float | None
    is_white_zero: bool = False
    alpha: bool = False
    is_cmyk: bool = False


@dataclass(frozen=True)
class Level:
    """How bright one deep image is: the largest number but for specks, and whether it is a float.

    ``full``: what its type means by white.
    """

    top: float
    is_float: bool
    full: float


def is_deep(path: Path) -> bool:
    """Whether a file holds more than eight bits a channel."""
    if is_tiff(path):
        return read_tags(path).is_deep
    with path.open("rb") as file:
        head = file.read(25)
    # The bit depth in PNG's first chunk is byte 24 of the file.
    return len(head) == 25 and head.startswith(_PNG) and head[24] == 16


def read_deep(path: Path, tags: Tags | None = None) -> Deep:
    """The numbers of a 16-bit PNG or a deep TIFF.

    Args:
        path: the file.
        tags: of a TIFF, where they have been read.

    Raises:
        PixelwiseError: several pages, channels without a meaning, or more than `MAX_BYTES`.
        OSError, ValueError: a damaged file.
    """
    if not is_tiff(path):
        values = read_cv2(path)
        alpha = values.ndim == 3 and values.shape[2] in (2, 4)
        return Deep(turn(values, orientation_of(path)), 65535.0, alpha=alpha)
    tags = tags or read_tags(path)
    refuse_several(path, tags)
    height, width = tags.size_hw
    if height * width * tags.channels * tags.bits // 8 > MAX_BYTES:
        raise PixelwiseError(
            f"{path} takes more than {MAX_BYTES // 2**20} MiB unpacked, which is the most that is "
            "read: cut it into tiles, or save it with 8 bits a channel."
        )
    values = turn(read_values(path, tags), tags.orientation)
    if values.dtype.kind == "c":
        raise PixelwiseError(f"{path} holds complex numbers. Save their magnitude as an image.")
    if values.ndim == 3 and values.shape[2] == 4 and not (tags.alpha or tags.is_cmyk):
        values = values[..., :3]
    return Deep(values, _full(values, tags.bits), tags.is_white_zero, tags.alpha, tags.is_cmyk)


def _full(values: NDArray[Any], bits: int) -> float | None:
    """What a type means by white; integers of 32 bits are a wider box for 16."""
    if values.dtype.kind == "f":
        return None
    bits = min(bits, 16) - (values.dtype.kind == "i" and bits <= 16)
    return 2.0**bits - 1


# --- which number is white ------------------------------------------------------------------------


def level_of(path: Path) -> Level:
    """How bright one deep image is.

    Raises:
        PixelwiseError, OSError, ValueError: as `read_deep`.
    """
    deep = read_deep(path)
    low, top = _without_specks(_color(deep))
    full = _own_scale(max(top, -low)) if deep.full is None else deep.full
    return Level(top, deep.full is None, full)


def settled_level(levels: Sequence[Level]) -> float:
    """The number that is white in a set of deep images.

    Of integers the largest that fits the smallest usual depth (8, 10, 12, 14 or 16 bits) of all;
    of floats 1, 255 or one of these.
    """
    whole = [level.top for level in levels if not level.is_float]
    if not whole:
        return _own_scale(max(level.top for level in levels))
    return next((2.0**bits - 1 for bits in _DEPTHS if max(whole) <= 2**bits - 1), 65535.0)


def _own_scale(top: float) -> float:
    """What floats up to here are fractions of."""
    if top <= _FLOAT_ONE:
        return 1.0
    fits = (2.0**bits - 1 for bits in _DEPTHS if top <= (2**bits - 1) * (1 + _OVERSHOOT))
    return next(fits, 65535.0)


def _without_specks(channels: NDArray[Any]) -> tuple[float, float]:
    """Smallest and largest number after a median filter: hot pixels and dead ones are no light."""
    low, high = np.inf, -np.inf
    for index in range(channels.shape[2]):
        channel = channels[..., index]
        exact = channel.dtype in (np.uint8, np.uint16)
        plain = np.ascontiguousarray(channel if exact else np.nan_to_num(channel, posinf=np.inf))
        smooth = cv2.medianBlur(plain if exact else plain.astype(np.float32), 3)
        low, high = min(low, float(smooth.min())), max(high, float(smooth.max()))
    return low, high


# --- eight bits -----------------------------------------------------------------------------------


def to_rgb8(deep: Deep, path: Path, white_level: float | None) -> Image:
    """Deep values to (H, W, 3) uint8 RGB.

    Args:
        deep: the numbers.
        path: for the message.
        white_level: the number that is white; None = what the type means (floats: 1, 255 or
            65535, whichever their bulk fits).

    Raises:
        PixelwiseError: values far below 0 or above white.
    """
    color = _color(deep)
    white = _white(deep, color, path, white_level)
    rgb = np.empty((*color.shape[:2], 3), np.uint8)
    for start in range(0, len(color), _ROWS):  # by strips: floats of the whole take four times it
        rows = slice(start, start + _ROWS)
        rgb[rows] = _strip(deep, color[rows], white, rows)
    return rgb


def _color(deep: Deep) -> NDArray[Any]:
    """(H, W, C) without alpha."""
    channels = deep.values[..., None] if deep.values.ndim == 2 else deep.values
    return channels[..., :-1] if deep.alpha else channels


def _strip(deep: Deep, color: NDArray[Any], white: float, rows: slice) -> NDArray[np.uint8]:
    light = np.nan_to_num(color.astype(np.float32) / white).clip(0, 1)
    if deep.is_white_zero:
        light = 1 - light
    if deep.is_cmyk:
        light = (1 - light[..., :3]) * (1 - light[..., 3:])
    if deep.alpha:
        full = 1.0 if deep.full is None else deep.full
        opacity = (deep.values[rows, :, -1:].astype(np.float32) / full).clip(0, 1)
        light = light * opacity + (1 - opacity)
    eight = np.rint(255 * light).astype(np.uint8)
    return eight if eight.shape[2] == 3 else np.repeat(eight[..., :1], 3, axis=2)


def _white(deep: Deep, color: NDArray[Any], path: Path, asked: float | None) -> float:
    """The number that is white in this image.

    Raises:
        PixelwiseError: its values do not fit it.
    """
    low, top = _without_specks(color)
    is_float = deep.full is None
    own = _own_scale(top) if deep.full is None else deep.full
    # A level of 1 is of floats: integers beside them go by their type.
    white = own if asked is None or (asked <= 1 and not is_float) else asked
    found = f"{path} holds values from {low:g} to {top:g}"
    if not low >= -_OVERSHOOT * white:
        raise PixelwiseError(
            f"{found}; an image's are not negative. Scale them to 0 to 1 (float), or to 0 to 255 "
            "or 65535 (whole numbers), every image by the same factor."
        )
    if not top <= (_FLOAT_ONE if is_float and white == 1 else (1 + _OVERSHOOT) * white):
        raise PixelwiseError(
            f"{found}, and {white:g} counts as white. If the larger values are right, say so with "
            "--white-level; otherwise scale the file as the others are."
        )
    if is_float and white > _FLOAT_ONE and 0 < top <= 1:
        raise PixelwiseError(
            f"{found}, and {white:g} counts as white, so it would be black. Scale it as the other "
            "images are."
        )
    return white
