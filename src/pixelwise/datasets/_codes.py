"""The numbers and colours in a mask file, whatever its mode: grey, palette, colours, alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._pictures import Stored
from pixelwise.types import PixelwiseError

Codes = NDArray[np.int32]
"""(H, W) int32: a grey value, a palette index, or 0xRRGGBB."""

Numbers = NDArray[np.int64]
"""(H, W) int64: the number of the object at each pixel, of any width."""

MOST_CODE = 65_535
_MOST_NUMBER = 2**63 - 1

# Floats so near to whole numbers are these, and so near to 0 are nothing.
_ROUNDING = 1e-4
# Resizing by cubic or Lanczos filters leaves values so far outside the range.
_OVERSHOOT = 0.3
# An alpha channel with no more values than this is no soft edge: all but 0 is drawn.
_FEW_LEVELS = 8


def grey(stored: Stored, path: Path) -> Codes:
    """Grey values or palette indices as (H, W) int32; fractions of 1 are multiplied by 255.

    Raises:
        PixelwiseError: the file holds colours, or values that are no codes.
    """
    return _grey(stored, path, MOST_CODE, None).astype(np.int32)


def numbers(stored: Stored, path: Path, *, is_unit: bool | None = None) -> Numbers:
    """The same as (H, W) int64, of any size.

    Args:
        stored: the file's values.
        path: for the message.
        is_unit: of floats, whether they go from 0 to 1; None = whether this file has fractions.

    Raises:
        PixelwiseError: as `grey`.
    """
    return _grey(stored, path, _MOST_NUMBER, is_unit).astype(np.int64)


def _grey(stored: Stored, path: Path, most: int, is_unit: bool | None) -> NDArray[Any]:
    values = without_alpha(stored.values)
    if values.ndim == 3:
        if not is_grey(values):
            raise PixelwiseError(
                f"{path} holds colours, where every value was to be one number. Say --masks "
                "colour if each colour is a class, or --masks binary if all are one."
            )
        values = values[..., 0]
    if stored.palette is not None and is_black_and_white(stored.palette):
        return shades(stored.palette, values)
    return _whole_numbers(values, path, most, is_unit)


def colors(stored: Stored) -> Codes:
    """RGB colours as (H, W) int32 0xRRGGBB; black where the file is transparent."""
    values = without_alpha(stored.values)
    if stored.palette is not None:
        values = stored.palette[np.minimum(values, len(stored.palette) - 1)]
    wide: Codes = values.astype(np.int32)
    if wide.ndim == 2:
        return wide * np.int32(0x010101)
    packed: Codes = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    return packed


def grey_or_color(stored: Stored) -> Codes:
    """0 where a pixel is background, whatever the file's mode."""
    values = without_alpha(stored.values)
    if values.ndim == 3:
        return colors(stored)
    if stored.palette is not None and is_black_and_white(stored.palette):
        return shades(stored.palette, values)
    if values.dtype.kind == "f":
        return np.asarray(np.abs(values) > _ROUNDING, dtype=np.int32)
    return np.asarray(values != 0, dtype=np.int32)


def is_grey(values: NDArray[np.generic]) -> bool:
    """Whether an (H, W, 3) picture has R = G = B throughout."""
    first = values[..., 0]
    return bool((first == values[..., 1]).all() and (first == values[..., 2]).all())


def is_colored(stored: Stored) -> bool:
    """Whether a file without a palette holds colours that are not grey."""
    values = without_alpha(stored.values)
    return values.ndim == 3 and not is_grey(values)


# --- transparency ---------------------------------------------------------------------------------


def without_alpha(values: NDArray[Any]) -> NDArray[Any]:
    """(H, W) or (H, W, 3): what is transparent is 0, the ground, whatever colour lies under it.

    Where all that is drawn is black or white, the alpha channel is the mask: so are cut-outs saved.
    """
    if values.ndim == 2 or values.shape[2] == 3:
        return values
    flat, alpha = values[..., :-1], values[..., -1]
    flat = flat[..., 0] if flat.shape[2] == 1 else flat
    clear = _transparent(alpha)
    if not clear.any():
        return flat
    if clear.all():  # drawn nowhere; colours that differ all the same were written without alpha
        return flat if (flat != flat[:1, :1]).any() else np.zeros_like(flat)
    drawn = flat[~clear]
    first = np.unique(drawn[0])
    if (drawn == drawn[0]).all() and len(first) == 1 and first[0] in (0, _full(flat)):
        return alpha
    ground = clear if flat.ndim == 2 else clear[..., None]
    return np.where(ground, flat.dtype.type(0), flat)


def is_transparent(values: NDArray[Any]) -> bool:
    """Whether parts of a file are transparent, and parts are not."""
    if values.ndim == 2 or values.shape[2] == 3:
        return False
    clear = _transparent(values[..., -1])
    return bool(clear.any() and not clear.all())


def _transparent(alpha: NDArray[Any]) -> NDArray[np.bool_]:
    """Where nothing is drawn: at alpha 0, or below half where edges are soft."""
    clear: NDArray[np.bool_] = alpha == 0
    if clear.any() and len(np.unique(alpha)) > _FEW_LEVELS:
        clear = alpha < _full(alpha) / 2
    return clear


def _full(values: NDArray[Any]) -> float:
    """What a type means by white."""
    return float(np.iinfo(values.dtype).max) if values.dtype.kind in "iu" else 1.0


# --- palettes and numbers -------------------------------------------------------------------------


def is_black_and_white(palette: NDArray[np.uint8]) -> bool:
    """Whether a palette is only a way to write black and white, possibly the other way round."""
    return bool(
        len(palette) >= 2
        and (palette == palette[:, :1]).all()
        and set(np.unique(palette)) == {0, 255}
    )


def shades(palette: NDArray[np.uint8], values: NDArray[np.generic]) -> Codes:
    """The grey values of palette indices."""
    found: Codes = palette[:, 0].astype(np.int32)[values.astype(np.intp)]
    return found


def has_fractions(values: NDArray[Any]) -> bool:
    """Whether floats are more than rounding away from whole numbers."""
    return values.dtype.kind == "f" and bool((np.abs(values - np.rint(values)) > _ROUNDING).any())


def fits_unit(values: NDArray[Any]) -> bool:
    """Whether floats lie between 0 and 1, or a little outside."""
    return float(values.max()) <= 1 + _OVERSHOOT and float(values.min()) >= -_OVERSHOOT


def _whole_numbers(
    values: NDArray[np.generic], path: Path, most: int, is_unit: bool | None
) -> NDArray[Any]:
    found: NDArray[Any] = np.asarray(values)
    if found.dtype.kind == "f":
        found = _from_floats(found, path, is_unit)
    if found.size and (found.min() < 0 or found.max() > most):
        raise PixelwiseError(
            f"{path} holds values from {found.min():g} to {found.max():g}; expected 0 to {most}."
        )
    return found


def _from_floats(numbers: NDArray[Any], path: Path, is_unit: bool | None) -> NDArray[Any]:
    if not np.isfinite(numbers).all():
        raise PixelwiseError(f"{path} holds values that are no numbers (NaN, infinite).")
    if is_unit is None:
        is_unit = has_fractions(numbers)
        if is_unit and not fits_unit(numbers):
            raise PixelwiseError(
                f"{path} holds fractions beyond 0 to 1. Save the mask as whole numbers, or say "
                "--masks soft if half of full scale and more is foreground."
            )
    rounded: NDArray[Any] = np.rint(numbers.clip(0, 1) * 255 if is_unit else numbers)
    return np.maximum(rounded, 0) if is_unit is False else rounded
