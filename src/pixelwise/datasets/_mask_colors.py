"""Masks in which each colour is a class."""

from __future__ import annotations

from collections.abc import Sequence

from pixelwise.datasets._look import Look
from pixelwise.datasets._masks import (
    MAX_CLASSES,
    Kind,
    MaskMeaning,
    from_named_values,
    rgb_of,
)
from pixelwise.datasets._names import Names
from pixelwise.datasets._soft import union
from pixelwise.types import PixelwiseError


def is_by_color(looks: Sequence[Look], names: Names | None) -> bool:
    """Whether colours, and no values or palette indices, are what the masks say."""
    if has_color(looks):
        return True
    palettes = sorted({look.palette for look in looks if look.palette}, key=len)
    # Writers cut a palette after the last colour in use, so a shorter one may be the same.
    if any(palettes[-1][: len(palette)] != palette for palette in palettes):
        return True
    if names is None or names.colors is None:
        return False
    met = colors_met(looks)
    return met <= set(names.colors) and max(union(looks)) >= min(2, len(names.colors))


def by_color(looks: Sequence[Look], names: Names | None) -> tuple[MaskMeaning, tuple[str, ...]]:
    """Each colour is a class: the meaning, and a sentence for what was decided.

    Raises:
        PixelwiseError: JPEG, too many colours, or one that the names file does not name.
    """
    lossy = next((look for look in looks if look.is_lossy), None)
    if lossy is not None:
        raise PixelwiseError(
            f"{lossy.path} is a colour mask saved as JPEG, which changed its colours. Save masks "
            "as PNG."
        )
    met = colors_met(looks)
    if names is not None and names.colors is not None:
        return _named_colors(looks, met, names), (f"Class names and colours from {names.file}.",)
    if len(met) > MAX_CLASSES:
        raise PixelwiseError(
            f"The masks hold {len(met)} colours, so these are instance ids or smoothed edges, not "
            "classes. Say --masks ids=NAME if each colour is one object, or --masks binary=NAME to "
            "outline everything that is not black as one class."
        )
    ordered = sorted(met)
    first = "background" if ordered[0] == 0 else f"colour #{ordered[0]:06x}"
    rest = ["foreground"] if len(ordered) == 2 else [f"colour #{code:06x}" for code in ordered[1:]]
    named = list(zip(ordered, [first, *rest], strict=True))
    note = f"Each of {len(met)} mask colours is a class; label_colors.txt (R G B name) names them."
    return from_named_values("colour", named), (note,)


def _named_colors(looks: Sequence[Look], met: frozenset[int], names: Names) -> MaskMeaning:
    assert names.colors is not None
    unnamed = sorted(met - set(names.colors))
    if unnamed:
        first = next(look.path for look in looks if unnamed[0] in colors_met([look]))
        red, green, blue = rgb_of(unnamed[0])
        raise PixelwiseError(
            f"{first} holds the colour {red} {green} {blue}, which {names.file} does not name. Add "
            "it there (as void to leave it out), or correct the mask."
        )
    kind: Kind = "colour"
    return from_named_values(kind, zip(names.colors, names.names, strict=True))


def colors_met(looks: Sequence[Look]) -> frozenset[int]:
    """All colours met, those of grey files too."""
    met: set[int] = set()
    for look in looks:
        met |= look.colors or {value * 0x010101 for value in look.values if value <= 255}
    return frozenset(met)


def has_color(looks: Sequence[Look]) -> bool:
    """Whether a file holds colours that are not grey."""
    return any(look.is_color for look in looks)
