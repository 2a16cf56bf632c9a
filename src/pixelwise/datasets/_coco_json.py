"""COCO's JSON files: which files of a folder are some, and what is in one.

Lin et al.: Microsoft COCO, 2014 (instances, person_keypoints); Kirillov et al.: Panoptic
segmentation, 2019. Everything is kept small while it is parsed: the polygons of COCO's training
part take some 0.4 GB as packed numbers, and several GB as Python's own lists.
"""

from __future__ import annotations

import json
import os
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.datasets._files import folder_of, stem
from pixelwise.types import PixelwiseError

# Where a file holds thousands of outlines its keys stand at its beginning and its end.
_GLIMPSE_BYTES = 2**20
_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
# COCO's own folder also holds sentences about its pictures, and lists of pictures without truth.
_OTHER_NAMES = ("captions_", "image_info_", "stuff_")
_TELLING = re.compile(r"coco|instances|panoptic|keypoints|annotations", re.IGNORECASE)
# A folder with more JSON files than this has one for each picture, which is another layout.
_MOST_FILES = 20

Key = int | str
"""An id in a file: of a picture, an annotation or a category."""


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
    later, from a second file that describes the same object.
    """

    id: Key | None
    picture: Key
    category: Key
    is_crowd: bool
    segmentation: Any
    joints: Sequence[float] | None
    box: Sequence[float] | None

    @property
    def is_outlined(self) -> bool:
        """Whether there is an outline of three corners or more."""
        if isinstance(self.segmentation, tuple):
            return any(len(polygon) >= 6 for polygon in self.segmentation)
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


def _corners(box: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    if box is None or len(box) != 4 or not (box[2] > 0 and box[3] > 0):
        return None
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


@dataclass(frozen=True, slots=True)
class Segmented:
    """An entry of a panoptic file's "annotations": a PNG and its segments."""

    picture: Key
    name: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Document:
    """One file, parsed. Of ``regions`` and ``segmented`` one is empty."""

    path: Path
    pictures: Mapping[Key, Picture]
    categories: tuple[Mapping[str, Any], ...]
    regions: tuple[Region, ...]
    segmented: tuple[Segmented, ...]

    @property
    def count(self) -> int:
        """Number of annotations."""
        return len(self.regions) + len(self.segmented)


class Files(NamedTuple):
    """The files of a folder that are COCO's.

    ``names``: those that say what is where. ``is_panoptic``: whether these are panoptic; where a
    folder has both kinds they are, for they say of every pixel what it is. ``jointed``: beside
    panoptic ones, those that know joints.
    """

    names: list[str]
    is_panoptic: bool
    jointed: list[str]


def annotation_files(root: Path, files: Sequence[str]) -> Files:
    """Those of ``files`` that are COCO's, at the top or one folder below."""
    near = [file for file in files if file.lower().endswith(".json") and file.count("/") <= 1]
    folders = {folder_of(file) for file in near}
    crowded = {
        folder
        for folder in folders
        if sum(folder_of(file) == folder for file in near) > _MOST_FILES
    }
    near = [file for file in near if folder_of(file) not in crowded or _TELLING.search(stem(file))]
    found = {
        file: kind
        for file in near
        if not stem(file).lower().startswith(_OTHER_NAMES) and (kind := _kind(root / file))
    }
    panoptic = [file for file, kind in found.items() if kind == "panoptic"]
    if not panoptic:
        return Files(list(found), False, [])
    return Files(panoptic, True, [file for file, kind in found.items() if kind == "joints"])


def _kind(path: Path) -> str:
    """What a file holds, by a look at both its ends.

    "panoptic", "joints" (and perhaps outlines), "regions", or "" for a file that is none of COCO's.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_GLIMPSE_BYTES)
            if file.seek(0, os.SEEK_END) > _GLIMPSE_BYTES:
                file.seek(-_GLIMPSE_BYTES, os.SEEK_END)
                text += file.read()
    except OSError:
        return ""
    if len(set(_KEYS.findall(text))) < 2:
        return ""
    if b'"segments_info"' in text:
        return "panoptic"
    return "joints" if b'"keypoints"' in text else "regions"


def parse(path: Path) -> Document:
    """Read a file.

    Raises:
        PixelwiseError: damaged, or not as COCO writes it; the message names the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text, object_hook=_slim)
    except (ValueError, RecursionError) as error:
        raise PixelwiseError(
            f"{path} is damaged or cut off ({error}): copy or export it again."
        ) from error
    entries = found if isinstance(found, dict) else {}
    lists: dict[str, Any] = {
        key: entries.get(key) for key in ("images", "annotations", "categories")
    }
    missing = [key for key, value in lists.items() if not isinstance(value, list)]
    if missing:
        raise PixelwiseError(
            f"{path} has no list called {' and none called '.join(missing)}; a COCO file has "
            "images, annotations and categories. Export it again as COCO."
        )
    annotations = lists["annotations"]
    _all_are(path, "images", lists["images"], (Picture,), "id and file_name")
    _all_are(path, "categories", lists["categories"], (dict,), "id and name")
    _all_are(path, "annotations", annotations, (Region, Segmented), "image_id and category_id")
    named = [(category["id"], category["name"]) for category in lists["categories"]]
    _are_different(path, "categories", named)
    document = Document(
        path,
        _by_id(path, lists["images"]),
        tuple(lists["categories"]),
        tuple(each for each in annotations if isinstance(each, Region)),
        tuple(each for each in annotations if isinstance(each, Segmented)),
    )
    _check_references(document)
    return document


# --- one object of a file ------------------------------------------------------------------------


def _slim(found: dict[str, Any]) -> Any:
    """A JSON object as what it is in a COCO file, or as it came; called from the inside out."""
    if "segments_info" in found:
        return _segmented(found)
    if "image_id" in found and "category_id" in found:
        return _region(found)
    if "file_name" in found and "id" in found:
        sides = found.get("height"), found.get("width")
        sized = all(isinstance(side, int | float) and side > 0 for side in sides)
        size_hw = (int(sides[0]), int(sides[1])) if sized else None  # type: ignore[arg-type]
        return Picture(found["id"], str(found["file_name"]).replace("\\", "/"), size_hw)
    return found


def _region(found: Mapping[str, Any]) -> Region:
    segmentation = found.get("segmentation")
    if isinstance(segmentation, list):
        segmentation = tuple(_packed(part) for part in segmentation) or None
    return Region(
        found.get("id"),
        found["image_id"],
        found["category_id"],
        bool(found.get("iscrowd", 0)),
        segmentation or None,
        _packed(found["keypoints"]) if found.get("keypoints") else None,
        _packed(found["bbox"]) if found.get("bbox") else None,
    )


def _packed(numbers: Any) -> Any:
    """Numbers at 8 bytes each; what are no numbers stays, to be named when it is decoded."""
    try:
        return array("d", numbers)
    except TypeError:
        return numbers


def _segmented(found: Mapping[str, Any]) -> Any:
    try:
        segments = tuple(
            Segment(
                int(each["id"]),
                each["category_id"],
                bool(each.get("iscrowd", 0)),
                _packed(each["bbox"]) if each.get("bbox") else None,
            )
            for each in found["segments_info"]
        )
        return Segmented(found["image_id"], str(found["file_name"]).replace("\\", "/"), segments)
    except (KeyError, TypeError, ValueError):
        return found  # named by `_all_are`


# --- what must hold of a file --------------------------------------------------------------------


def _all_are(
    path: Path, name: str, entries: Sequence[Any], kinds: tuple[type, ...], keys: str
) -> None:
    for number, entry in enumerate(entries):
        whole = isinstance(entry, kinds)
        if whole and isinstance(entry, dict):
            whole = "id" in entry and isinstance(entry.get("name"), str)
        if not whole:
            raise PixelwiseError(
                f'{path}: entry {number} of "{name}" is not as COCO writes it; each needs {keys}. '
                "Correct it, or export the file again."
            )


def _by_id(path: Path, pictures: Sequence[Picture]) -> dict[Key, Picture]:
    _are_different(path, "pictures", [(picture.id, picture.name) for picture in pictures])
    return {picture.id: picture for picture in pictures}


def _are_different(path: Path, kind: str, named: Sequence[tuple[Key, str]]) -> None:
    seen: dict[Key, str] = {}
    for key, name in named:
        if key in seen:
            raise PixelwiseError(
                f"{path} lists two {kind} with the id {key}: {seen[key]} and {name}. Give each its "
                "own, or export the file again."
            )
        seen[key] = name


def _check_references(document: Document) -> None:
    """Every annotation belongs to a picture and a category that the file lists."""
    categories = {category["id"] for category in document.categories}
    regions = ((each, f"Annotation {each.id}", each.category) for each in document.regions)
    segments = (
        (each, f"Segment {segment.id} of {each.name}", segment.category)
        for each in document.segmented
        for segment in each.segments
    )
    for each in document.segmented:
        _check_picture(document, each, f"The annotation {each.name}")
    for region, words, category in regions:
        _check_picture(document, region, words)
        _check_category(document, categories, words, category)
    for _, words, category in segments:
        _check_category(document, categories, words, category)


def _check_picture(document: Document, each: Region | Segmented, words: str) -> None:
    if each.picture not in document.pictures:
        raise PixelwiseError(
            f"{words} in {document.path} belongs to picture {each.picture}, which the file does "
            'not list in "images". Add the picture there, or take the annotation out.'
        )


def _check_category(document: Document, known: set[Key], words: str, category: Key) -> None:
    if category not in known:
        raise PixelwiseError(
            f"{words} in {document.path} has the category {category}, which the file does not list "
            'in "categories". Add the category there, or take the annotation out.'
        )
