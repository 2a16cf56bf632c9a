"""Pascal VOC's maps of classes and of objects, as numbers or drawn in colours.

VOC's own are palette files, whose indices are the numbers. Tools also write them as RGB: CVAT in
the colours of labelmap.txt, others in those of VOC's palette. Of objects in colours each colour is
one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._codes import Codes, colors, grey, is_grey
from pixelwise.datasets._masks import fit_to_image, rgb_of
from pixelwise.datasets._pictures import Stored, read_stored
from pixelwise.types import IGNORE, PixelwiseError

Numbers = NDArray[np.uint16]
"""(H, W): 0 where there is nothing, 255 where nothing is known."""

NO_NAME = IGNORE + 1
"""In a map of classes: a number without a name."""

_MOST_COLORS = 65_000


@dataclass(frozen=True)
class Legend:
    """What is in the maps of classes.

    ``numbers``: the value of each thing, in order. ``known``: the colours that ``file`` names ->
    the place of the thing from 1, 0 for background, 255 for what is ignored.
    """

    numbers: tuple[int, ...]
    known: dict[int, int] = field(default_factory=dict)
    file: str = ""


def read_classes(path: Path, size_hw: tuple[int, int], legend: Legend) -> Numbers:
    """(H, W): the category of each pixel, 0 for background, 255 for void.

    Raises:
        PixelwiseError: unreadable, or a number or colour that is no class.
    """
    stored = read_stored(path)
    if legend.known and _is_drawn_in(stored, legend.known):
        return _fit(_looked_up(colors(stored), legend.known, path, legend.file), path, size_hw)
    if is_in_colors(stored):
        codes = _looked_up(colors(stored), _vocs_colors(), path, "VOC's palette")
    else:
        codes = _small(stored, path)
    return _fit(_categories(codes, legend), path, size_hw)


def read_objects(path: Path, size_hw: tuple[int, int]) -> Numbers:
    """(H, W): a number for each object, 255 for void.

    Raises:
        PixelwiseError: unreadable, or more colours than objects can be told apart.
    """
    stored = read_stored(path)
    if not is_in_colors(stored):
        return _fit(_small(stored, path), path, size_hw)
    codes = colors(stored)
    found, numbers = np.unique(codes, return_inverse=True)
    if len(found) > _MOST_COLORS:
        raise PixelwiseError(
            f"{path} holds {len(found):,} colours, so it was smoothed or saved as JPEG. Export it "
            "as PNG."
        )
    # Numbers from 256 on, so that none of them is void's 255.
    table = np.arange(256, 256 + len(found), dtype=np.uint16)
    table[found == 0], table[found == _void_color()] = 0, IGNORE
    return _fit(table[numbers.reshape(codes.shape)], path, size_hw)


def is_in_colors(stored: Stored) -> bool:
    """Whether the values are colours and not numbers (or indices of a palette)."""
    values = stored.values
    return values.ndim == 3 and values.shape[2] >= 3 and not is_grey(values[..., :3])


def _is_drawn_in(stored: Stored, known: dict[int, int]) -> bool:
    """Whether the colours of a file are those of the names file.

    A palette file may have the colours of any writer, and only its indices count then.
    """
    if is_in_colors(stored):
        return True
    return stored.palette is not None and set(np.unique(colors(stored)).tolist()) <= known.keys()


def _looked_up(codes: Codes, known: dict[int, int], path: Path, source: str) -> Numbers:
    found, places = np.unique(codes, return_inverse=True)
    known = {0: 0, _void_color(): IGNORE, **known}
    strange = [code for code in found.tolist() if code not in known]
    if strange:
        red, green, blue = rgb_of(strange[0])
        raise PixelwiseError(
            f"{path} holds the colour {red},{green},{blue}, which {source} does not name. Add it "
            "to labelmap.txt as NAME:R,G,B::, or correct the file."
        )
    table = np.array([known[code] for code in found.tolist()], np.uint16)
    return table[places.reshape(codes.shape)]


def _categories(codes: Numbers, legend: Legend) -> Numbers:
    """From the numbers in a map to the places of the things, counted from 1."""
    table = np.full(IGNORE + 1, NO_NAME, np.uint16)
    table[[0, IGNORE]] = 0, IGNORE
    for place, number in enumerate(legend.numbers, 1):
        if number <= IGNORE:
            table[number] = place
    return table[codes]


def _small(stored: Stored, path: Path) -> Numbers:
    values = grey(stored, path)
    if values.max(initial=0) > IGNORE:
        raise PixelwiseError(f"{path} holds {values.max()}; a VOC map holds values up to 255.")
    return values.astype(np.uint16)


def _fit(values: Numbers, path: Path, size_hw: tuple[int, int]) -> Numbers:
    return fit_to_image(values, path, size_hw)


@cache
def _vocs_colors() -> dict[int, int]:
    """VOC's palette, colour -> index: the bits of an index, shared out to red, green and blue."""
    found = {}
    for index in range(256):
        code = 0
        for bit in range(8):
            for shift, channel in ((16, 0), (8, 1), (0, 2)):
                code |= (index >> (3 * bit + channel) & 1) << (7 - bit) << shift
        found[code] = index
    return found


def _void_color() -> int:
    return next(code for code, index in _vocs_colors().items() if index == IGNORE)
