"""COCO's JSON files: which files of a folder are some, and what is in one.

Lin et al.: Microsoft COCO, 2014 (instances, person_keypoints); Kirillov et al.: Panoptic
segmentation, 2019. Everything is kept small while it is parsed: the polygons of COCO's training
part take some 0.4 GB as packed numbers, and several GB as Python's own lists.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pixelwise.datasets._coco_entries import (
    Key,
    Odd,
    Picture,
    Region,
    Segmented,
    flag_of,
    slim,
)
from pixelwise.datasets._coco_names import named_joints
from pixelwise.datasets._files import folder_of, stem
from pixelwise.types import PixelwiseError
from pixelwise.words import count

# Where a file holds thousands of outlines its keys stand at its beginning and its end.
_GLIMPSE_BYTES = 2**20
_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*[\[{]')
# COCO's own folder also holds sentences about its pictures, and lists of pictures without truth.
_OTHER_NAMES = ("captions_", "image_info_", "stuff_")
_TELLING = re.compile(r"coco|instances|panoptic|keypoints|annotations", re.IGNORECASE)
# A folder with more JSON files than this has one for each picture, which is another layout.
_MOST_FILES = 20
# In folders that hold a few each, a hundred are enough to see what they are.
_MOST_OPENED = 100
# Folders above a file, tried in this order: archives have folders around the dataset.
_DEPTHS = (1, 2, 3, 4)
_DIGITS = re.compile(r"[0-9]+(\.0*)?")
_TABLES = ("images", "annotations", "categories")


@dataclass(frozen=True)
class Document:
    """One file, parsed. Of ``regions`` and ``segmented`` one is empty.

    ``notes``: a sentence for each thing that the file does not write as COCO does.
    """

    path: Path
    pictures: Mapping[Key, Picture]
    categories: tuple[Mapping[str, Any], ...]
    regions: tuple[Region, ...]
    segmented: tuple[Segmented, ...]
    notes: tuple[str, ...] = ()

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
    """Those of ``files`` that are COCO's: at the top or one folder below, else a little deeper."""
    jsons = [file for file in files if file.lower().endswith(".json")]
    found: dict[str, str] = {}
    for depth in _DEPTHS:
        found = found or _kinds(root, [file for file in jsons if file.count("/") <= depth])
    panoptic = [file for file, kind in found.items() if kind == "panoptic"]
    if not panoptic:
        return Files(list(found), False, [])
    return Files(panoptic, True, [file for file, kind in found.items() if kind == "joints"])


def _kinds(root: Path, near: Sequence[str]) -> dict[str, str]:
    """The COCO files among these, with what each holds."""
    counts = Counter(folder_of(file) for file in near)
    few = [file for file in near if counts[folder_of(file)] <= _MOST_FILES]
    told = {*few[:_MOST_OPENED], *(file for file in near if _TELLING.search(stem(file)))}
    return {
        file: kind
        for file in sorted(told)
        if not stem(file).lower().startswith(_OTHER_NAMES) and (kind := _kind(root / file))
    }


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
        found = json.loads(text, object_hook=slim)
    except OSError as error:
        raise PixelwiseError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise PixelwiseError(
            f"{path} is damaged or cut off ({error}): copy or export it again."
        ) from error
    entries = found if isinstance(found, dict) else {}
    missing = [key for key in _TABLES if not isinstance(entries.get(key), list | dict)]
    if missing:
        raise PixelwiseError(
            f"{path} has no list called {' and none called '.join(missing)}; a COCO file has "
            "images, annotations and categories. Export it again as COCO."
        )
    images, annotations, kinds = (_listed(key, entries[key]) for key in _TABLES)
    _all_are(path, "images", images, (Picture,), "id and file_name")
    _all_are(path, "categories", kinds, (dict,), "id and name")
    _all_are(path, "annotations", annotations, (Region, Segmented), "image_id and category_id")
    _are_different(path, "categories", [(kind["id"], kind["name"]) for kind in kinds])
    document = Document(
        path,
        _by_id(path, images),
        tuple(_plain_category(path, kind) for kind in kinds),
        tuple(each for each in annotations if isinstance(each, Region)),
        tuple(each for each in annotations if isinstance(each, Segmented)),
    )
    document = _resolved(document)
    _check_references(document)
    categories, notes = named_joints(path, document.categories, document.regions)
    notes = [*_spelling_notes(path, entries, document.regions), *notes]
    return replace(document, categories=categories, notes=(*document.notes, *notes))


def _spelling_notes(path: Path, entries: Mapping[str, Any], regions: Sequence[Region]) -> list[str]:
    """What a file writes in another form than COCO's, and how it is read."""
    tables = [key for key in _TABLES if isinstance(entries[key], dict) and entries[key]]
    notes = [f"{path.name} holds {key} as a table by id; it is read as a list." for key in tables]
    number = sum(region.is_respelled for region in regions)
    if number:
        notes.append(
            f"{path.name} writes {count(number, 'annotation')} in another form than COCO's (flat "
            "polygons, [x, y] pairs, numbers or iscrowd as text); they are read as what they spell."
        )
    return notes


def _listed(name: str, found: Any) -> list[Any]:
    """The entries of a list, or of a table by id (LIVECell) or by the image's id."""
    if not isinstance(found, dict):
        return list(found)
    listed: list[Any] = []
    for key, value in found.items():
        if isinstance(value, list):
            listed += [_with(each, "image_id", key) for each in value]
        elif name == "categories" and isinstance(value, str):
            listed.append({"id": key, "name": value})
        else:
            listed.append(_with(value, "id", key))
    return listed


def _with(entry: Any, field: str, key: str) -> Any:
    """An entry that has its id outside, with the id inside."""
    return slim({**entry, field: key}) if isinstance(entry, dict) and field not in entry else entry


def _plain_category(path: Path, category: Mapping[str, Any]) -> Mapping[str, Any]:
    if "isthing" not in category:
        return category
    try:
        return {**category, "isthing": flag_of(category["isthing"], "isthing")}
    except ValueError as error:
        raise PixelwiseError(
            f"{path}: the category {category['name']} cannot be read: {error}. Correct it."
        ) from error


# --- ids that are texts here and numbers there ---------------------------------------------------


def _resolved(document: Document) -> Document:
    """With the ids in annotations as the lists of images and categories write them."""
    images, kinds = _Ids(document.pictures), _Ids(each["id"] for each in document.categories)
    for region in document.regions:
        region.picture, region.category = images.of(region.picture), kinds.of(region.category)
    segmented = tuple(
        replace(
            each,
            picture=images.of(each.picture),
            segments=tuple(replace(s, category=kinds.of(s.category)) for s in each.segments),
        )
        for each in document.segmented
    )
    notes = [
        f"{document.path.name} writes ids of {name} as text in one place and as numbers in "
        f"another; they are taken for the same: {ids.example}."
        for name, ids in (("images", images), ("categories", kinds))
        if ids.example
    ]
    return replace(document, segmented=segmented, notes=(*document.notes, *notes))


class _Ids:
    """Ids by the numbers they are, for references that write them otherwise.

    ``example``: the first reference that was written otherwise, "" where none was.
    """

    def __init__(self, known: Iterable[Key]) -> None:
        self._known = set(known)
        numbers = Counter(_number(key) for key in self._known)
        self._by_number = {
            number: key for key in self._known if numbers[number := _number(key)] == 1
        }
        self.example = ""

    def of(self, key: Key) -> Key:
        """The id that is meant; ``key`` itself where that is known, or none is."""
        if key in self._known:
            return key
        meant = self._by_number.get(_number(key), key)
        if meant != key and not self.example:
            self.example = f"{json.dumps(key)} is {json.dumps(meant)}"
        return meant


def _number(key: Key) -> str:
    """One text for what is one number: 7, "7", "007" and " 7.0"."""
    text = str(key).strip()
    return re.sub(r"^0+(?=\d)", "", re.sub(r"\.0*$", "", text)) if _DIGITS.fullmatch(text) else text


# --- what must hold of a file --------------------------------------------------------------------


def _all_are(
    path: Path, name: str, entries: Sequence[Any], kinds: tuple[type, ...], keys: str
) -> None:
    for number, entry in enumerate(entries):
        if isinstance(entry, Odd):
            raise PixelwiseError(
                f'{path}: entry {number} of "{name}" cannot be read: {entry.reason}. Correct it, '
                "or export the file again."
            )
        whole = isinstance(entry, kinds)
        if whole and isinstance(entry, dict):
            whole = isinstance(entry.get("id"), str | int | float) and isinstance(
                entry.get("name"), str
            )
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
