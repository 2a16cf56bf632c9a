"""Whether mask values or colours number objects, image by image, and are no classes.

What tells: classes come back in other images, numbers of objects do so only because every image is
counted from 1 (or drawn from the same list of colours). Then the values of the images are nested:
who has a 3 has a 1 and a 2. And each object is one part, where classes may be several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from pixelwise.datasets._codes import MOST_CODE, Numbers, colors, is_colored, numbers
from pixelwise.datasets._look import Look, even_sample
from pixelwise.datasets._masks import MAX_CLASSES
from pixelwise.datasets._pictures import read_stored
from pixelwise.datasets._soft import is_counted, union
from pixelwise.types import IGNORE, PixelwiseError

Verdict = Literal["objects", "unclear", "classes"]

_FEWEST_INSTANCES = 20
# Values that occur in one image alone, of all; so many make classes impossible, so few make doubt.
_ALONE = 0.8
_SURE_VALUES, _DOUBTFUL_VALUES = 20, 6
# So many images with one value each, none of which comes back, make doubt, too.
_MANY_IMAGES = 12
# Objects counted from 1 in one image: so many are no classes.
_SURE_COUNT = 8
_ONE_PART = 0.9
_MOST_READ = 24
_BLACK = 0


def verdict(looks: Sequence[Look]) -> Verdict:
    """What the values (or colours) of these masks are."""
    found = [_values(look) for look in looks]
    found = [values for values in found if values]
    if len(found) < 2 or any(look.is_lossy for look in looks):
        return "classes"
    if _are_alone(found):
        return _of_values_alone(found, looks)
    if max(map(len, found)) < 2 or len({frozenset(values) for values in found}) < 2:
        return "classes"
    return _of_nested(found, looks)


def looks_like_instances(looks: Sequence[Look]) -> bool:
    """Every file counts its objects from 1, each to another number."""
    found = [look.values - {0} for look in looks if look.values - {0}]
    if not found:
        return False
    counted = [values for values in found if is_counted(values)]
    different = len({len(values) for values in counted})
    many = len(union(looks)) > _FEWEST_INSTANCES or all(look.is_deep for look in looks)
    no_classes = len(union(looks)) > MAX_CLASSES + 1
    return len(counted) >= 0.8 * len(found) and (no_classes or (different >= 3 and many))


def ask_about(looks: Sequence[Look]) -> None:
    """Refuse values that may be objects or classes, with the options that settle it.

    Raises:
        PixelwiseError: always.
    """
    is_color = any(look.is_color for look in looks)
    kind, what = ("colour", "colours") if is_color else ("index", "values")
    most = max(looks, key=lambda look: len(look.colors if is_color else look.values))
    number = len((most.colors if is_color else most.values) - {0})
    raise PixelwiseError(
        f"The mask {what} (up to {number} in one file, {most.path}) may number the objects of each "
        "image or be classes: they come back only as numbers of objects do. Say --masks ids=NAME "
        f"if each is one object (0, black or a white ground is none), --masks {kind} if each is a "
        "class, or --masks binary=NAME if all are one class."
    )


def refuse_too_many(looks: Sequence[Look]) -> None:
    """Refuse more or larger values than classes have, which are not the objects counted from 1.

    Raises:
        PixelwiseError: naming the file with the most, and the options.
    """
    top, number = max(union(looks)), len(union(looks))
    if number <= MAX_CLASSES + 1 and top <= MOST_CODE:
        return
    most = max(looks, key=lambda look: len(look.values))
    much = f"values up to {top}" if top > MOST_CODE else f"more than {MAX_CLASSES} values"
    raise PixelwiseError(
        f"The masks hold {much} (up to {len(most.values - {0})} in one file, {most.path}), too "
        f"{'large' if top > MOST_CODE else 'many'} for classes. Say --masks ids=NAME if each value "
        "is one object, --masks binary=NAME to outline everything but 0 as one class, or --masks "
        "soft if half of full scale and more is one."
    )


def _values(look: Look) -> frozenset[int]:
    """What may be objects: all but 0, black, and the colour 255 that marks what is ignored."""
    if look.is_color:
        return look.colors - {_BLACK}
    return look.values - {0, IGNORE}


def doubt(looks: Sequence[Look]) -> tuple[str, ...]:
    """A sentence where classes look like the objects that a program counted in every image.

    The same values in all images, each one part, from the top down, apart: teeth and vertebrae
    are so, too, and therefore classes.
    """
    found = [_values(look) for look in looks if _values(look)]
    if len(found) == 1 and len(found[0]) >= _DOUBTFUL_VALUES and _are_whole(_parts(_kept(looks))):
        return (
            "Each of these classes is one part of the one mask: if they are objects, say --masks "
            "ids=NAME.",
        )
    if any(look.is_color for look in looks) or len(set(found)) != 1 or len(found) < 3:
        return ()
    if len(found[0]) < 3 or not is_counted(found[0]):
        return ()
    parts = _parts(_kept(looks))
    if not _are_whole(parts) or not all(each.is_ordered and each.is_apart for each in parts):
        return ()
    return (
        "Each of these classes is one part in every mask, numbered from the top down: if the "
        "values number objects, say --masks ids=NAME.",
    )


# --- values that do not come back -----------------------------------------------------------------


def _are_alone(found: Sequence[frozenset[int]]) -> bool:
    """Whether nearly every value is in one image alone, and images have several."""
    times = Counter(value for values in found for value in values)
    alone = sum(count == 1 for count in times.values())
    many = len(times) >= _DOUBTFUL_VALUES and len(times) >= 2 * len(found)
    many = many or len(times) >= _MANY_IMAGES
    return many and alone >= _ALONE * len(times)


def _of_values_alone(found: Sequence[frozenset[int]], looks: Sequence[Look]) -> Verdict:
    times = Counter(value for values in found for value in values)
    if not _are_whole(_parts(_kept(looks))):
        return "classes"
    # A colour of every image is a ground or an outline, which is no object.
    has_ground = max(times.values()) == len(found)
    is_sure = len(found) >= 3 and len(times) >= max(_SURE_VALUES, 3 * len(found))
    is_sure = is_sure or (not any(look.is_color for look in looks) and max(times) > MOST_CODE)
    return "objects" if is_sure and not has_ground else "unclear"


# --- values that are counted anew in every image --------------------------------------------------


@dataclass(frozen=True)
class _Parts:
    """One mask: how many of its values are one part, in the order of their first pixels, apart."""

    num_values: int
    num_whole: int
    is_ordered: bool
    is_apart: bool


def _of_nested(found: Sequence[frozenset[int]], looks: Sequence[Look]) -> Verdict:
    sizes = {len(values) for values in found}
    is_chain = _is_chain(found)
    several = [look for look, values in zip(_kept(looks), found, strict=True) if len(values) > 1]
    is_few = len(sizes) == 2 and max(sizes) == 2
    if not is_chain and len(several) < 3:
        return "classes"
    parts = _parts(several)
    if not _are_whole(parts):
        return "classes"
    ordered = all(each.is_ordered for each in parts)
    apart = all(each.is_apart for each in parts)
    if is_chain and not is_few and len(sizes) >= 3:
        is_sure = max(sizes) >= _SURE_COUNT and is_counted(frozenset().union(*found))
        return "objects" if is_sure and ordered else "unclear"
    # Fewer are also what a liver with or without a tumour looks like: only labels that a program
    # gave, from the top down, to parts that do not touch, are asked about.
    many = sum(each.num_values for each in parts) >= (2 if is_chain else 4) * len(parts)
    return "unclear" if ordered and apart and many and len(parts) >= 3 else "classes"


def _kept(looks: Sequence[Look]) -> list[Look]:
    return [look for look in looks if _values(look)]


def _is_chain(found: Sequence[frozenset[int]]) -> bool:
    """Whether of any two images one has all values of the other."""
    ordered = sorted(set(found), key=len)
    return all(small <= large for small, large in pairwise(ordered))


def _parts(looks: Sequence[Look]) -> list[_Parts]:
    """Of up to 24 evenly spread files; those that cannot be read (any more) are left out."""
    chosen = [looks[index] for index in even_sample(len(looks), _MOST_READ)]
    return [each for each in map(_parts_of, chosen) if each is not None]


def _are_whole(parts: Sequence[_Parts]) -> bool:
    """Whether nearly every value is one part."""
    total = sum(each.num_values for each in parts)
    return bool(parts) and sum(each.num_whole for each in parts) >= _ONE_PART * total


def _parts_of(seen: Look) -> _Parts | None:
    """None for a file that cannot be read (any more)."""
    try:
        codes = _codes(seen.path)
    except PixelwiseError:
        return None
    values, first = np.unique(codes, return_index=True)
    kept = (values != 0) & (seen.is_color | (values != IGNORE))
    values, first = values[kept], first[kept]
    regions = label(codes, background=0, connectivity=2)  # type: ignore[no-untyped-call]
    _, places = np.unique(regions, return_index=True)
    owners = Counter(codes.ravel()[places].tolist())
    whole = sum(owners[value] == 1 for value in values.tolist())
    # Colours have no order.
    ordered = not seen.is_color and bool((np.diff(first) > 0).all())
    return _Parts(len(values), whole, ordered, _is_apart(codes))


def _is_apart(codes: Numbers) -> bool:
    """Whether no two values touch."""

    def touch(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
        return bool(((one != other) & (one != 0) & (other != 0)).any())

    return not touch(codes[1:], codes[:-1]) and not touch(codes[:, 1:], codes[:, :-1])


def _codes(path: Path) -> Numbers:
    stored = read_stored(path)
    return colors(stored).astype(np.int64) if is_colored(stored) else numbers(stored, path)
