"""Which number is white in the deep images of a dataset: settled once for all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixelwise.datasets._deep import Level, is_deep, level_of, settled_level
from pixelwise.datasets._look import even_sample
from pixelwise.datasets._tiff import is_tiff, read_tags

_MOST_LOOKED_AT = 64
_BYTE = 255
_TIFF = (".tif", ".tiff")
_ENDINGS = (*_TIFF, ".png")


def settle_white(images: Sequence[Path]) -> tuple[float | None, tuple[str, ...]]:
    """The number that is white in these images, and a sentence where it is not the type's.

    Up to 64 evenly spread images are looked at; those of 8 bits have nothing to settle.

    Returns:
        None where no image has more than 8 bits a channel (or none can be read).
    """
    chosen = [images[index] for index in even_sample(len(images), _MOST_LOOKED_AT)]
    chosen = [path for path in chosen if path.suffix.lower() in _ENDINGS]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        levels = [level for level in pool.map(_try_level, chosen) if level is not None]
    if not levels:
        return None, ()
    white = settled_level(levels)
    # The type says it already, of whole numbers; of floats 0 to 1 is what everybody expects.
    expected = max((level.full for level in levels if not level.is_float), default=1.0)
    return white, () if white == expected else (_note(white, levels),)


def channel_notes(images: Sequence[Path]) -> tuple[str, ...]:
    """A sentence where RGB images have a fourth channel that is no alpha, and is not used."""
    chosen = [images[index] for index in even_sample(len(images), _MOST_LOOKED_AT)]
    for path in chosen:
        if path.suffix.lower() in _TIFF and _has_more(path):
            return (
                f"{path.name} and its like have a fourth channel beside red, green and blue "
                "(infrared?): it is left out.",
            )
    return ()


def _has_more(path: Path) -> bool:
    try:
        tags = read_tags(path) if is_tiff(path) else None
    # Decoders raise nearly every built-in exception on broken bytes; these are named later.
    except Exception:
        return False
    return tags is not None and tags.channels == 4 and not (tags.alpha or tags.is_cmyk)


def _try_level(path: Path) -> Level | None:
    """None for images of 8 bits, and for those that cannot be read: these are named later."""
    try:
        level = level_of(path) if is_deep(path) else None
        return None if level is None or (level.full <= _BYTE and not level.is_float) else level
    # Decoders raise nearly every built-in exception on broken bytes.
    except Exception:
        return None


def _note(white: float, levels: Sequence[Level]) -> str:
    top = max(level.top for level in levels)
    return (
        f"Images of more than 8 bits: their values go up to {top:g}, so {white:g} counts as white "
        "in all of them. --white-level says otherwise."
    )
