"""From a look at the masks to their meaning; where it could be two things, a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._look import Look, look_at
from pixelwise.datasets._mask_colors import by_color, colors_met, has_color, is_by_color
from pixelwise.datasets._masks import (
    IGNORED_NAMES,
    MAX_CLASSES,
    MaskMeaning,
    binary_categories,
    category,
    from_named_values,
    parse,
    rgb_of,
    split_option,
)
from pixelwise.datasets._names import Names
from pixelwise.datasets._numbered import (
    ask_about,
    doubt,
    looks_like_instances,
    refuse_too_many,
    verdict,
)
from pixelwise.datasets._soft import (
    full_scale,
    is_ringing,
    refuse_faint,
    refuse_smooth_classes,
    refuse_soft,
    smooth_top,
    soft_file,
    union,
)
from pixelwise.types import IGNORE, PixelwiseError

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
    kind, full, name = split_option(option)
    if kind == "ids":
        return _numbered(_foreground(names, _object(foreground))), ()
    looks, _ = look_at(masks)
    meaning, notes = _by_kind(
        kind, full, name.strip() or _foreground(names, foreground), looks, names
    ) or _auto(looks, names, foreground)
    return meaning, (*notes, *_note_on_white(looks), *_note_on_alpha(looks))


def _by_kind(
    kind: str, full: float | None, name: str, looks: Sequence[Look], names: Names | None
) -> Derived | None:
    """What the user said; None where it was "auto"."""
    if kind in ("binary", "soft"):
        return _asked_binary(kind, full, name, looks)
    if kind == "colour":
        return by_color(looks, names)
    return _by_index(looks, names) if kind == "index" else None


def _auto(looks: Sequence[Look], names: Names | None, foreground: str) -> Derived:
    if is_by_color(looks, names):
        return _auto_color(looks, names, foreground)
    return _auto_grey(looks, names, foreground)


def _auto_grey(looks: Sequence[Look], names: Names | None, foreground: str) -> Derived:
    has_classes = names is not None and len(_real_names(names)) > 2
    if not has_classes and looks_like_instances(looks):
        return _found_instances(looks, _foreground(names, _object(foreground)))
    soft = None if has_classes else _soft(looks, _foreground(names, foreground))
    if soft is not None:
        return soft
    if names is None:
        numbered = _auto_numbered(looks, foreground)
        if numbered is not None:
            return numbered
        refuse_too_many(looks)
    refuse_soft(looks)
    if _is_two_valued(looks, names):
        return _two_valued(looks, _foreground(names, foreground))
    _refuse_unclear_255(looks, names)
    if names is not None:
        return _by_index(looks, names)
    refuse_smooth_classes(looks)
    meaning, notes = _by_index(looks, names)
    return meaning, (*notes, *doubt(looks))


def _soft(looks: Sequence[Look], name: str) -> Derived | None:
    """Two values with soft edges; None for all other masks."""
    top = None if any(look.is_lossy for look in looks) else smooth_top(looks)
    if top is None and not is_ringing(looks):
        return None
    full = full_scale(looks)
    if top is not None and abs(top - _code_of(full, looks)) > top / 8:
        full = top / 255 if any(look.is_unit for look in looks) else float(top)
    scale = "the maximum" if full in (None, 1.0, 65535.0) else f"{full:g}"
    return MaskMeaning("soft", binary_categories(name), full=full), (
        f"Mask values lie near 0 and near {scale} (JPEG or smoothing): half is the border.",
    )


def _code_of(full: float | None, looks: Sequence[Look]) -> float:
    """Full scale as it is in the values looked at."""
    if full is not None and not any(look.is_unit for look in looks):
        return full
    return 65535.0 if any(look.is_deep for look in looks) else 255.0


def _note_on_alpha(looks: Sequence[Look]) -> tuple[str, ...]:
    is_transparent = any(look.is_transparent for look in looks)
    return ("Transparent parts of the masks are background.",) if is_transparent else ()


def _note_on_white(looks: Sequence[Look]) -> tuple[str, ...]:
    first = next((look.path for look in looks if look.is_white_zero), None)
    if first is None:
        return ()
    return (
        f"{first.name} and its like ask viewers to show 0 white (TIFF photometric 0): the stored "
        "numbers are taken as they are, 0 for background.",
    )


# --- two values --------------------------------------------------------------------------------


def _asked_binary(kind: str, full: float | None, name: str, looks: Sequence[Look]) -> Derived:
    categories = binary_categories(name)
    if kind == "binary" and not has_color(looks):
        soft = _soft(looks, name)
        if soft is not None:
            return soft
    if kind == "soft":
        if full is None:
            full = full_scale(looks)
            refuse_faint(looks, full)
        scale = "full scale" if full is None else f"{full:g}"
        return MaskMeaning("soft", categories, full=full), (f"At least half of {scale} is {name}.",)
    seams = _merges_classes(looks)
    notes = [f"Every mask value but 0 is {name}."]
    if seams:
        notes.append(f"Several classes are merged into {name}: thin seams between them are closed.")
    return MaskMeaning("binary", categories, has_seams=seams), tuple(notes)


def _merges_classes(looks: Sequence[Look]) -> bool:
    """Several classes, and not merely numbered objects, whose gaps are true."""
    if has_color(looks):
        return max(len(look.colors - {0}) for look in looks) > 1
    several = any(len(look.values - {0, IGNORE}) > 1 for look in looks)
    return several and not looks_like_instances(looks) and not soft_file(looks)


def _is_two_valued(looks: Sequence[Look], names: Names | None) -> bool:
    values = union(looks)
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
    values = sorted(union(looks) - {0})
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


def _auto_numbered(looks: Sequence[Look], foreground: str) -> Derived | None:
    """Values or colours that number objects; None where they are classes.

    Raises:
        PixelwiseError: they may be either.
    """
    found = verdict(looks)
    if found == "objects":
        return _found_instances(looks, _object(foreground))
    if found == "unclear":
        ask_about(looks)
    return None


def _found_instances(looks: Sequence[Look], name: str) -> Derived:
    most = max(len((look.colors if look.is_color else look.values) - {0}) for look in looks)
    what = "colours" if has_color(looks) else "values"
    return _numbered(name), (
        f"Mask {what} number the objects of each picture (up to {most}): each is one instance, "
        f"called {name}. --masks ids=NAME calls them otherwise, --masks binary=NAME outlines all "
        "of them as one class.",
    )


def _numbered(name: str) -> MaskMeaning:
    return MaskMeaning("ids", thing_categories([name]))


def _object(foreground: str) -> str:
    """What to call numbered objects in a layout that knows no better."""
    return "object" if foreground == FOREGROUND else foreground


def _refuse_unclear_255(looks: Sequence[Look], names: Names | None) -> None:
    values = union(looks)
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
    if has_color(looks):
        colored = next(look.path for look in looks if look.is_color)
        raise PixelwiseError(
            f"{colored} holds colours, not class numbers. Say --masks colour if each is a class."
        )
    values = union(looks)
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


def _auto_color(looks: Sequence[Look], names: Names | None, foreground: str) -> Derived:
    if names is None or names.colors is None:
        if len(colors_met(looks)) <= MAX_CLASSES:
            refuse_smooth_classes(looks)
        numbered = _auto_numbered(looks, foreground)
        if numbered is not None:
            return numbered
        meaning, notes = by_color(looks, names)
        return meaning, (*notes, *doubt(looks))
    return by_color(looks, names)
