"""LabelMe: a JSON file for each image, with the shapes that were drawn on it.

NAME.json with "shapes" and "imagePath", beside its image or in another folder. Polygons,
rectangles (also rotated), circles and masks are read; lines and points have no area and are left
out. Each shape is one instance, except that shapes of one label with the same group_id, or with the
same number after the label ("sheep-2"), are one. A rectangle beside outlines of the same class is a
box and no outline: an ignore region. __ignore__ becomes 255. Wada: LabelMe, image polygonal
annotation with Python, 2016.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, refuse_second, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._instances import boxed_among, forget, from_masks, thing_categories
from pixelwise.datasets._json import mentions, read_object
from pixelwise.datasets._labelme_labels import Names, is_no_thing, names_of
from pixelwise.datasets._labelme_shapes import (
    RECTANGLE,
    WITH_AREA,
    Shape,
    has_area,
    kind_of,
    label_of,
    shapes_of,
    union,
)
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._masks import IGNORED_NAMES, is_same_shape
from pixelwise.datasets._pictures import image_size_hw, is_rotated
from pixelwise.datasets._roles import split_of
from pixelwise.types import Annotation, PixelwiseError
from pixelwise.words import count

_LOOKED_AT = 5
_MOST_PX = 1e7


@dataclass(frozen=True)
class _Found:
    """What the JSON files of a folder say.

    ``labels``: of the shapes with an area, for each image. ``kinds``: label -> kind of shape ->
    their number. ``lost``: JSON files without an image, and the name of the image that each gives.
    ``num_inside``: how many of these hold their image themselves.
    """

    cases: tuple[Case, ...]
    labels: tuple[frozenset[str], ...]
    kinds: Mapping[str, Counter[str]]
    lost: Mapping[str, str]
    num_inside: int


def likeness(root: Path) -> float:
    """Sure when JSON files speak of shapes; where there is no image, reading them says why."""
    files = glimpse(root)
    found = _jsons(files)[:_LOOKED_AT]
    hits = sum(mentions(root / file, "shapes", "imagePath") for file in found)
    return 0.93 if hits and 2 * hits > len(found) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances of the labels in a names file at the top, else of all labels met.

    Raises:
        PixelwiseError: a JSON file is damaged, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "shapes in JSON files (layout labelme)")
    files = list_files(root)
    found = _pair(root, files)
    if not found.cases:
        raise PixelwiseError(_no_cases(root, found))
    names, notes = names_of(root, found.labels)
    boxed, told = _boxed(found.kinds, names)
    used = {file for case in found.cases for file in (case.image, *case.files)}
    alone = [file for file in pictures(files) if file not in used]
    return Cases(
        "labelme",
        root,
        found.cases,
        thing_categories(names.things),
        partial(_read, names, boxed),
        unpaired=tuple(root / file for file in (*alone, *found.lost)),
        notes=(*notes, *told, *_without_area(found.kinds), *_about_lost(found)),
    )


def _jsons(files: Iterable[str]) -> list[str]:
    return [file for file in files if file.lower().endswith(".json")]


def _pair(root: Path, files: list[str]) -> _Found:
    find = _Finder(pictures(files))
    cases: dict[str, Case] = {}
    labels: list[frozenset[str]] = []
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    lost: dict[str, str] = {}
    num_inside = 0
    for file in _jsons(files):
        held = read_object(root / file)
        if not isinstance(held.get("shapes"), list):
            continue
        shapes = shapes_of(held, root / file)
        name = str(held.get("imagePath") or "").replace("\\", "/")
        image = find(file, name)
        if image is None:
            lost[file] = name
            num_inside += bool(held.get("imageData"))
            continue
        refuse_second(root, cases.get(image), file)
        is_sized = _size_hw(held) is not None
        split = split_of(folder_of(image)) or split_of(folder_of(file))
        cases[image] = Case(case_id(image), image, (file,), split, is_sized=is_sized)
        labels.append(frozenset(label_of(shape) for shape in shapes if has_area(shape)))
        for shape in shapes:
            kinds[label_of(shape)][kind_of(shape)] += 1
    return _Found(settled(cases.values()), tuple(labels), kinds, lost, num_inside)


class _Finder:
    """Which image a JSON file is about: as it says, of its own name, or anywhere by one of both."""

    def __init__(self, images: list[str]) -> None:
        self._images = set(images)
        self._beside = {(folder_of(image), stem(image)): image for image in sorted(images)}
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for image in images:
            self._by_stem[stem(image).casefold()].append(image)
        self._locate = Locator(images)

    def __call__(self, file: str, name: str) -> str | None:
        place = posixpath.normpath(posixpath.join(folder_of(file), name))
        if place in self._images:
            return place
        beside = self._beside.get((folder_of(file), stem(file)))
        if beside is not None:
            return beside
        named = self._locate.find(name, file) if name else None
        alike = self._by_stem[stem(file).casefold()]
        return named or (alike[0] if len(alike) == 1 else None)


# --- what is said of the whole folder -------------------------------------------------------------


def _boxed(kinds: Mapping[str, Counter[str]], names: Names) -> tuple[frozenset[str], list[str]]:
    by_name: dict[str, Counter[str]] = defaultdict(Counter)
    for label, counts in kinds.items():
        name = names.of({"label": label})
        if not is_no_thing(name):
            by_name[name] += counts
    return boxed_among(by_name, RECTANGLE, WITH_AREA)


def _without_area(kinds: Mapping[str, Counter[str]]) -> list[str]:
    every: Counter[str] = sum(kinds.values(), Counter())
    others = {kind: number for kind, number in every.items() if kind not in WITH_AREA}
    if not others:
        return []
    listed = ", ".join(sorted(others))
    return [f"{sum(others.values())} shapes without an area ({listed}) are left out."]


def _about_lost(found: _Found) -> list[str]:
    if not found.lost:
        return []
    file, name = next(iter(found.lost.items()))
    inside = f"; {found.num_inside} hold it inside (imageData)" if found.num_inside else ""
    return [
        f"{count(len(found.lost), 'JSON file')} without an image in the folder, for example {file} "
        f"with the imagePath {name or 'missing'}{inside}."
    ]


def _no_cases(root: Path, found: _Found) -> str:
    if not found.lost:
        return f"No JSON file in {root} holds LabelMe's list of shapes. Export them again."
    file, name = next(iter(found.lost.items()))
    if found.num_inside:
        return (
            f"{root} holds {count(len(found.lost), 'JSON file')} of LabelMe and no image files: "
            f"the images are inside the JSON files (imageData). Save each as an image file beside "
            f"its JSON file, for example with labelme_export_json {file}."
        )
    return (
        f"None of the images that {count(len(found.lost), 'JSON file')} in {root} name as "
        f"imagePath is in the folder, for example {name or 'none'} in {file}. Put the images into "
        "the folder, by these names or by the names of the JSON files."
    )


# --- one picture ----------------------------------------------------------------------------------


def _read(names: Names, boxed: frozenset[str], image: Path, files: tuple[Path, ...]) -> Annotation:
    size_hw = image_size_hw(image)
    held = read_object(files[0])
    scale_xy = _scale(held, files[0], image, size_hw)
    shapes = [shape for shape in shapes_of(held, files[0]) if has_area(shape)]
    ignored = [shape for shape in shapes if names.of(shape).lower() in IGNORED_NAMES]
    things = [shape for shape in shapes if not is_no_thing(names.of(shape))]
    boxes = [each for each in things if kind_of(each) == RECTANGLE and names.of(each) in boxed]
    instances = _instances([each for each in things if each not in boxes], names, files[0])
    void = union(ignored, files[0], size_hw, scale_xy) if ignored else None
    annotation = from_masks(
        (union(parts, files[0], size_hw, scale_xy) for _, parts in instances),
        [label for label, _ in instances],
        size_hw,
        void=void,
    )
    if boxes:
        forget(annotation, union(boxes, files[0], size_hw, scale_xy))
    return annotation


def _instances(shapes: Sequence[Shape], names: Names, path: Path) -> list[tuple[int, list[Shape]]]:
    """Category and shapes of each instance."""
    found: dict[tuple[Any, ...], tuple[int, list[Shape]]] = {}
    for place, shape in enumerate(shapes):
        name = names.of(shape)
        if name not in names.things:
            raise PixelwiseError(
                f"{path} holds the label '{name}', which the names file does not list "
                f"({', '.join(names.things[:8])}). Add it there, or correct the label."
            )
        group, label = shape.get("group_id"), label_of(shape)
        key: tuple[Any, ...] = (name, "shape", place)
        if group is not None:
            key = (name, "group", str(group))
        elif label != name:
            key = (name, "number", label)
        found.setdefault(key, (names.things.index(name) + 1, []))[1].append(shape)
    return list(found.values())


def _size_hw(held: Mapping[str, Any]) -> tuple[int, int] | None:
    """The size of the image when it was annotated; None where the file does not say it."""
    try:
        height, width = int(held["imageHeight"]), int(held["imageWidth"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    is_size = 0 < height < _MOST_PX and 0 < width < _MOST_PX
    return (height, width) if is_size else None


def _scale(
    held: Mapping[str, Any], path: Path, image: Path, size_hw: tuple[int, int]
) -> tuple[float, float]:
    """From the image's size when it was annotated to its size now, x and y."""
    drawn_hw = _size_hw(held)
    if drawn_hw is None:
        return 1.0, 1.0
    height, width = drawn_hw
    if is_same_shape(drawn_hw, size_hw):
        return size_hw[1] / width, size_hw[0] / height
    if is_same_shape(drawn_hw, size_hw[::-1]) and is_rotated(image):
        raise PixelwiseError(
            f"{path} was drawn on {image.name} as it is stored, {width} x {height}; its EXIF "
            f"orientation turns it to {size_hw[1]} x {size_hw[0]} pixels. Save the image without "
            "the EXIF orientation, or annotate it upright."
        )
    raise PixelwiseError(
        f"{path} was drawn on a picture of {width} x {height} pixels, but its picture is "
        f"{size_hw[1]} x {size_hw[0]}. Put the picture back that it was drawn on."
    )
