"""LabelMe: a JSON file beside each picture, with the shapes that were drawn on it.

NAME.json with "shapes" and "imagePath". Polygons, rectangles, circles and masks are read; lines
and points have no area and are left out. Each shape is one instance, except that shapes of one
label with the same group_id, or with the same number after the label ("sheep-2"), are one.
__ignore__ becomes 255. Wada: LabelMe, image polygonal annotation with Python, 2016.
"""

from __future__ import annotations

import base64
import binascii
import io
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil
from PIL import UnidentifiedImageError

from pixelwise.datasets import _shapes
from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, refuse_second, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._instances import from_masks, thing_categories
from pixelwise.datasets._json import mentions, read_object
from pixelwise.datasets._masks import IGNORED_NAMES, is_same_shape
from pixelwise.datasets._names import read_names
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.datasets._roles import split_of
from pixelwise.datasets._shapes import Mask
from pixelwise.types import Annotation, PixelwiseError

_LOOKED_AT = 5
_WITH_AREA = ("polygon", "rectangle", "circle", "mask")
_BACKGROUND = ("_background_", "background")
_NUMBERED = re.compile(r"(?P<name>.+)-(?P<number>\d+)")

Shape = Mapping[str, Any]
"""One entry of "shapes", as LabelMe writes it."""


@dataclass(frozen=True)
class _Names:
    """The names of the things, and the labels that a names file lists as they are."""

    things: tuple[str, ...]
    listed: frozenset[str]

    def of(self, shape: Shape) -> str:
        """The name of a shape's category: its label, without the number of an instance."""
        label = str(shape.get("label", ""))
        match = None if label in self.listed else _NUMBERED.fullmatch(label)
        return match["name"] if match else label


def likeness(root: Path) -> float:
    """Sure when JSON files beside pictures speak of shapes."""
    files = glimpse(root)
    found = _jsons(files)[:_LOOKED_AT]
    hits = sum(mentions(root / file, "shapes", "imagePath") for file in found)
    return 0.93 if hits and 2 * hits > len(found) and pictures(files) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances of the labels in a names file at the top, else of all labels met.

    Raises:
        PixelwiseError: a JSON file is damaged, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "shapes in JSON files (layout labelme)")
    files = list_files(root)
    cases, labels, passed_over = _pair(root, files)
    names, notes = _names(root, labels)
    if passed_over:
        listed = ", ".join(sorted(passed_over))
        notes.append(f"{sum(passed_over.values())} shapes without an area ({listed}) are left out.")
    used = {file for case in cases for file in (case.image, *case.files)}
    return Cases(
        "labelme",
        root,
        cases,
        thing_categories(names.things),
        partial(_read, names),
        unpaired=tuple(root / file for file in pictures(files) if file not in used),
        notes=tuple(notes),
    )


def _jsons(files: Iterable[str]) -> list[str]:
    return [file for file in files if file.lower().endswith(".json")]


def _pair(root: Path, files: list[str]) -> tuple[tuple[Case, ...], set[str], dict[str, int]]:
    """Cases; the labels met; the kinds of shapes that have no area, with their number."""
    images = set(pictures(files))
    by_stem = {(folder_of(image), stem(image)): image for image in images}
    cases: dict[str, Case] = {}
    labels: set[str] = set()
    passed_over: dict[str, int] = {}
    for file in _jsons(files):
        found = read_object(root / file)
        if not isinstance(found.get("shapes"), list):
            continue
        name = str(found.get("imagePath") or "").replace("\\", "/")
        place = posixpath.normpath(posixpath.join(folder_of(file), name))
        image = place if place in images else by_stem.get((folder_of(file), stem(file)))
        if image is None:
            continue
        refuse_second(root, cases.get(image), file)
        cases[image] = Case(case_id(image), image, (file,), split_of(folder_of(image)))
        labels |= {str(shape.get("label", "")) for shape in found["shapes"] if _has_area(shape)}
        for shape in found["shapes"]:
            if not _has_area(shape):
                kind = str(shape.get("shape_type"))
                passed_over[kind] = passed_over.get(kind, 0) + 1
    return settled(cases.values()), labels, passed_over


def _has_area(shape: Shape) -> bool:
    return (shape.get("shape_type") or "polygon") in _WITH_AREA


def _names(root: Path, labels: set[str]) -> tuple[_Names, list[str]]:
    listed = read_names(root)
    if listed is not None:
        things = tuple(name for name in listed.names if not _is_no_thing(name))
        return _Names(things, frozenset(things)), [f"Class names from {listed.file.name}."]
    plain = _Names((), frozenset())
    things = tuple(sorted({plain.of({"label": label}) for label in labels}))
    notes = []
    numbered = sorted(label for label in labels if plain.of({"label": label}) != label)
    if numbered:
        notes.append(
            f"The label {numbered[0]} is read as an instance of {plain.of({'label': numbered[0]})}."
            " A labels.txt that lists it keeps it a class of its own."
        )
    return _Names(tuple(name for name in things if not _is_no_thing(name)), frozenset()), notes


def _is_no_thing(name: str) -> bool:
    return name.lower() in IGNORED_NAMES or name.lower() in _BACKGROUND


# --- one picture ----------------------------------------------------------------------------------


def _read(names: _Names, image: Path, files: tuple[Path, ...]) -> Annotation:
    size_hw = image_size_hw(image)
    found = read_object(files[0])
    scale_xy = _scale(found, files[0], size_hw)
    shapes = [shape for shape in found["shapes"] if _has_area(shape)]
    ignored = [shape for shape in shapes if names.of(shape).lower() in IGNORED_NAMES]
    instances = _instances(
        [shape for shape in shapes if not _is_no_thing(names.of(shape))], names, files[0]
    )
    void = _union(ignored, files[0], size_hw, scale_xy) if ignored else None
    return from_masks(
        (_union(parts, files[0], size_hw, scale_xy) for _, parts in instances),
        [label for label, _ in instances],
        size_hw,
        void=void,
    )


def _instances(shapes: Sequence[Shape], names: _Names, path: Path) -> list[tuple[int, list[Shape]]]:
    """Category and shapes of each instance."""
    found: dict[tuple[Any, ...], tuple[int, list[Shape]]] = {}
    for place, shape in enumerate(shapes):
        name = names.of(shape)
        if name not in names.things:
            raise PixelwiseError(
                f"{path} holds the label '{name}', which the names file does not list "
                f"({', '.join(names.things[:8])}). Add it there, or correct the label."
            )
        group, label = shape.get("group_id"), shape.get("label")
        key: tuple[Any, ...] = (name, "shape", place)
        if group is not None:
            key = (name, "group", group)
        elif label != name:
            key = (name, "number", label)
        found.setdefault(key, (names.things.index(name) + 1, []))[1].append(shape)
    return list(found.values())


def _scale(found: Mapping[str, Any], path: Path, size_hw: tuple[int, int]) -> tuple[float, float]:
    """From the picture's size when it was annotated to its size now, x and y."""
    height, width = found.get("imageHeight"), found.get("imageWidth")
    if not height or not width:
        return 1.0, 1.0
    if not is_same_shape((int(height), int(width)), size_hw):
        raise PixelwiseError(
            f"{path} was drawn on a picture of {width} x {height} pixels, but its picture is "
            f"{size_hw[1]} x {size_hw[0]}. Put the picture back that it was drawn on."
        )
    return size_hw[1] / int(width), size_hw[0] / int(height)


def _union(
    shapes: Sequence[Shape], path: Path, size_hw: tuple[int, int], scale_xy: tuple[float, float]
) -> Mask:
    whole = np.zeros(size_hw, np.bool_)
    for shape in shapes:
        try:
            whole |= _fill(shape, np.array(shape["points"], np.float64) * scale_xy, size_hw)
        except (KeyError, TypeError, ValueError, IndexError, binascii.Error) as error:
            raise PixelwiseError(
                f"{path} holds a {shape.get('shape_type', 'polygon')} labelled "
                f"'{shape.get('label')}' that cannot be drawn ({error}). Draw it again, or delete "
                "it."
            ) from error
    return whole


def _fill(shape: Shape, points: _shapes.Points, size_hw: tuple[int, int]) -> Mask:
    kind = shape.get("shape_type") or "polygon"
    if kind == "circle":
        return _shapes.disc(points[0], points[1], size_hw)
    if kind == "mask":
        return _paste(str(shape["mask"]), points, size_hw)
    if kind == "rectangle" and len(points) == 2:
        return _shapes.rectangle(points[0], points[1], size_hw)
    return _shapes.polygon(points, size_hw)


def _paste(encoded: str, points: _shapes.Points, size_hw: tuple[int, int]) -> Mask:
    """A mask stored as a small PNG, stretched over the pixels between its two corners."""
    try:
        with Pil.open(io.BytesIO(base64.b64decode(encoded))) as picture:
            left, top = np.floor(points.min(axis=0)).astype(int)
            right, bottom = np.floor(points.max(axis=0)).astype(int) + 1
            stretched = picture.convert("L").resize(
                (right - left, bottom - top), Pil.Resampling.NEAREST
            )
    except UnidentifiedImageError as error:
        raise ValueError("its mask is no picture") from error
    values = np.asarray(stretched) > 0
    whole = np.zeros(size_hw, np.bool_)
    inside = whole[max(top, 0) : bottom, max(left, 0) : right]
    inside |= values[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
    return whole
