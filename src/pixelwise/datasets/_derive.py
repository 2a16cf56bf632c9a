"""From a look at the masks to their meaning; where it could be two things, a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._look import Look, look_at
from pixelwise.datasets._masks import (
    IGNORED_NAMES,
    MAX_CLASSES,
    Kind,
    MaskMeaning,
    binary_categories,
    category,
    from_named_values,
    parse,
    rgb_of,
)
from pixelwise.datasets._names import Names
from pixelwise.types import IGNORE, PixelwiseError

# JPEG leaves values near the two ends: this far is near, and this share may lie between.
_NEAR = 32
_BETWEEN_LOSSY = 0.10
_BETWEEN_CLEAN = 0.01
# A single file with more different grey values than this is not a map of classes.
_MOST_GREYS = 64
_FEWEST_INSTANCES = 20
FOREGROUND = "foreground"
"""What the one class of two-valued masks is called where nobody says."""
# 255 beside values up to this is the "leave out" of Pascal VOC; beside larger ones it may be one
# of a few grey levels spread over the scale (0, 85, 170, 255).
_LARGEST_VOC_LIKE = 64
_BACKGROUNDS = ("background", "_background_", "null", "none", "bg", "other")

Derived = tuple[MaskMeaning, tuple[str, ...]]
"""A meaning, and a sentence for each thing that was decided on the way."""


def settle(
    option: str, masks: Sequence[Path], names: Names | None, foreground: str = FOREGROUND
) -> Derived:
    """What the values of these mask files mean.

    Args:
        option: the user's answer, see `pixelwise.datasets._masks`.
        masks: the mask files; all are looked at, or 200 evenly spread ones.
        names: class names from a text file.
        foreground: what to call the one class of two-valued masks.

    Raises:
        PixelwiseError: the values could mean two things, or are no classes; the message says
            which option settles it.
    """
    complete = parse(option)
    if complete is not None:
        return complete, ()
    kind, _, name = option.partition("=")
    kind = kind.strip().lower()
    if kind == "ids":
        return _numbered(_foreground(names, _object(foreground))), ()
    looks, _ = look_at(masks)
    if kind in ("binary", "soft"):
        return _asked_binary(kind, name.strip() or _foreground(names, foreground), looks)
    if kind in ("colour", "color") or (kind == "auto" and _is_by_color(looks, names)):
        return _by_color(looks, names)
    if kind == "index":
        return _by_index(looks, names)
    return _auto_grey(looks, names, foreground)


def _auto_grey(looks: Sequence[Look], names: Names | None, foreground: str) -> Derived:
    if _is_ringing(looks):
        meaning = MaskMeaning("soft", binary_categories(_foreground(names, foreground)))
        return meaning, (
            "Mask values lie near 0 and near the maximum (JPEG or smoothing): half is the border.",
        )
    if _looks_like_instances(looks) and (names is None or len(_real_names(names)) <= 2):
        return _found_instances(looks, _foreground(names, _object(foreground)))
    if names is None:
        _refuse_too_many(looks)
    _refuse_soft(looks)
    if _is_two_valued(looks, names):
        return _two_valued(looks, _foreground(names, foreground))
    _refuse_unclear_255(looks, names)
    return _by_index(looks, names)


# --- two values --------------------------------------------------------------------------------


def _asked_binary(kind: str, name: str, looks: Sequence[Look]) -> Derived:
    categories = binary_categories(name)
    if kind == "soft" or (not _has_color(looks) and _is_ringing(looks)):
        return MaskMeaning("soft", categories), (f"At least half of full scale is {name}.",)
    seams = _merges_classes(looks)
    notes = [f"Every mask value but 0 is {name}."]
    if seams:
        notes.append(f"Several classes are merged into {name}: thin seams between them are closed.")
    return MaskMeaning("binary", categories, has_seams=seams), tuple(notes)


def _merges_classes(looks: Sequence[Look]) -> bool:
    """Several classes, and not merely numbered objects, whose gaps are true."""
    if _has_color(looks):
        return max(len(look.colors - {0}) for look in looks) > 1
    several = any(len(look.values - {0, IGNORE}) > 1 for look in looks)
    return several and not _looks_like_instances(looks) and not _soft_file(looks)


def _is_two_valued(looks: Sequence[Look], names: Names | None) -> bool:
    values = _union(looks)
    if len(values - {0}) <= 1:
        # One value of many that are named: an index, as in a folder with a single kind of scene.
        several = names is not None and len(_real_names(names)) > 2
        return not several or values <= {0, IGNORE}
    return values == {0, 1, IGNORE} and not any({1, IGNORE} <= look.values for look in looks)


def _two_valued(looks: Sequence[Look], name: str) -> Derived:
    with_1 = [look for look in looks if 1 in look.values]
    with_255 = [look for look in looks if IGNORE in look.values and not look.is_one_bit]
    if with_1 and with_255:
        raise PixelwiseError(
            f"Some masks hold 0 and 1 ({with_1[0].path}), others 0 and 255 ({with_255[0].path}). "
            "Say --masks binary if 255 is foreground too, or --masks index if it marks pixels to "
            "leave out."
        )
    values = sorted(_union(looks) - {0})
    shown = " and ".join(map(str, values)) if values else "none"
    note = f"Two-valued masks: 0 is background, {shown} is {name}."
    return MaskMeaning("binary", binary_categories(name)), (note,)


def _foreground(names: Names | None, default: str) -> str:
    """The class a two-valued mask is about: named in a text file, or by the layout."""
    found = [] if names is None else _real_names(names)
    if len(found) == 2:
        return found[1]
    return found[0] if len(found) == 1 and found[0].lower() not in _BACKGROUNDS else default


def _real_names(names: Names) -> list[str]:
    return [name for name in names.names if name.lower() not in IGNORED_NAMES]


# --- grey levels, objects, 255: what must be asked -----------------------------------------------


def _is_ringing(looks: Sequence[Look]) -> bool:
    """Two values blurred by JPEG or by scaling: nearly all pixels are near one of two ends."""
    full = 65535 if max(_union(looks)) > IGNORE else 255
    near = _NEAR * full // 255
    if max(_union(looks)) < full - near:
        return False
    high = [v for v in _union(looks) if v > full - near]
    between = sum(n for look in looks for v, n in look.pixels.items() if near <= v <= full - near)
    share = between / sum(sum(look.pixels.values()) for look in looks)
    lossy = any(look.is_lossy for look in looks)
    if lossy:
        return share <= _BETWEEN_LOSSY
    # Indices with 255 for "leave out" have one value at the upper end, smoothing has many.
    return len(high) > 4 and share <= _BETWEEN_CLEAN


def _soft_file(looks: Sequence[Look]) -> Look | None:
    """A file with so many grey values, spread over the scale, that they are no classes."""
    for look in looks:
        values = look.values
        # A file that counts its objects stops somewhere; one with all of 0 to 255 is a ramp.
        counted = _is_counted(values) and max(values) != 255
        spread = max(values) >= 128 and len(values) > _MOST_GREYS and not counted
        if spread or (look.is_lossy and len(values) > 2):
            return look
    return None


def _refuse_soft(looks: Sequence[Look]) -> None:
    soft = _soft_file(looks)
    if soft is None:
        return
    raise PixelwiseError(
        f"{soft.path} holds {len(soft.values)} grey values from {min(soft.values)} to "
        f"{max(soft.values)}: soft edges or probabilities, not classes. Say --masks soft to take "
        "everything from half of full scale upward as foreground, or --masks binary to take "
        "everything but 0."
    )


def _looks_like_instances(looks: Sequence[Look]) -> bool:
    """Every file counts its objects from 1, each to another number."""
    found = [look.values - {0} for look in looks if look.values - {0}]
    if not found:
        return False
    counted = [values for values in found if _is_counted(values)]
    different = len({len(values) for values in counted})
    many = len(_union(looks)) > _FEWEST_INSTANCES or all(look.is_deep for look in looks)
    no_classes = len(_union(looks)) > MAX_CLASSES + 1
    return len(counted) >= 0.8 * len(found) and (no_classes or (different >= 3 and many))


def _is_counted(values: frozenset[int]) -> bool:
    kept = values - {0}
    return bool(kept) and max(kept) == len(kept)


def _found_instances(looks: Sequence[Look], name: str) -> Derived:
    most = max(len(look.values - {0}) for look in looks)
    return _numbered(name), (
        f"Mask values number the objects of each picture (up to {most}): each is one instance, "
        f"called {name}. --masks ids=NAME calls them otherwise, --masks binary=NAME outlines all "
        "of them as one class.",
    )


def _numbered(name: str) -> MaskMeaning:
    return MaskMeaning("ids", thing_categories([name]))


def _object(foreground: str) -> str:
    """What to call numbered objects in a layout that knows no better."""
    return "object" if foreground == FOREGROUND else foreground


def _refuse_too_many(looks: Sequence[Look]) -> None:
    """More values than classes can be told apart, and yet not the objects counted from 1."""
    if len(_union(looks)) <= MAX_CLASSES + 1:
        return
    most = max(looks, key=lambda look: len(look.values))
    raise PixelwiseError(
        f"The masks hold more than {MAX_CLASSES} values (up to {len(most.values - {0})} in one "
        f"file, {most.path}), too many for classes. Say --masks ids=NAME if each value is one "
        "object, --masks binary=NAME to outline everything but 0 as one class, or --masks soft if "
        "half of full scale and more is one."
    )


def _refuse_unclear_255(looks: Sequence[Look], names: Names | None) -> None:
    values = _union(looks)
    if IGNORE not in values or names is not None or any(look.palette for look in looks):
        return
    together = any({1, IGNORE} <= look.values for look in looks)
    classes = values - {0, IGNORE}
    if together or (len(classes) >= 2 and max(classes) <= _LARGEST_VOC_LIKE):
        return
    shown = sorted(values)
    listed = ", ".join(map(str, shown[:6])) + (", ..." if len(shown) > 6 else "")
    example = ",".join(f"{value}:NAME" for value in shown[:2]) + ",...,255:NAME"
    first = next(look.path for look in looks if IGNORE in look.values)
    raise PixelwiseError(
        f"The masks hold the values {listed} ({first}): 255 may be a class or mark pixels to leave "
        f'out. Say --masks index to leave it out, --masks "index={example}" to name every class, '
        "--masks binary if every value but 0 is one class, or --masks soft if half and more is."
    )


# --- index -------------------------------------------------------------------------------------


def _by_index(looks: Sequence[Look], names: Names | None) -> Derived:
    if _has_color(looks):
        colored = next(look.path for look in looks if look.is_color)
        raise PixelwiseError(
            f"{colored} holds colours, not class numbers. Say --masks colour if each is a class."
        )
    values = _union(looks)
    notes = _note_on_255(values)
    if names is not None:
        return _named_index(values, names, looks), (f"Class names from {names.file}.", *notes)
    classes = sorted(values - {IGNORE})
    top = max(classes, default=0)
    # Mostly 0, 1, 2, ...: values not met are classes too. A few values far apart: just those.
    if top < 2 * len(classes):
        classes = list(range(top + 1))
    if len(classes) > MAX_CLASSES:
        raise PixelwiseError(
            f"The masks hold {len(classes)} different values; at most {MAX_CLASSES} classes can be "
            "told apart. Merge classes, or say --masks binary=NAME to outline all as one."
        )
    palette = max((look.palette for look in looks), key=len)
    meaning = MaskMeaning(
        "index",
        tuple(
            category(
                "background" if value == 0 else f"class {value}",
                number,
                rgb_of(palette[value]) if value < len(palette) else None,
            )
            for number, value in enumerate(classes)
        ),
        tuple(classes),
        (IGNORE,),
    )
    return meaning, (f"Mask values are {len(classes)} classes.", *notes)


def _note_on_255(values: frozenset[int]) -> tuple[str, ...]:
    return ("The mask value 255 marks pixels that are left out.",) if IGNORE in values else ()


def _named_index(values: frozenset[int], names: Names, looks: Sequence[Look]) -> MaskMeaning:
    numbers = names.values or tuple(range(len(names.names)))
    listed = list(zip(numbers, names.names, strict=True))
    top = max(values - {IGNORE}, default=0)
    has_background = names.names[0].lower() in _BACKGROUNDS
    if names.values is None and top == len(names.names) and not has_background:
        # As many names as the largest value: they name 1, 2, ... and 0 is what is left.
        listed = [(0, "background"), *((n + 1, name) for n, name in enumerate(names.names))]
    unnamed = sorted(values - {number for number, _ in listed} - {IGNORE})
    if unnamed:
        first = next(look.path for look in looks if unnamed[0] in look.values)
        raise PixelwiseError(
            f"{first} holds the value {unnamed[0]}, but {names.file} names {len(listed)} classes "
            f"({listed[0][0]} to {listed[-1][0]}). Add the class there, or correct the mask."
        )
    if IGNORE not in (number for number, _ in listed):
        listed.append((IGNORE, "ignore"))
    return from_named_values("index", listed)


# --- colours -----------------------------------------------------------------------------------


def _is_by_color(looks: Sequence[Look], names: Names | None) -> bool:
    if _has_color(looks):
        return True
    palettes = sorted({look.palette for look in looks if look.palette}, key=len)
    # Writers cut a palette after the last colour in use, so a shorter one may be the same.
    if any(palettes[-1][: len(palette)] != palette for palette in palettes):
        return True
    if names is None or names.colors is None:
        return False
    met = _colors_met(looks)
    return met <= set(names.colors) and max(_union(looks)) >= min(2, len(names.colors))


def _by_color(looks: Sequence[Look], names: Names | None) -> Derived:
    lossy = next((look for look in looks if look.is_lossy), None)
    if lossy is not None:
        raise PixelwiseError(
            f"{lossy.path} is a colour mask saved as JPEG, which changed its colours. Save masks "
            "as PNG."
        )
    met = _colors_met(looks)
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
        first = next(look.path for look in looks if unnamed[0] in _colors_met([look]))
        red, green, blue = rgb_of(unnamed[0])
        raise PixelwiseError(
            f"{first} holds the colour {red} {green} {blue}, which {names.file} does not name. Add "
            "it there (as void to leave it out), or correct the mask."
        )
    kind: Kind = "colour"
    return from_named_values(kind, zip(names.colors, names.names, strict=True))


def _colors_met(looks: Sequence[Look]) -> frozenset[int]:
    met: set[int] = set()
    for look in looks:
        met |= look.colors or {value * 0x010101 for value in look.values if value <= 255}
    return frozenset(met)


def _has_color(looks: Sequence[Look]) -> bool:
    return any(look.is_color for look in looks)


def _union(looks: Sequence[Look]) -> frozenset[int]:
    return frozenset().union(*(look.values for look in looks)) or frozenset((0,))
