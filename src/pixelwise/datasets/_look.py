"""A look at mask files: which values are in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pixelwise.datasets._codes import (
    Codes,
    Numbers,
    colors,
    fits_unit,
    has_fractions,
    is_colored,
    is_transparent,
    numbers,
)
from pixelwise.datasets._pictures import Stored, read_stored
from pixelwise.types import PixelwiseError

MOST_LOOKED_AT = 200
# More colours than this in one file make it a photograph or a picture with smoothed edges.
_MOST_COLORS = 1_000
# Larger numbers are sorted, since counting them takes a table of their size.
_MOST_COUNTED = 2**20
# Files with no more values than this have no soft edges.
_FEW = 2


@dataclass(frozen=True)
class Look:
    """What one mask file holds.

    ``pixels``: grey value or palette index -> pixels; empty where ``is_color``. ``colors``: the
    0xRRGGBB met (of a palette file: those of the indices met), empty for a grey file. ``flat``:
    value or colour -> pixels whose eight neighbours are the same; soft edges have next to none.
    ``is_unit``: of a float file with fractions, whether it goes from 0 to 1; of all other files
    None. ``is_white_zero``: a TIFF that asks for its smallest number to be shown white.
    ``is_transparent``: parts of it are, and are background.
    """

    path: Path
    pixels: dict[int, int]
    colors: frozenset[int]
    is_color: bool
    palette: tuple[int, ...] = ()
    is_one_bit: bool = False
    is_lossy: bool = False
    is_deep: bool = False
    is_float: bool = False
    is_unit: bool | None = None
    is_white_zero: bool = False
    flat: Mapping[int, int] = field(default_factory=dict)
    is_transparent: bool = False

    @property
    def values(self) -> frozenset[int]:
        """Grey values or palette indices met."""
        return frozenset(self.pixels)


def look_at(masks: Sequence[Path]) -> tuple[tuple[Look, ...], tuple[Path, ...]]:
    """Look at all the masks, or at 200 evenly spread over a larger folder.

    Returns:
        The looks, and the files that could not be read (the check and the training name them).

    Raises:
        PixelwiseError: not one of them could be read; the first one's reason.
    """
    chosen = even_sample(len(masks), MOST_LOOKED_AT)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(_try_look, (masks[index] for index in chosen)))
    looks = _of_one_scale([look for look in found if isinstance(look, Look)])
    errors = [error for error in found if isinstance(error, PixelwiseError)]
    if not looks and errors:
        raise errors[0]
    unread = tuple(
        masks[i] for i, one in zip(chosen, found, strict=True) if not isinstance(one, Look)
    )
    return looks, unread


def even_sample(count: int, most: int) -> list[int]:
    """At most ``most`` indices below ``count``, evenly spread, first and last included."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})


def look(path: Path, is_unit: bool | None = None) -> Look:
    """Which values one mask file holds.

    Args:
        path: the file.
        is_unit: whether floats go from 0 to 1 and are multiplied by 255; None = whether this file
            has such fractions.

    Raises:
        PixelwiseError: unreadable, or no mask by its values.
    """
    stored = read_stored(path)
    if is_colored(stored):
        return _look_at_colors(stored, path)
    raw = stored.values
    is_float = raw.dtype.kind == "f"
    if is_float and is_unit is None and has_fractions(raw):
        is_unit = fits_unit(raw)
    found = numbers(stored, path, is_unit=is_unit if is_float else None)
    values, counts = _distinct(found)
    palette, used = _palette(stored, values)
    return Look(
        path,
        dict(zip(values.tolist(), counts.tolist(), strict=True)),
        used,
        False,
        palette,
        stored.is_one_bit,
        stored.is_lossy,
        raw.dtype.itemsize > 1 and not is_float,
        is_float,
        is_unit if is_float else None,
        stored.is_white_zero,
        _flat(found) if len(values) > _FEW else {},
        is_transparent(stored.values),
    )


def _look_at_colors(stored: Stored, path: Path) -> Look:
    found = colors(stored)
    distinct = _distinct_colors(found, path)
    flat = {} if stored.is_lossy or len(distinct) <= _FEW else _flat(found)
    clear = is_transparent(stored.values)
    return Look(path, {}, distinct, True, is_lossy=stored.is_lossy, flat=flat, is_transparent=clear)


def _of_one_scale(looks: Sequence[Look]) -> tuple[Look, ...]:
    """Float files of one set go from 0 to 1 all, or none of them does: crisp ones and faint ones
    cannot tell by themselves.
    """
    scales = {look.is_unit for look in looks if look.is_unit is not None}
    if not scales:
        return tuple(looks)
    is_unit = scales == {True}
    return tuple(
        look if not look.is_float or look.is_unit == is_unit else _again(look, is_unit)
        for look in looks
    )


def _again(seen: Look, is_unit: bool) -> Look:
    return look(seen.path, is_unit)


def _flat(codes: Codes | Numbers) -> dict[int, int]:
    """Value -> pixels whose eight neighbours have it too."""
    if min(codes.shape) < 3:
        return {}
    small = codes.astype(np.uint16) if codes.max() <= np.iinfo(np.uint16).max else codes
    level = small[:, 1:] == small[:, :-1]
    rows = level[:, 1:] & level[:, :-1]
    middle = small[:, 1:-1]
    upright = middle[1:] == middle[:-1]
    flat = rows[:-2] & rows[1:-1] & rows[2:] & upright[:-1] & upright[1:]
    values, counts = np.unique(middle[1:-1][flat], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _try_look(path: Path) -> Look | PixelwiseError:
    try:
        return look(path)
    except PixelwiseError as error:
        return error


def _distinct(codes: Numbers) -> tuple[Numbers, Numbers]:
    """Values and how often; counting is ten times faster than sorting."""
    if codes.max(initial=0) > _MOST_COUNTED:
        values, counts = np.unique(codes, return_counts=True)
        return values, counts.astype(np.int64)
    counts = np.bincount(codes.ravel())
    values = np.flatnonzero(counts)
    return values, counts[values]


def _palette(stored: Stored, values: Numbers) -> tuple[tuple[int, ...], frozenset[int]]:
    """All colours of the palette in order, and those of the indices met."""
    if stored.palette is None:
        return (), frozenset()
    wide = stored.palette.astype(np.int32)
    packed = (wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]).tolist()
    used = frozenset(packed[value] for value in values.tolist() if value < len(packed))
    return tuple(packed), used


def _distinct_colors(codes: Codes, path: Path) -> frozenset[int]:
    # Sorting ten million pixels takes a second; in a mask nearly all repeat their left neighbour.
    changed = np.ones(codes.shape, dtype=bool)
    changed[:, 1:] = codes[:, 1:] != codes[:, :-1]
    found = np.unique(codes[changed])
    if len(found) > _MOST_COLORS:
        raise PixelwiseError(
            f"{path} holds {len(found):,} colours, so it is a photograph or was smoothed or saved "
            "as JPEG, not a mask. Save masks as PNG without smoothing."
        )
    return frozenset(found.tolist())
