"""Pascal VOC: a picture with a map of classes and a map of objects.

JPEGImages/NAME.jpg with SegmentationClass/NAME.png and SegmentationObject/NAME.png, palette files
where 255 is void, or RGB files as CVAT writes them (see `_voc_maps`). The lists train.txt and
val.txt in ImageSets/Segmentation declare the parts. Without SegmentationObject a folder is read as
any other folder of masks. Names are VOC's twenty, or those of class_names.txt, labelmap.txt and
their like. Folders may be named in any case, and have folders in them. A box in
Annotations/NAME.xml with nothing of its class outlined inside is an ignore region.
Everingham et al.: The Pascal visual object classes (VOC) challenge, 2010.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, settled
from pixelwise.datasets._files import glimpse, list_files, pictures, read_lines, stem
from pixelwise.datasets._instances import forget_box, from_ids, thing_categories
from pixelwise.datasets._masks import IGNORED_NAMES
from pixelwise.datasets._names import Names, read_names
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.datasets._voc_boxes import Box, read_boxes
from pixelwise.datasets._voc_maps import NO_NAME, Legend, Numbers, read_classes, read_objects
from pixelwise.layers import touched
from pixelwise.types import IGNORE, Annotation, PixelwiseError

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
_BACKGROUNDS = ("background", "_background_")
# In small letters, as they are compared.
_IMAGES, _OF_CLASSES, _OF_OBJECTS = "jpegimages", "segmentationclass", "segmentationobject"
_OF_BOXES = "annotations"
_LIST = re.compile(
    r"(?:(?P<above>.+)/)?ImageSets/Segmentation/(?P<part>train|val|test)\.txt", re.IGNORECASE
)


def likeness(root: Path) -> float:
    """Sure when all three folders are there."""
    files = glimpse(root)
    found = all(_by_name(files, folder) for folder in (_IMAGES, _OF_CLASSES, _OF_OBJECTS))
    return 0.95 if found else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances; pictures that have no masks, most of VOC's, are no part of it.

    Raises:
        PixelwiseError: nothing has all three files, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "maps of classes and of objects (layout voc)")
    files = list_files(root)
    by_folder = {name: _by_name(files, name) for name in (_IMAGES, _OF_CLASSES, _OF_OBJECTS)}
    images, classes, objects = by_folder.values()
    boxes = _by_name(files, _OF_BOXES, ".xml")
    split = _splits(root, files)
    cases = settled(
        Case(
            case_id(images[key]),
            images[key],
            (classes[key], objects[key], *([boxes[key]] if key in boxes else [])),
            split.get(key),
        )
        for key in images.keys() & classes.keys() & objects.keys()
    )
    if not cases:
        raise PixelwiseError(
            f"No image in {root}/JPEGImages has a file of its name in both SegmentationClass and "
            "SegmentationObject."
        )
    lone = (classes.keys() ^ objects.keys()) | (classes.keys() - images.keys())
    legend, names, note = _names(root)
    notes = [note] if note else []
    if any(file.endswith(".xml") for case in cases for file in case.files):
        notes.append(
            "Boxes in the XML files with nothing of their class outlined inside are left out."
        )
    if len(images) > len(cases):
        notes.append(f"{len(images) - len(cases)} pictures without masks are left out.")
    return Cases(
        "voc",
        root,
        cases,
        thing_categories(names),
        partial(_read, legend, tuple(names)),
        unpaired=tuple(root / (classes.get(key) or objects[key]) for key in sorted(lone)),
        notes=tuple(notes),
    )


_Key = tuple[str, str]
"""The folder above JPEGImages, and an image below it without ending; both in small letters."""


def _by_name(files: list[str], folder: str, ending: str = "") -> dict[_Key, str]:
    """The images (files of an ending) in a folder of this name, in any case, and in those in it."""
    found = {}
    of_kind = [file for file in files if file.lower().endswith(ending)]
    for file in of_kind if ending else pictures(files):
        parts = file.split("/")
        place = next((i for i, part in enumerate(parts[:-1]) if part.lower() == folder), None)
        if place is not None:
            inside = "/".join([*parts[place + 1 : -1], stem(file)])
            found["/".join(parts[:place]).casefold(), inside.casefold()] = file
    return found


def _splits(root: Path, files: list[str]) -> dict[_Key, str]:
    """The part of each picture that a list of names declares."""
    found: dict[_Key, str] = {}
    for part in ("train", "val", "test"):
        for file in files:
            match = _LIST.fullmatch(file)
            if match and match["part"].lower() == part:
                lines = read_lines(root / file)
                above = (match["above"] or "").casefold()
                found |= {(above, line.strip().casefold()): part for line in lines}
    return found


def _names(root: Path) -> tuple[Legend, list[str], str]:
    """What is in the maps of classes, the name of each thing, and where the names are from."""
    listed = read_names(root)
    if listed is None:
        return Legend(tuple(range(1, len(_CLASSES) + 1))), list(_CLASSES), ""
    numbers = listed.values or range(len(listed.names))
    things = [
        (number, name)
        for number, name in zip(numbers, listed.names, strict=True)
        if _place(name) is None
    ]
    if listed.values is None and listed.names[0].lower() not in _BACKGROUNDS:
        things = [(number + 1, name) for number, name in things]  # 0 is the background anyway
    names = [name for _, name in things]
    legend = Legend(tuple(number for number, _ in things), _colors(listed, names), listed.file.name)
    return legend, names, f"Class names from {listed.file.name}."


def _place(name: str) -> int | None:
    """0 for the background, 255 for what is ignored, None for a thing."""
    if name.lower() in _BACKGROUNDS:
        return 0
    return IGNORE if name.lower() in IGNORED_NAMES else None


def _colors(listed: Names, things: list[str]) -> dict[int, int]:
    """The colours that a file names; see `Legend`."""
    found = {}
    for name, color in zip(listed.names, listed.colors or (), strict=False):
        place = _place(name)
        found[color] = things.index(name) + 1 if place is None else place
    return found


# --- one picture ----------------------------------------------------------------------------------


def _read(
    legend: Legend, names: tuple[str, ...], image: Path, files: tuple[Path, ...]
) -> Annotation:
    size_hw = image_size_hw(image)
    classes = read_classes(files[0], size_hw, legend)
    objects = read_objects(files[1], size_hw)
    void = (classes == IGNORE) | (objects == IGNORE) | ((classes > 0) & (objects == 0))
    ids = np.where(void, 0, objects)
    present = [int(number) for number in np.unique(ids) if number]
    labels = {number: _class_of(classes[ids == number], number, files) for number in present}
    annotation = from_ids(ids, labels, void=void)
    for box in _unexplained(classes, names, files[2:]):
        forget_box(annotation, box)
    return annotation


def _unexplained(classes: Numbers, names: tuple[str, ...], files: tuple[Path, ...]) -> list[Box]:
    """The boxes in which nothing of their class is outlined; of a class without a name, nothing."""
    found = []
    for name, box in (each for file in files for each in read_boxes(file)):
        inside = classes[touched(box)]
        kinds = [names.index(name) + 1] if name in names else list(range(1, IGNORE))
        if not np.isin(inside, kinds).any():
            found.append(box)
    return found


def _class_of(classes: Numbers, number: int, files: tuple[Path, ...]) -> int:
    """The category that most of an object's pixels have."""
    counts = np.bincount(classes[classes > 0], minlength=NO_NAME + 1)
    most = int(counts.argmax())
    if not counts[most] or most == NO_NAME:
        what = "has a class without a name" if counts[most] else "has no class"
        raise PixelwiseError(
            f"The object {number} of {files[1]} {what} in {files[0]}. Correct the two maps, or "
            "name all classes in class_names.txt."
        )
    return most
