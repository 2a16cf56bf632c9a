"""Masks that are no masks by their names: trimaps, and outlines drawn as lines.

A trimap says of each pixel foreground, background or unknown: 1, 2, 3 as in the Oxford pets, or
255, 0 and what lies between as for matting.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from pixelwise.datasets._affixes import name_of
from pixelwise.datasets._codes import grey_or_color
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._look import even_sample, look_at
from pixelwise.datasets._masks import MaskMeaning, binary_categories
from pixelwise.datasets._pairs import Pair
from pixelwise.datasets._pictures import read_stored
from pixelwise.datasets._roles import words_of
from pixelwise.types import IGNORE, PixelwiseError

_TRIMAPS = frozenset(("trimap", "trimaps"))
_OUTLINES = frozenset(("contour", "contours", "outline", "outlines", "outlined", "edges"))
_LOOKED_AT = 10
# An object's outline is a small part of it; a mask with a hole in it is most of what it encloses.
_ENCLOSED = 3.0
_MOST_BETWEEN = 8


def meaning_of_trimaps(
    root: Path, pairs: Sequence[Pair], foreground: str
) -> tuple[MaskMeaning, str] | None:
    """What the values of trimaps mean, with a sentence; None where the masks are called otherwise.

    None also where they hold other values, which are then looked at as in any folder.
    """
    if not all(_is_called(pair.mask, _TRIMAPS) for pair in pairs):
        return None
    looks, _ = look_at([root / pair.mask for pair in pairs])
    if any(look.is_color for look in looks):
        return None
    values = frozenset().union(*(look.values for look in looks))
    unknown: tuple[int, ...]
    between = tuple(sorted(values - {0, IGNORE}))
    if values <= {1, 2, 3} and {1, 2} <= values:
        back, front, unknown = 2, 1, (3,)
    elif {0, IGNORE} <= values and 1 <= len(between) <= _MOST_BETWEEN:
        back, front, unknown = 0, IGNORE, between
    else:
        return None
    shown = ", ".join(map(str, unknown))
    meaning = MaskMeaning("index", binary_categories(foreground), (back, front), unknown)
    return meaning, (
        f"Trimaps: {front} is {foreground}, {back} background, and {shown} unknown, which is "
        "ignored."
    )


def refuse_lines(root: Path, pairs: Sequence[Pair]) -> None:
    """Files that are called outlines may hold lines, which a mask fills.

    Raises:
        PixelwiseError: most of them enclose far more than they mark.
    """
    called = [pair.mask for pair in pairs if _is_called(pair.mask, _OUTLINES)]
    looked_at = [called[place] for place in even_sample(len(called), _LOOKED_AT)]
    lines = [mask for mask in looked_at if _is_line(root / mask)]
    if lines and 2 * len(lines) > len(looked_at):
        raise PixelwiseError(
            f"{root / lines[0]} draws an outline as a line; a mask marks everything inside it. "
            "Fill the outlines (for example with scipy.ndimage.binary_fill_holes, or with ImageJ's "
            "Fill Holes), and save them as masks."
        )


def _is_called(mask: str, words: frozenset[str]) -> bool:
    last = folder_of(mask).rpartition("/")[2]
    return bool(words.intersection((*words_of(last), *words_of(name_of(mask)))))


def _is_line(path: Path) -> bool:
    try:
        marked = grey_or_color(read_stored(path)) > 0
    except PixelwiseError:
        return False  # the check and the training name what cannot be read
    enclosed = ndimage.binary_fill_holes(marked)
    return bool(np.count_nonzero(enclosed) > _ENCLOSED * np.count_nonzero(marked) > 0)
