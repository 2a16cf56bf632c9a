"""What the values in mask files mean, and mask files read accordingly.

The user's answer is a short string, and so is a meaning that has been settled, so that a run can
keep it and read another folder the same way:

==============================  ==================================================================
"auto"                          look at the masks, and stop where they could mean two things
"binary", "binary=NAME"         every value but 0 is one class, called NAME
"soft", "soft=NAME"             at least half of full scale is one class (grey edges, JPEG)
"soft:255=NAME"                 the same, where 255 is full scale whatever the files' type
"index"                         the value is the class; 255 is left out
"index=0:sky,3:road,255:ignore" these values are these classes
"index=sky,building,road"       the same, counted from 0
"colour"                        each RGB colour is a class
"colour=#000000:sky,#ff0000:a"  these colours are these classes
"ids", "ids=NAME"               every value but 0 is one object, each of them called NAME
"ids=NAME,NAME"                 the same, of several kinds: a table tells which, see `_ids`
==============================  ==================================================================

A class called void, unlabelled or ignore becomes 255: no loss and no metric looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import quote, unquote

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._codes import (
    Codes,
    colors,
    grey,
    grey_or_color,
    is_black_and_white,
    shades,
    without_alpha,
)
from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._pictures import Stored, is_rotated, read_stored
from pixelwise.draw import palette
from pixelwise.geometry import resize_labels
from pixelwise.types import IGNORE, Category, LabelMap, PixelwiseError

Kind = Literal["binary", "soft", "index", "colour", "ids"]
Numbers = TypeVar("Numbers", np.uint8, np.uint16)

MAX_CLASSES = 255
IGNORED_NAMES = frozenset(
    ("void", "unlabelled", "unlabeled", "ignore", "ignored", "__ignore__", "ignore_label")
)
OPTIONS = "auto, binary, binary=NAME, soft, soft=NAME, index, colour, ids or ids=NAME"

# Radius of the closing that mends seams between classes merged into one, as a share of the
# picture's short side. Chosen by eye and number on 112 street photographs (550 wide) with 59
# garment classes: 2 px there closes the unlabelled seams between garments and changes 0.09 % of
# the person's pixels; 4 px changes 0.34 % and begins to close true gaps between arm and body.
_SEAM_RADIUS = 0.004


@dataclass(frozen=True)
class MaskMeaning:
    """A settled meaning of mask values.

    ``values``: for "index" and "colour", the value (or 0xRRGGBB) of each category, in order.
    ``ignored``: values that become 255. ``has_seams``: several classes are merged into one, and
    the thin unlabelled seams between them are closed. ``full``: for "soft", full scale; None = what
    the type of a file means by it (255, 65535, of floats 1).
    """

    kind: Kind
    categories: tuple[Category, ...]
    values: tuple[int, ...] = ()
    ignored: tuple[int, ...] = ()
    has_seams: bool = False
    full: float | None = None

    def __str__(self) -> str:
        """The option that gives this meaning again, on any folder."""
        if self.kind in ("binary", "soft"):
            scale = "" if self.full is None else f":{self.full:g}"
            return f"{self.kind}{scale}={self.categories[1].name}"
        if self.kind == "ids":
            return "ids=" + ",".join(_quoted(category.name) for category in self.categories[1:])
        names = [category.name for category in self.categories]
        pairs = zip(self.values, names, strict=True)
        listed = [*pairs, *((value, "ignore") for value in self.ignored)]
        return f"{self.kind}=" + ",".join(
            f"{_value_text(self.kind, value)}:{_quoted(name)}" for value, name in listed
        )

    def labels(self, stored: Stored, path: Path) -> LabelMap:
        """Stored values to (H, W) uint8 category indices, 255 = ignore.

        Raises:
            PixelwiseError: a value without a meaning; the message names it and ``path``.
        """
        if self.kind in ("binary", "ids"):
            foreground: NDArray[np.bool_] = grey_or_color(stored) > 0
        elif self.kind == "soft":
            foreground = _half_and_more(stored, path, self.full)
        else:
            return self._look_up(stored, path)
        labels: LabelMap = foreground.astype(np.uint8)
        return _close_seams(labels) if self.has_seams else labels

    def _look_up(self, stored: Stored, path: Path) -> LabelMap:
        codes = colors(stored) if self.kind == "colour" else grey(stored, path)
        known, index = self._table
        position = np.searchsorted(known, codes).clip(0, len(known) - 1)
        wrong = known[position] != codes
        if wrong.any():
            raise PixelwiseError(self._unknown(int(codes[wrong][0]), path))
        return np.take(index, position)

    @cached_property
    def _table(self) -> tuple[Codes, LabelMap]:
        """Sorted codes, and the label of each."""
        pairs = [(value, index) for index, value in enumerate(self.values)]
        pairs += [(value, IGNORE) for value in self.ignored]
        codes, labels = zip(*sorted(pairs), strict=True)
        return np.array(codes, dtype=np.int32), np.array(labels, dtype=np.uint8)

    def _unknown(self, value: int, path: Path) -> str:
        what = "colour" if self.kind == "colour" else "value"
        known = ", ".join(_value_text(self.kind, value) for value in self.values[:8])
        dots = ", ..." if len(self.values) > 8 else ""
        return (
            f"{path} holds the {what} {_value_text(self.kind, value)}, which is no class here "
            f"({known}{dots}). Correct the mask, or name every {what}: --masks "
            f'"{self.kind}={_value_text(self.kind, value)}:NAME,..." (the name ignore leaves it '
            "out)."
        )


def read_labels(path: Path, meaning: MaskMeaning, size_hw: tuple[int, int]) -> LabelMap:
    """Read a mask file as (H, W) uint8 category indices at its image's size, 255 = ignore.

    A mask one pixel off, or of the same shape (within 1 %) at another scale, is resized by
    nearest neighbour.

    Raises:
        PixelwiseError: unreadable, a value without a meaning, or another shape than the image.
    """
    return fit_to_image(meaning.labels(read_stored(path), path), path, size_hw)


def fit_to_image(
    labels: NDArray[Numbers], path: Path, size_hw: tuple[int, int]
) -> NDArray[Numbers]:
    """A map read from a mask file, (H, W) uint8 or uint16, at its image's size.

    Raises:
        PixelwiseError: another shape than the image.
    """
    if labels.shape == size_hw:
        return labels
    if not is_same_shape(labels.shape, size_hw):
        raise PixelwiseError(_wrong_size(path, labels.shape, size_hw))
    return resize_labels(labels, size_hw)


def is_same_shape(mask_hw: Sequence[int], image_hw: Sequence[int]) -> bool:
    """Whether a mask can be resized to its image without doubt: a pixel off, or the same aspect."""
    (h, w), (H, W) = mask_hw, image_hw
    return (abs(h - H) <= 1 and abs(w - W) <= 1) or abs(h * W / (w * H) - 1) <= 0.01


def _wrong_size(path: Path, mask_hw: Sequence[int], size_hw: Sequence[int]) -> str:
    (h, w), (H, W) = mask_hw, size_hw
    cure = "Export the mask at its image's size, or take the pair out."
    if (h, w) == (W, H) and not is_rotated(path):
        cure = (
            "The two are turned by 90 degrees: the image's EXIF tag rotates it and the mask was "
            "drawn without; save the image upright without the tag, or turn the mask."
        )
    return f"The mask {path} is {w} x {h} pixels, but its image is {W} x {H}. {cure}"


def category(name: str, index: int, rgb: tuple[int, int, int] | None = None) -> Category:
    """A category in the colour it is drawn in: its own, or the palette's for its index."""
    return Category(name, _colors()[index] if rgb is None else rgb)


def binary_categories(name: str) -> tuple[Category, ...]:
    """Background and one class, drawn in light blue: it stands out on skin and on tissue."""
    return category("background", 0), category(name, 1, _colors()[2])


def parse(option: str) -> MaskMeaning | None:
    """A complete meaning from an option string; None where the masks must be looked at first.

    Raises:
        PixelwiseError: no such option; the message lists them.
    """
    kind, full, rest = split_option(option)
    if kind not in ("auto", *get_args(Kind)) or (kind == "auto" and rest):
        raise PixelwiseError(f"--masks {option} is not known. Expected {OPTIONS}.")
    if kind == "soft" and full is not None and rest:
        return MaskMeaning("soft", binary_categories(rest.strip()), full=full)
    if kind == "ids" and rest:
        return MaskMeaning("ids", thing_categories([unquote(name) for name in rest.split(",")]))
    if kind in ("index", "colour") and rest:
        return _parse_list("index" if kind == "index" else "colour", rest, option)
    return None


def split_option(option: str) -> tuple[str, float | None, str]:
    """The kind of an option, the full scale of "soft:255=NAME", and what follows the sign "=".

    Raises:
        PixelwiseError: a full scale that is no number above 0.
    """
    kind, _, rest = option.partition("=")
    kind, colon, scale = kind.strip().lower().replace("color", "colour").partition(":")
    if not colon:
        return kind, None, rest
    try:
        full = float(scale)
    except ValueError:
        full = 0.0
    if kind != "soft" or not 0 < full < 2**32:
        raise PixelwiseError(
            f"--masks {option} is not known. Expected {OPTIONS}; or soft:255=NAME, where 255 is "
            "full scale."
        )
    return kind, full, rest


def _parse_list(kind: Kind, rest: str, option: str) -> MaskMeaning:
    named: list[tuple[int, str]] = []
    for number, item in enumerate(rest.split(",")):
        value, colon, name = item.strip().partition(":")
        try:
            code = _value(kind, value) if colon else number
        except ValueError:
            code = -1
        if code < 0 or (kind == "colour" and not colon):
            example = "#ff0000:road" if kind == "colour" else "3:road"
            raise PixelwiseError(
                f"--masks {option}: '{item}' is no value with a name. Expected {kind}={example},..."
            )
        named.append((code, unquote(name if colon else value)))
    return from_named_values(kind, named)


def from_named_values(kind: Kind, named: Iterable[tuple[int, str]]) -> MaskMeaning:
    """An "index" or "colour" meaning from (value, name) pairs; void and its like are ignored."""
    pairs = [(value, name.strip()) for value, name in named]
    kept = [(value, name) for value, name in pairs if name.lower() not in IGNORED_NAMES]
    ignored = tuple(value for value, name in pairs if name.lower() in IGNORED_NAMES)
    if not 1 <= len(kept) <= MAX_CLASSES:
        raise PixelwiseError(f"{len(kept)} classes are named; from 1 to {MAX_CLASSES} can be told.")
    categories = tuple(
        category(name, index, rgb_of(value) if kind == "colour" else None)
        for index, (value, name) in enumerate(kept)
    )
    return MaskMeaning(kind, categories, tuple(value for value, _ in kept), ignored)


def rgb_of(code: int) -> tuple[int, int, int]:
    """0xRRGGBB to (r, g, b)."""
    return code >> 16, code >> 8 & 255, code & 255


@cache
def _colors() -> tuple[tuple[int, int, int], ...]:
    return palette(MAX_CLASSES)


def _quoted(name: str) -> str:
    return quote(name, safe=" /()+&")


def _value_text(kind: Kind, value: int) -> str:
    return f"#{value:06x}" if kind == "colour" else str(value)


def _value(kind: Kind, text: str) -> int:
    return int(text.strip().removeprefix("#"), 16) if kind == "colour" else int(text)


def _half_and_more(stored: Stored, path: Path, full: float | None) -> NDArray[np.bool_]:
    """Where a soft mask is at least half of full scale.

    Raises:
        PixelwiseError: the file holds colours.
    """
    values = without_alpha(stored.values)
    if values.ndim == 3:
        values = grey(stored, path)  # refuses colours
        full = full or 255.0
    if stored.palette is not None and is_black_and_white(stored.palette):
        values, full = shades(stored.palette, values), 255.0
    by_type = 1.0 if values.dtype.kind == "f" else full_of(values.dtype.itemsize)
    if full is None or _is_of_other_type(values, full):
        full = by_type
    half: NDArray[np.bool_] = values >= full / 2
    return half


def _is_of_other_type(values: NDArray[Any], full: float) -> bool:
    """Whether a full scale was settled on files of another type than this one's."""
    if values.dtype.kind == "f":
        return False
    return (values.dtype.itemsize == 1 and full > IGNORE) or (full <= 1 < int(values.max()))


def full_of(num_bytes: int) -> float:
    """Full scale of integers of so many bytes; wider ones are boxes for 16 bits."""
    return 255.0 if num_bytes == 1 else 65535.0


def _close_seams(labels: LabelMap) -> LabelMap:
    radius = max(1, round(_SEAM_RADIUS * min(labels.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(labels, cv2.MORPH_CLOSE, kernel), dtype=np.uint8)
