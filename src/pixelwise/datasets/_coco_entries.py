"""The entries of COCO's JSON files, each in one form, however the tool that wrote it spells it.

Read alike are corners in a row or as pairs, one polygon or a list of them, numbers and flags as
numbers or as text. What is none of these becomes `Odd`, and the message names it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Key = int | str
"""An id in a file: of a picture, an annotation or a category."""

# Coordinates beyond this are a mistake; they would overflow in float32 arithmetic.
_FARTHEST_PX = 1e7
_YES = frozenset(("1", "1.0", "true", "yes"))
_NO = frozenset(("", "0", "0.0", "false", "no", "none", "null"))
_MOST_SEGMENT = 2**24


@dataclass(frozen=True, slots=True)
class Picture:
    """An entry of "images": the file's name as written, and (height, width) where given."""

    id: Key
    name: str
    size_hw: tuple[int, int] | None


@dataclass(slots=True)
class Region:
    """An entry of "annotations" with an outline, joints, or both.

    ``segmentation``: what `pixelwise.rle.decode` takes, None where there is none. ``joints``: flat
    x, y, visibility. ``box``: x, y, width, height, as COCO writes it. ``joints`` may be filled in
    later, from a second file that describes the same object. ``is_respelled``: the file writes its
    polygons or its crowd mark in another form than COCO's.
    """

    id: Key | None
    picture: Key
    category: Key
    is_crowd: bool
    segmentation: Any
    joints: Sequence[float] | None
    box: Sequence[float] | None
    is_respelled: bool = False

    @property
    def is_outlined(self) -> bool:
        """Whether there is an outline of three corners or more."""
        if isinstance(self.segmentation, tuple):
            # What is no row of numbers is named when it is decoded.
            return any(
                len(polygon) >= 6 or not isinstance(polygon, array) for polygon in self.segmentation
            )
        return self.segmentation is not None

    @property
    def has_joints(self) -> bool:
        """Whether any joint is known."""
        return self.joints is not None and any(each > 0 for each in self.joints[2::3])

    @property
    def box_xyxy(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom; None where there is no box of some size."""
        return _corners(self.box)


@dataclass(frozen=True, slots=True)
class Segment:
    """An entry of "segments_info": a value of the panoptic PNG.

    ``box``: x, y, width, height. ``person``: the annotation of another file that says where the
    joints of the same person are.
    """

    id: int
    category: Key
    is_crowd: bool
    box: Sequence[float] | None = None
    person: Region | None = None

    @property
    def box_xyxy(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom; None where there is no box of some size."""
        return _corners(self.box)


@dataclass(frozen=True, slots=True)
class Segmented:
    """An entry of a panoptic file's "annotations": a PNG and its segments."""

    picture: Key
    name: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Odd:
    """An entry that cannot be read; ``reason`` is the end of a sentence, without a full stop."""

    reason: str


def slim(found: dict[str, Any]) -> Any:
    """A JSON object as what it is in a COCO file, or as it came; called from the inside out."""
    try:
        if "segments_info" in found:
            return _segmented(found)
        if "image_id" in found and "category_id" in found:
            return _region(found)
        if "file_name" in found and "id" in found:
            return Picture(key_of(found["id"], "id"), slashed(found["file_name"]), _size_hw(found))
    except _UnreadError as error:
        return Odd(str(error))
    return found


def slashed(name: Any) -> str:
    """A file's name with forward slashes."""
    return str(name).replace("\\", "/")


def key_of(value: Any, name: str) -> Key:
    """An id: a text or a whole number.

    Raises:
        ValueError: anything else; the message names the field ``name``.
    """
    if isinstance(value, str | int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _UnreadError(f"its {name} is {_short(value)}, and an id is a whole number or a text")


def flag_of(value: Any, name: str) -> bool:
    """A yes or no that is written as a number, a text or a truth value; nothing is no.

    Raises:
        ValueError: a text or a number that is neither.
    """
    text = "" if value is None else str(value).strip().lower()
    if text in _NO:
        return False
    if text not in _YES:
        raise _UnreadError(f"its {name} is {_short(value)}; expected 0 or 1")
    return True


class _UnreadError(ValueError):
    """The reason for an `Odd`."""


def _short(value: Any) -> str:
    return repr(value)[:40]


# --- annotations ---------------------------------------------------------------------------------


def _region(found: Mapping[str, Any]) -> Region:
    number = found.get("id")
    region = Region(
        number if isinstance(number, str | int) else None,
        key_of(found["image_id"], "image_id"),
        key_of(found["category_id"], "category_id"),
        flag_of(found.get("iscrowd"), "iscrowd"),
        _outline(found.get("segmentation")),
        _joints(found.get("keypoints")),
        None,
    )
    region.is_respelled = _is_respelled(found) and region.is_outlined
    try:
        region.box = _box(found.get("bbox"))
    except _UnreadError:
        # Where an outline or joints say what the box could, it is not needed.
        if not region.is_outlined and not region.has_joints:
            raise
    return region


def _segmented(found: Mapping[str, Any]) -> Segmented:
    missing = [key for key in ("image_id", "file_name") if key not in found]
    if missing or not isinstance(found["segments_info"], list):
        raise _UnreadError("it needs image_id, file_name and a list segments_info")
    segments = tuple(_segment(each) for each in found["segments_info"])
    return Segmented(key_of(found["image_id"], "image_id"), slashed(found["file_name"]), segments)


def _segment(found: Any) -> Segment:
    if not isinstance(found, Mapping) or not {"id", "category_id"} <= set(found):
        raise _UnreadError("each of its segments_info needs id and category_id")
    try:
        number = int(found["id"])
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number < _MOST_SEGMENT:
        raise _UnreadError(
            f"a segment has the id {_short(found['id'])}, and a colour of the PNG is a whole "
            f"number below {_MOST_SEGMENT:,}"
        )
    return Segment(
        number,
        key_of(found["category_id"], "category_id"),
        flag_of(found.get("iscrowd"), "iscrowd"),
        _box(found.get("bbox")),
    )


def _size_hw(found: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width; None where they are not given, or are no size."""
    sides = _packed([found.get("height"), found.get("width")])
    if sides is None or not all(0 < side < _FARTHEST_PX for side in sides):
        return None
    return int(sides[0]), int(sides[1])


# --- outlines, joints, boxes ---------------------------------------------------------------------


def _outline(found: Any) -> Any:
    """Polygons, or a run-length code; None where nothing is outlined."""
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping):
        found = found[0]
    if isinstance(found, Mapping) and "size" in found:
        return _code(found) if found.get("counts") else None
    if not isinstance(found, list):
        return found or None  # what is no outline is named when it is decoded
    return _as_coco_writes(found) or tuple(_polygons(found)) or None


def _is_respelled(found: Mapping[str, Any]) -> bool:
    """Whether polygons are no lists of numbers, or the crowd mark is a text."""
    outline = found.get("segmentation")
    parts = outline if isinstance(outline, list) else []
    return isinstance(found.get("iscrowd"), str) or any(
        not isinstance(part, list | Mapping) or (part and isinstance(part, list) and _is_odd(part))
        for part in parts
    )


def _is_odd(part: list[Any]) -> bool:
    return len(part) == 2 or isinstance(part[0], list | dict | str)


def _as_coco_writes(found: list[Any]) -> tuple[array[float], ...]:
    """Polygons in COCO's own form, which is fast; empty for any other."""
    try:
        polygons = tuple(array("d", part) for part in found)
    except (TypeError, OverflowError):
        return ()
    return polygons if all(len(polygon) >= 6 for polygon in polygons) else ()


def _code(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run-length code with whole numbers, also where the file writes 5.0 or "5"."""
    plain: dict[str, Any] = dict(found)
    for name in ("size", "counts"):
        if not isinstance(found[name], list) or all(type(each) is int for each in found[name]):
            continue
        numbers = _packed(found[name])
        if numbers is None or not all(number.is_integer() for number in numbers):
            raise _UnreadError(f'the "{name}" of its run-length code are not whole numbers')
        plain[name] = [int(number) for number in numbers]
    return plain


def _polygons(found: Any) -> list[Any]:
    """Polygons as numbers in a row, whether they come so, as pairs, alone or in lists."""
    numbers = _packed(found)
    if numbers is not None:
        return [numbers] if numbers else []
    if not isinstance(found, list) or not all(isinstance(each, list | Mapping) for each in found):
        return [found]  # no outline, which is named when it is decoded
    parts = [polygon for part in found for polygon in _polygons(part)]
    if parts and all(isinstance(part, array) and len(part) == 2 for part in parts):
        return [array("d", [number for pair in parts for number in pair])]
    return parts


def _joints(found: Any) -> Sequence[float] | None:
    """Flat x, y, visibility, also from three numbers in brackets for each joint."""
    if not found:
        return None
    nested = isinstance(found, list) and isinstance(found[0], list)
    rows = [_packed(row) for row in found] if nested else [_packed(found)]
    flat = array("d", [number for row in rows for number in row or ()])
    if None in rows or (nested and len(flat) != 3 * len(rows)):
        raise _UnreadError('its "keypoints" are not x, y and visibility of each joint')
    for place in range(2, len(flat), 3):
        if not flat[place] > 0:  # what is not known may hold anything
            flat[place - 2 : place + 1] = array("d", (0.0, 0.0, 0.0))
    if not _is_near(flat):
        raise _UnreadError('its "keypoints" hold coordinates that lie nowhere near the image')
    return flat


def _box(found: Any) -> Sequence[float] | None:
    if not found:
        return None
    box = _packed(found)
    if box is None or len(box) != 4:
        raise _UnreadError(f'its "bbox" is {_short(found)}; expected x, y, width, height')
    return box


def _corners(box: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if box is None or not _is_near(box) or not (box[2] > 0 and box[3] > 0):
        return None
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


def _is_near(numbers: Sequence[float]) -> bool:
    return all(abs(number) <= _FARTHEST_PX for number in numbers)


def _packed(found: Any) -> array[float] | None:
    """Numbers at 8 bytes each, also from text or from {"x", "y"}; None where they are no row."""
    if isinstance(found, Mapping) and {"x", "y"} <= set(found):
        found = [found["x"], found["y"]]
    if not isinstance(found, list):
        return None
    try:
        return array("d", found)
    except (TypeError, OverflowError):
        pass
    try:
        return array("d", [_number(each) for each in found])
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number with hundreds of digits
        return math.inf
