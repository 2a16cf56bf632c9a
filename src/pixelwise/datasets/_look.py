"""A look at mask files: which values are in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelwise.datasets._masks import Codes, colors, grey, is_grey
from pixelwise.datasets._pictures import Stored, read_stored
from pixelwise.types import PixelwiseError

MOST_LOOKED_AT = 200
# More colours than this in one file make it a photograph or a picture with smoothed edges.
_MOST_COLORS = 1_000


@dataclass(frozen=True)
class Look:
    """What one mask file holds.

    ``pixels``: grey value or palette index -> pixels; empty where ``is_color``. ``colors``: the
    0xRRGGBB met (of a palette file: those of the indices met), empty for a grey file.
    """

    path: Path
    pixels: dict[int, int]
    colors: frozenset[int]
    is_color: bool
    palette: tuple[int, ...] = ()
    is_one_bit: bool = False
    is_lossy: bool = False
    is_deep: bool = False

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
    looks = tuple(look for look in found if isinstance(look, Look))
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


def look(path: Path) -> Look:
    """Which values one mask file holds.

    Raises:
        PixelwiseError: unreadable, or no mask by its values.
    """
    stored = read_stored(path)
    deep = stored.values.dtype.itemsize > 1 and stored.values.dtype.kind in "iu"
    is_color = stored.values.ndim == 3 and stored.values.shape[2] >= 3
    if is_color and not is_grey(stored.values):
        return Look(path, {}, _distinct_colors(stored, path), True, is_lossy=stored.is_lossy)
    values, counts = _distinct(grey(stored, path))
    pixels = dict(zip(values.tolist(), counts.tolist(), strict=True))
    palette, used = _palette(stored, values)
    return Look(path, pixels, used, False, palette, stored.is_one_bit, stored.is_lossy, deep)


def _try_look(path: Path) -> Look | PixelwiseError:
    try:
        return look(path)
    except PixelwiseError as error:
        return error


def _distinct(codes: Codes) -> tuple[Codes, Codes]:
    """Values and how often; counting is ten times faster than sorting."""
    counts = np.bincount(codes.ravel())
    values = np.flatnonzero(counts)
    return values.astype(np.int32), counts[values].astype(np.int32)


def _palette(stored: Stored, values: Codes) -> tuple[tuple[int, ...], frozenset[int]]:
    """All colours of the palette in order, and those of the indices met."""
    if stored.palette is None:
        return (), frozenset()
    wide = stored.palette.astype(np.int32)
    packed = (wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]).tolist()
    used = frozenset(packed[value] for value in values.tolist() if value < len(packed))
    return tuple(packed), used


def _distinct_colors(stored: Stored, path: Path) -> frozenset[int]:
    codes = colors(stored)
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
