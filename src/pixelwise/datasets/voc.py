"""Pascal VOC: a picture with a map of classes and a map of objects.

JPEGImages/NAME.jpg with SegmentationClass/NAME.png and SegmentationObject/NAME.png, palette files
where 255 is void. ImageSets/Segmentation/train.txt and val.txt declare the parts. Without
SegmentationObject a folder is read as any other folder of masks. Names are VOC's twenty, or those
of class_names.txt.
Everingham et al.: The Pascal visual object classes (VOC) challenge, 2010.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._instances import from_ids, thing_categories
from pixelwise.datasets._masks import IGNORED_NAMES, fit_to_image, grey
from pixelwise.datasets._names import read_names
from pixelwise.datasets._pictures import image_size_hw, read_stored
from pixelwise.types import IGNORE, Annotation, LabelMap, PixelwiseError

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
_BACKGROUNDS = ("background", "_background_")
_IMAGES, _OF_CLASSES, _OF_OBJECTS = "JPEGImages", "SegmentationClass", "SegmentationObject"


def likeness(root: Path) -> float:
    """Sure when all three folders are there."""
    found = {_last(file) for file in pictures(glimpse(root))}
    return 0.95 if {_IMAGES, _OF_CLASSES, _OF_OBJECTS} <= found else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances; pictures that have no masks, most of VOC's, are no part of it.

    Raises:
        PixelwiseError: nothing has all three files, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "maps of classes and of objects (layout voc)")
    files = list_files(root)
    by_folder = {name: _by_name(files, name) for name in (_IMAGES, _OF_CLASSES, _OF_OBJECTS)}
    images, classes, objects = by_folder.values()
    split = _splits(root, files)
    cases = settled(
        Case(case_id(images[key]), images[key], (classes[key], objects[key]), split.get(key))
        for key in images.keys() & classes.keys() & objects.keys()
    )
    if not cases:
        raise PixelwiseError(
            f"No picture in {root}/{_IMAGES} has a file of its name in both {_OF_CLASSES} and "
            f"{_OF_OBJECTS}."
        )
    lone = (classes.keys() ^ objects.keys()) | (classes.keys() - images.keys())
    numbers, names, note = _names(root)
    notes = [note] if note else []
    if len(images) > len(cases):
        notes.append(f"{len(images) - len(cases)} pictures without masks are left out.")
    return Cases(
        "voc",
        root,
        cases,
        thing_categories(names),
        partial(_read, numbers),
        unpaired=tuple(root / (classes.get(key) or objects[key]) for key in sorted(lone)),
        notes=tuple(notes),
    )


_Key = tuple[str, str]
"""The folder above JPEGImages, and the name of a picture."""


def _last(file: str) -> str:
    return folder_of(file).rpartition("/")[2]


def _by_name(files: list[str], folder: str) -> dict[_Key, str]:
    found = [file for file in pictures(files) if _last(file) == folder]
    return {(folder_of(file).rpartition("/")[0], stem(file)): file for file in found}


def _splits(root: Path, files: list[str]) -> dict[_Key, str]:
    """The part of each picture that a list of names declares."""
    found: dict[_Key, str] = {}
    for part in ("train", "val", "test"):
        for file in files:
            above, marker, name = file.rpartition("ImageSets/Segmentation/")
            if marker and name == f"{part}.txt":
                text = (root / file).read_text(encoding="utf-8-sig", errors="replace")
                found |= {(above.rstrip("/"), line.strip()): part for line in text.splitlines()}
    return found


def _names(root: Path) -> tuple[tuple[int, ...], list[str], str]:
    """The value of each thing in the maps of classes, its name, and where the names are from."""
    listed = read_names(root)
    if listed is None:
        return tuple(range(1, len(_CLASSES) + 1)), list(_CLASSES), ""
    numbers = listed.values or range(len(listed.names))
    things = [
        (number, name)
        for number, name in zip(numbers, listed.names, strict=True)
        if name.lower() not in (*_BACKGROUNDS, *IGNORED_NAMES)
    ]
    if listed.values is None and listed.names[0].lower() not in _BACKGROUNDS:
        things = [(number + 1, name) for number, name in things]  # 0 is the background anyway
    return (
        tuple(number for number, _ in things),
        [name for _, name in things],
        f"Class names from {listed.file.name}.",
    )


# --- one picture ----------------------------------------------------------------------------------


def _read(numbers: tuple[int, ...], image: Path, files: tuple[Path, ...]) -> Annotation:
    size_hw = image_size_hw(image)
    classes, objects = (_map(path, size_hw) for path in files)
    void = (classes == IGNORE) | (objects == IGNORE) | ((classes > 0) & (objects == 0))
    ids = np.where(void, 0, objects)
    present = [int(number) for number in np.unique(ids) if number]
    labels = {
        number: _class_of(classes[ids == number], number, numbers, files) for number in present
    }
    return from_ids(ids, labels, void=void)


def _map(path: Path, size_hw: tuple[int, int]) -> LabelMap:
    values = grey(read_stored(path), path)
    if values.max(initial=0) > IGNORE:
        raise PixelwiseError(f"{path} holds {values.max()}; a VOC map holds values up to 255.")
    return fit_to_image(values.astype(np.uint8), path, size_hw)


def _class_of(
    classes: LabelMap, number: int, numbers: tuple[int, ...], files: tuple[Path, ...]
) -> int:
    """The category that most of an object's pixels have."""
    counts = np.bincount(classes[classes > 0], minlength=IGNORE + 1)
    most = int(counts.argmax())
    if not counts[most] or most not in numbers:
        what = f"has the class {most}, which has no name" if counts[most] else "has no class"
        raise PixelwiseError(
            f"The object {number} of {files[1]} {what} in {files[0]}. Correct the two maps, or "
            "name all classes in class_names.txt."
        )
    return numbers.index(most) + 1
