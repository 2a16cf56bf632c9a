"""Cityscapes: street scenes from fifty cities, stuff by kind and things one by one.

leftImg8bit/PART/CITY/NAME_leftImg8bit.png with gtFine/PART/CITY/NAME_gtFine_labelIds.png and
NAME_gtFine_instanceIds.png (gtCoarse where there is no gtFine). Of the labels those nineteen that
the benchmark evaluates are classes; all others are void. In a map of instances a value of 1000 and
more is class * 1000 + number, and a smaller one a class: stuff, or a group of things that nobody
told apart. Without maps of instances the folder is a semantic one. Maps of train ids, which most
training code makes (labelTrainIds, instanceTrainIds), number the nineteen classes from 0. Cordts
et al.: The Cityscapes dataset for semantic urban scene understanding, 2016.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._cases import Case, Cases, refuse_option, settled
from pixelwise.datasets._codes import grey
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures
from pixelwise.datasets._instances import on_layers, renumbered
from pixelwise.datasets._masks import IGNORED_NAMES, category, fit_to_image, rgb_of
from pixelwise.datasets._names import Names, read_names
from pixelwise.datasets._pictures import image_size_hw, read_stored
from pixelwise.datasets._roles import split_of
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError

_IMAGE = re.compile(r"(?P<name>.+)_leftImg8bit\.\w+", re.IGNORECASE)
_TRUTH = re.compile(
    r"(?P<name>.+)_gt(?P<kind>Fine|Coarse)_(?P<map>(?:label|instance)(?:Train)?Ids|color)\.\w+",
    re.IGNORECASE,
)
# The maps that are read, the one that says most first.
_MAPS = ("instanceids", "instancetrainids", "labelids", "labeltrainids")

# Label id, name, colour; the eight at the end are things.
_STUFF = (
    (7, "road", (128, 64, 128)),
    (8, "sidewalk", (244, 35, 232)),
    (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)),
    (13, "fence", (190, 153, 153)),
    (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)),
    (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)),
    (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)),
)
_THINGS = (
    (24, "person", (220, 20, 60)),
    (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)),
    (27, "truck", (0, 0, 70)),
    (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)),
    (32, "motorcycle", (0, 0, 230)),
    (33, "bicycle", (119, 11, 32)),
)
_ONE_OF_MANY = 1000
_BACKGROUNDS = ("background", "_background_")
# Label id -> category; ids go up to 33, and what else a value of 16 bits divided by 1000 can be.
_CATEGORY = np.full(256, IGNORE, np.uint8)
_CATEGORY[[label for label, *_ in (*_STUFF, *_THINGS)]] = np.arange(len(_STUFF) + len(_THINGS))
_CATEGORY_OF_TRAIN_ID = np.full(256, IGNORE, np.uint8)
_CATEGORY_OF_TRAIN_ID[: len(_STUFF) + len(_THINGS)] = np.arange(len(_STUFF) + len(_THINGS))

Table = NDArray[np.uint8]
"""(256,) the category of each label id, or of each train id; 255 = ignore."""


def likeness(root: Path) -> float:
    """Sure when pictures and maps of labels are named as Cityscapes'."""
    names = [file.rpartition("/")[2] for file in pictures(glimpse(root))]
    has_images = any(_IMAGE.fullmatch(name) for name in names)
    return 0.97 if has_images and any(_TRUTH.fullmatch(name) for name in names) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Frames with ``city``, which is no group that a split keeps together.

    Raises:
        PixelwiseError: nothing pairs, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "maps of labels (layout cityscapes)")
    files = list_files(root)
    images, truths = _by_name(files)
    met = {each for maps in truths.values() for each in maps}
    needed = next((each for each in _MAPS if each in met), "")
    found = [
        Case(name, image, (truths[name][needed],), split_of(folder_of(image)))
        for name, image in images.items()
        if needed in truths.get(name, {})
    ]
    categories, table, notes = _legend(root, needed)
    kept, on_test = _without_blank_test(root, found, table)
    if not kept:
        raise PixelwiseError(
            f"No image NAME_leftImg8bit.png in {root} has its NAME_gtFine_labelIds.png"
            f"{' (NAME_gtFine_color.png is for looking at)' if met == {'color'} else ''}. Expected "
            "leftImg8bit/PART/CITY/ beside gtFine/PART/CITY/ with labelIds, labelTrainIds or "
            "instanceIds."
        )
    alone = sorted(images[name] for name in images.keys() - {case.id for case in found})
    alone += _other_names(files, {folder_of(image) for image in images.values()})
    return Cases(
        "cityscapes",
        root,
        settled(kept),
        categories,
        partial(_read_instances, table, tuple(category.is_thing for category in categories))
        if needed.startswith("instance")
        else partial(_read_labels, table),
        groups={case.id: {"city": _last(folder_of(case.image))} for case in kept},
        unpaired=tuple(root / image for image in alone),
        notes=(*notes, *on_test),
    )


def _legend(root: Path, needed: str) -> tuple[tuple[Category, ...], Table, tuple[str, ...]]:
    """The categories, which of them each label is, and a sentence where it is not Cityscapes' way.

    Tools export other labels in this layout too: CVAT names them in label_colors.txt.
    """
    has_instances = needed.startswith("instance")
    own = _categories(has_instances)
    listed = read_names(root)
    if listed is not None and not {c.name for c in own} & {name.lower() for name in listed.names}:
        return *_other_labels(listed, has_instances), (f"Class names from {listed.file.name}.",)
    if "train" not in needed:
        return own, _CATEGORY, ()
    return own, _CATEGORY_OF_TRAIN_ID, ("The maps hold train ids: 0 is road, 18 bicycle.",)


def _other_labels(listed: Names, has_instances: bool) -> tuple[tuple[Category, ...], Table]:
    """Of labels with names of their own all but the background are things."""
    values = listed.values or range(len(listed.names))
    colors = listed.colors or [None] * len(listed.names)
    table = np.full(256, IGNORE, np.uint8)
    found: list[Category] = []
    for value, name, color in zip(values, listed.names, colors, strict=True):
        if name.lower() not in IGNORED_NAMES and value <= IGNORE:
            table[value] = len(found)
            is_thing = has_instances and name.lower() not in _BACKGROUNDS
            rgb = None if color is None else rgb_of(color)
            found.append(replace(category(name, len(found), rgb), is_thing=is_thing))
    return tuple(found), table


def _categories(has_instances: bool) -> tuple[Category, ...]:
    return (
        *(Category(name, color, source_id=label) for label, name, color in _STUFF),
        *(Category(name, color, has_instances, source_id=label) for label, name, color in _THINGS),
    )


def _by_name(files: list[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Name -> picture; name -> kind of map -> file, of the fine annotation where there is one."""
    images: dict[str, str] = {}
    truths: dict[str, dict[str, str]] = defaultdict(dict)
    for file in pictures(files):
        name = _last(file)
        image, truth = _IMAGE.fullmatch(name), _TRUTH.fullmatch(name)
        if image is not None:
            images[image["name"]] = file
        if truth is not None:
            maps, kind = truths[truth["name"]], truth["map"].lower()
            if truth["kind"].lower() == "fine" or kind not in maps:
                maps[kind] = file
    return images, dict(truths)


def _other_names(files: list[str], folders: set[str]) -> list[str]:
    """Pictures beside the frames that are named as neither a frame nor a map."""
    beside = (file for file in pictures(files) if folder_of(file) in folders)
    return [
        file
        for file in beside
        if not _IMAGE.fullmatch(_last(file)) and not _TRUTH.fullmatch(_last(file))
    ]


def _without_blank_test(
    root: Path, found: list[Case], table: Table
) -> tuple[list[Case], tuple[str, ...]]:
    """The benchmark keeps its test truth to itself and hands out blank maps instead."""
    test = [case for case in found if case.split == "test"]
    if not test or (table[_labels(_values(root / test[0].files[0]))] != IGNORE).any():
        return found, ()
    note = f"The {len(test)} test pictures have blank maps and are left out."
    return [case for case in found if case.split != "test"], (note,)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


# --- one picture ----------------------------------------------------------------------------------


def _read_labels(table: Table, image: Path, files: tuple[Path, ...]) -> Annotation:
    labels = table[_labels(_values(files[0]))]
    return Annotation(fit_to_image(labels, files[0], image_size_hw(image)))


def _read_instances(
    table: Table, things: tuple[bool, ...], image: Path, files: tuple[Path, ...]
) -> Annotation:
    values = fit_to_image(_values(files[0]), files[0], image_size_hw(image))
    numbers = np.unique(values).astype(np.int64)
    kinds = table[_labels(numbers.astype(np.uint16))]
    is_thing = np.isin(kinds, np.flatnonzero(things))
    objects = numbers[is_thing]
    layer = renumbered(values, objects)
    ground = table[_labels(values)]
    crowd = (objects < _ONE_OF_MANY).tolist()
    return on_layers(layer[None], kinds[is_thing].tolist(), ground, crowd=crowd)


def _values(path: Path) -> NDArray[np.uint16]:
    return grey(read_stored(path), path).astype(np.uint16)


def _labels(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The label id in a value of either map."""
    return np.where(values < _ONE_OF_MANY, np.minimum(values, IGNORE), values // _ONE_OF_MANY)
