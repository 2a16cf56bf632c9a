"""Masks with grey edges: blurred, resized with smoothing, saved as JPEG, or probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from pixelwise.datasets._look import Look
from pixelwise.datasets._masks import full_of
from pixelwise.types import IGNORE, PixelwiseError

# JPEG leaves values near the two ends: this far is near, and this share may lie between.
_NEAR = 1 / 8
_BETWEEN_LOSSY = 0.10
_BETWEEN_CLEAN = 0.01
# Of soft edges hardly a pixel has eight neighbours of its own value; of classes most have.
_FLAT_OF_EDGES = 0.05
# So much of the foreground's flat middle, for each pixel between: thin objects numbered from 1 and
# maps of thin classes have none.
_MIDDLE_OF_EDGES = 0.3
_FEWEST_BETWEEN = 3
_SMALLEST_TOP = 16
# A single file with more different grey values than this is not a map of classes.
_MOST_GREYS = 64
_DEPTHS = (8, 10, 12, 14, 16)
_OVERSHOOT = 1.05


def full_scale(looks: Sequence[Look]) -> float | None:
    """The value that stands for 1 in these masks; None = 255, or what the types of files mean.

    Settled for all of them: a dark file or a crisp one cannot tell.

    Raises:
        PixelwiseError: files of several depths that do not agree.
    """
    found = {each for each in (_of_bytes(looks), _of_deep(looks), _of_floats(looks)) if each}
    fulls = {full for full, _ in found}
    is_by_type = all(full == by_type for full, by_type in found)
    # Of wide types the number is kept all the same: another folder's may all be dark.
    if is_by_type and (len(found) > 1 or _of_bytes(looks)):
        return None
    if len(fulls) > 1:
        scales = " and ".join(f"{full:g}" for full in sorted(fulls))
        raise PixelwiseError(
            f"Some masks go up to {scales}, so half of full scale is not the same in all. Save "
            "them with one depth, or say --masks binary to take everything but 0."
        )
    return fulls.pop()


def _of_bytes(looks: Sequence[Look]) -> tuple[float, float] | None:
    tops = [max(look.values, default=0) for look in looks if not (look.is_deep or look.is_float)]
    return ((1.0 if max(tops) == 1 else 255.0), 255.0) if tops else None


def _of_deep(looks: Sequence[Look]) -> tuple[float, float] | None:
    tops = [max(look.values, default=0) for look in looks if look.is_deep]
    return (_smallest_full(max(tops)), full_of(2)) if tops else None


def _of_floats(looks: Sequence[Look]) -> tuple[float, float] | None:
    floats = [look for look in looks if look.is_float]
    if not floats:
        return None
    top = max(max(look.values, default=0) for look in floats)
    is_unit = any(look.is_unit for look in floats) or top <= 1
    return (1.0 if is_unit else _smallest_full(top / _OVERSHOOT)), 1.0


def _smallest_full(top: float) -> float:
    if top <= 1:
        return 1.0
    return next((2.0**bits - 1 for bits in _DEPTHS if top <= 2**bits - 1), 65535.0)


def refuse_faint(looks: Sequence[Look], full: float | None) -> None:
    """Refuse masks that never reach half of full scale: all of them would be read as empty.

    Raises:
        PixelwiseError: naming the largest value, which may be what stands for 1.
    """
    greys = [look for look in looks if not look.is_color]
    faint = [max(look.values, default=0) < _full_code(look, full) / 2 for look in greys]
    top = max((max(look.values, default=0) for look in greys), default=0)
    if top and all(faint):
        brightest = max(greys, key=lambda look: max(look.values, default=0))
        raise PixelwiseError(
            f"No mask reaches half of full scale; the largest value is {top} ({brightest.path}). "
            f"If {top} or a rounder number stands for 1, say so: --masks soft:{top}=NAME."
        )


def _full_code(look: Look, full: float | None) -> float:
    """Full scale of a look's values, in which floats with fractions are multiplied by 255."""
    if look.is_unit:
        return 255 * (1.0 if full is None else full)
    if full is not None:
        return full
    return 1.0 if look.is_float else full_of(2 if look.is_deep else 1)


def is_ringing(looks: Sequence[Look]) -> bool:
    """Two values blurred by JPEG or by scaling: nearly all pixels are near one of two ends."""
    full = 65535 if max(union(looks)) > IGNORE else 255
    near = int(full * _NEAR)
    if not full - near <= max(union(looks)) <= full:
        return False
    high = [v for v in union(looks) if v > full - near]
    between = sum(n for look in looks for v, n in look.pixels.items() if near <= v <= full - near)
    share = between / sum(sum(look.pixels.values()) for look in looks)
    lossy = any(look.is_lossy for look in looks)
    if lossy:
        return share <= _BETWEEN_LOSSY
    # Indices with 255 for "leave out" have one value at the upper end, smoothing has many.
    return len(high) > 4 and share <= _BETWEEN_CLEAN


def smooth_top(looks: Sequence[Look]) -> int | None:
    """The foreground's value in two-valued masks with soft edges; None for all other masks.

    Edges are told from classes by their shape: between two flat parts there is a range of values,
    and none of these has a flat part of its own.
    """
    pixels, flat = _sums(looks)
    flat_values = [value for value, count in flat.items() if count and value >= _SMALLEST_TOP]
    if not flat_values or not flat.get(0):
        return None
    top = max(flat_values, key=lambda value: flat[value])
    near = max(1, int(top * _NEAR))
    between = [value for value in pixels if near <= value <= top - near]
    if len(between) < max(_FEWEST_BETWEEN, min(8, top // 8)):
        return None
    edge = sum(pixels[value] for value in between)
    middle = sum(count for value, count in flat.items() if value > top - near)
    is_edge = sum(flat.get(value, 0) for value in between) <= _FLAT_OF_EDGES * edge
    beyond = sum(flat.get(value, 0) for value in pixels if value > top + near)
    is_two = not beyond and _is_one_part(pixels, flat, range(1, near))
    return top if is_edge and is_two and middle >= _MIDDLE_OF_EDGES * edge else None


def _is_one_part(pixels: dict[int, int], flat: dict[int, int], low: range) -> bool:
    """Whether values just above 0 are the faint end of edges, too, and no classes with parts."""
    faint = sum(pixels.get(value, 0) for value in low)
    return sum(flat.get(value, 0) for value in low) <= max(0.5 * faint, 0)


def refuse_smooth_classes(looks: Sequence[Look]) -> None:
    """Refuse maps of several classes, or colours, whose edges were smoothed.

    Raises:
        PixelwiseError: values or colours between those of the classes.
    """
    codes = [{*look.values, *(look.colors if look.is_color else ())} for look in looks]
    met = set().union(*codes)
    sure = [look.flat or dict.fromkeys(found) for look, found in zip(looks, codes, strict=True)]
    between = met - set().union(*sure)
    if any(look.is_lossy for look in looks):
        return
    parts = len(met) - len(between)
    if parts < 2 or len(between) < max(8, 2 * parts):
        return
    what = "colours" if any(look.is_color for look in looks) else "values"
    path = next(look.path for look, found in zip(looks, codes, strict=True) if found & between)
    raise PixelwiseError(
        f"{path} has smoothed edges: {len(between)} of the masks' {len(met)} {what} lie between "
        "those of classes. Resize and save masks without smoothing (nearest neighbour, PNG), or "
        "say --masks binary=NAME to outline everything but 0 as one class."
    )


def soft_file(looks: Sequence[Look]) -> Look | None:
    """A file with so many grey values, spread over the scale, that they are no classes."""
    for look in looks:
        values = look.values
        # A file that counts its objects stops somewhere; one with all of 0 to 255 is a ramp.
        counted = is_counted(values) and max(values) != 255
        spread = max(values) >= 128 and len(values) > _MOST_GREYS and not counted
        if spread or (look.is_lossy and len(values) > 2):
            return look
    return None


def refuse_soft(looks: Sequence[Look]) -> None:
    """Refuse soft edges and probabilities, which are no classes.

    Raises:
        PixelwiseError: naming the file and the options.
    """
    soft = soft_file(looks)
    broken = next((look for look in looks if look.is_unit is False), None)
    if broken is not None:
        raise PixelwiseError(
            f"{broken.path} holds fractions up to {max(broken.values)}: probabilities or smoothed "
            "classes. Say --masks soft to take half of full scale and more as foreground, or save "
            "the mask as whole numbers."
        )
    if soft is None:
        return
    raise PixelwiseError(
        f"{soft.path} holds {len(soft.values)} grey values from {min(soft.values)} to "
        f"{max(soft.values)}: soft edges or probabilities, not classes. Say --masks soft to take "
        "everything from half of full scale upward as foreground, or --masks binary to take "
        "everything but 0."
    )


def is_counted(values: frozenset[int]) -> bool:
    """Whether values are 1, 2, 3, ... (and 0)."""
    kept = values - {0}
    return bool(kept) and max(kept) == len(kept)


def union(looks: Sequence[Look]) -> frozenset[int]:
    """All values met; 0 where there is none."""
    return frozenset().union(*(look.values for look in looks)) or frozenset((0,))


def _sums(looks: Sequence[Look]) -> tuple[dict[int, int], dict[int, int]]:
    """Value -> pixels, and value -> flat pixels, of all files together.

    A file of two values is flat but for its outlines, unless it is noise just above 0.
    """
    pixels: dict[int, int] = {}
    flat: dict[int, int] = {}
    for look in looks:
        for value, count in look.pixels.items():
            pixels[value] = pixels.get(value, 0) + count
        known = look.flat or (look.pixels if len(look.pixels) <= 2 else {})
        for value, count in known.items():
            if look.flat or not 0 < value < _SMALLEST_TOP:
                flat[value] = flat.get(value, 0) + count
    return pixels, flat
