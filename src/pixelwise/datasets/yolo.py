"""YOLO segmentation and pose: a text file for each picture, a line for each object.

images/[PART/]NAME.jpg with labels/[PART/]NAME.txt, PART/images with PART/labels (in any case), or
NAME.txt beside NAME.jpg. A line is "class x1 y1 x2 y2 x3 y3 ...", the corners of a polygon as
shares of the image's width and height, or a box and joints (see `_yolo_joints`). A box alone (five
numbers) among polygons is an ignore region. Names come from data.yaml (or another YAML file at the
top) or classes.txt. A picture without a text file,
among others that have one, shows no object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pixelwise.datasets import _shapes
from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, settled
from pixelwise.datasets._class_names import read_class_names
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, read_lines, stem
from pixelwise.datasets._instances import forget_box, from_masks, thing_categories
from pixelwise.datasets._joints import connect
from pixelwise.datasets._look import MOST_LOOKED_AT, even_sample
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.datasets._roles import key_of_folder, split_of, words_of
from pixelwise.datasets._yolo_joints import Form, form_of
from pixelwise.types import Annotation, PixelwiseError
from pixelwise.words import count

_LOOKED_AT = 5
_LABELS = frozenset(("label", "labels"))
_OTHER_TEXTS = frozenset(("classes", "labels", "names", "readme", "license"))
# Corners just outside the picture are rounding; far outside they are pixels, or something else.
_FARTHEST = 1.5
_BOX = 4  # numbers: x and y of the centre, width, height

Line = tuple[int, Sequence[float]]
"""The class, and the numbers after it."""


def likeness(root: Path) -> float:
    """Sure when text files with lines of numbers lie where the pictures' labels belong."""
    files = glimpse(root)
    texts = _texts(files)
    places = {place for file in pictures(files) for place in _places(folder_of(file))}
    there = [text for text in texts if _place_of(folder_of(text)) in places][:_LOOKED_AT]
    has_masks = any(folder_of(file) in map(folder_of, there) for file in _in_label_folders(files))
    hits = sum(_is_numbers(root / text) for text in there)
    return 0.93 if not has_masks and 2 * hits > len(there) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances, with the parts that the folders declare; with joints where the lines have some.

    Raises:
        PixelwiseError: no names are given and a text file is damaged, the YAML file contradicts
            itself, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "polygons or joints in text files (layout yolo)")
    files = list_files(root)
    cases, unpaired = _pair(files)
    some = _some_lines(root, cases)
    form, notes = form_of(root, some)
    skeleton = None
    if form is not None:
        skeleton, added = connect(
            form.skeleton, [form.keypoints(line).ravel().tolist() for line in some]
        )
        notes += added
    boxes = [len(line) == _BOX for line in some]
    has_polygons = form is None and not all(boxes)
    if has_polygons and any(boxes):
        notes.append(
            f"{sum(boxes)} of {count(len(boxes), 'line')} looked at have a box and no outline: "
            "nothing inside is learned from."
        )
    names, told = _names(root, cases)
    empty = sum(not case.files for case in cases)
    if empty:
        notes.append(f"{empty} pictures have no text file, so they show no object.")
    numbers = sorted(names)
    background, *things = thing_categories([names[number] for number in numbers])
    return Cases(
        "yolo",
        root,
        cases,
        (background, *(replace(thing, skeleton=skeleton) for thing in things)),
        partial(_read, tuple(numbers), has_polygons)
        if form is None
        else partial(_people, tuple(numbers), form),
        unpaired=tuple(root / file for file in unpaired),
        notes=(told, *notes) if told else tuple(notes),
    )


def _names(root: Path, cases: Sequence[Case]) -> tuple[dict[int, str], str]:
    names, told_by = read_class_names(root)
    if not names:
        return (
            {number: f"class {number}" for number in _classes_met(root, cases)},
            "Classes are called by their numbers; a data.yaml or classes.txt would name them.",
        )
    return names, f"Class names from {told_by.name}." if told_by else ""


# --- which file belongs to which ------------------------------------------------------------------


def _pair(files: list[str]) -> tuple[tuple[Case, ...], list[str]]:
    """Pictures of folders with labels, and the files without a partner."""
    texts = {(_place_of(folder_of(text)), stem(text)): text for text in _texts(files)}
    texts |= {
        (place, name.casefold()): text
        for (place, name), text in texts.items()
        if (place, name.casefold()) not in texts
    }
    annotated = {place for place, _ in texts}
    cases, unpaired = [], []
    for image in pictures(files):
        name, places = stem(image), _places(folder_of(image))
        keys = [(place, each) for each in (name, name.casefold()) for place in places]
        found = [texts[key] for key in keys if key in texts]
        if found or annotated.intersection(places):
            split = split_of(folder_of(image))
            cases.append(Case(case_id(image), image, tuple(found[:1]), split, is_sized=False))
        else:
            unpaired.append(image)
    used = {text for case in cases for text in case.files}
    # Texts elsewhere may be about anything; those among the used ones have lost their picture.
    there = {folder_of(text) for text in used}
    lone = {text for text in texts.values() if text not in used and folder_of(text) in there}
    return settled(cases), [*unpaired, *sorted(lone)]


def _texts(files: Iterable[str]) -> list[str]:
    texts = [file for file in files if file.lower().endswith(".txt")]
    return [text for text in texts if stem(text).lower() not in _OTHER_TEXTS]


_Place = tuple[bool, str]
"""Whether the files lie in a folder of labels, and the folder; labels/ and Images/ are one."""


def _places(folder: str) -> tuple[_Place, ...]:
    """Where the text files of a folder of images may lie: in the folder of labels, or here."""
    return (True, key_of_folder(folder)), (False, folder.casefold())


def _place_of(folder: str) -> _Place:
    """Where a text file lies."""
    if _LABELS.intersection(words_of(folder)):
        return True, key_of_folder(folder)
    return False, folder.casefold()


def _in_label_folders(files: list[str]) -> list[str]:
    """Images in folders called labels: masks, so that the text files are something else."""
    return [file for file in pictures(files) if _LABELS.intersection(words_of(folder_of(file)))]


# --- the lines ------------------------------------------------------------------------------------


def _is_numbers(path: Path) -> bool:
    """Whether the first line that is not empty is a class and at least four numbers."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            words = next((line.split() for line in file if line.strip()), None)
        return words is None or (len(words) >= 5 and len([float(word) for word in words]) >= 5)
    except (OSError, ValueError):
        return False


def _classes_met(root: Path, cases: Sequence[Case]) -> list[int]:
    texts = (root / text for case in cases for text in case.files)
    return sorted({number for text in texts for number, _ in _lines(text)})


def _some_lines(root: Path, cases: Sequence[Case]) -> list[Sequence[float]]:
    """The numbers after the class from some of the files; damaged ones are named when read."""
    texts = [root / text for case in cases for text in case.files]
    found: list[Sequence[float]] = []
    for place in even_sample(len(texts), MOST_LOOKED_AT):
        with suppress(PixelwiseError, OSError):
            found += [values for _, values in _lines(texts[place])]
    return found


def _lines(path: Path) -> list[Line]:
    """The lines of a text file: class, then numbers."""
    found: list[Line] = []
    for place, line in enumerate(read_lines(path), 1):
        words = line.split()
        if not words:
            continue
        try:
            found.append((_class(words[0]), [float(word) for word in words[1:]]))
        except (ValueError, OverflowError) as error:
            raise PixelwiseError(
                f"{path}, line {place}: '{line[:40]}' is not a class number and the corners of a "
                "polygon. Correct the line, or take the file out."
            ) from error
    return found


def _class(word: str) -> int:
    number = float(word)
    if not number.is_integer():
        raise ValueError(f"{word} is not a whole number")
    return int(number)


def _read(
    numbers: tuple[int, ...], has_polygons: bool, image: Path, files: tuple[Path, ...]
) -> Annotation:
    size_hw = image_size_hw(image)
    lines = [(file, line) for file in files for line in _lines(file)]
    for file, (number, values) in lines:
        _check_class(file, number, numbers)
        _check_polygon(file, values, may_be_box=has_polygons)
    outlined = [line for _, line in lines if len(line[1]) != _BOX]
    annotation = from_masks(
        (_shapes.polygon(_corners(values, size_hw), size_hw) for _, values in outlined),
        [numbers.index(number) + 1 for number, _ in outlined],
        size_hw,
    )
    for _, (_, values) in lines:
        if len(values) == _BOX:
            center, extent = _corners(values, size_hw)
            low, high = center - extent / 2, center + extent / 2
            forget_box(annotation, [*low.tolist(), *high.tolist()])
    return annotation


def _corners(values: Sequence[float], size_hw: tuple[int, int]) -> _shapes.Points:
    """(N, 2) x, y in pixels from shares of width and height."""
    return np.array(values).reshape(-1, 2) * [size_hw[1], size_hw[0]]


def _people(
    numbers: tuple[int, ...], form: Form, image: Path, files: tuple[Path, ...]
) -> Annotation:
    lines = [(file, line) for file in files for line in _lines(file)]
    for file, (number, values) in lines:
        _check_class(file, number, numbers)
        form.check(file, values)
        _check_shares(file, form.places(values))
    return form.annotation(
        [values for _, (_, values) in lines],
        [numbers.index(number) + 1 for _, (number, _) in lines],
        image_size_hw(image),
    )


def _check_class(path: Path, number: int, numbers: Sequence[int]) -> None:
    if number not in numbers:
        raise PixelwiseError(
            f"{path} holds the class {number}, but {len(numbers)} are named ({numbers[0]} to "
            f"{numbers[-1]}). Add its name to data.yaml or classes.txt, or correct the line."
        )


def _check_polygon(path: Path, values: Sequence[float], *, may_be_box: bool) -> None:
    if len(values) == _BOX and may_be_box:
        _check_shares(path, values)
        return
    if len(values) == _BOX:
        raise PixelwiseError(
            f"{path} holds boxes (five numbers a line), not outlines. Export the labels for "
            "segmentation: class x1 y1 x2 y2 x3 y3 ..."
        )
    if len(values) < 6 or len(values) % 2:
        raise PixelwiseError(
            f"{path} has a line with {len(values)} numbers after the class; a polygon has an even "
            "number, at least 6. Correct the line; if these are joints, say so in a data.yaml "
            "with kpt_shape: [number of joints, 3]."
        )
    _check_shares(path, values)


def _check_shares(path: Path, values: Sequence[float]) -> None:
    if not all(1 - _FARTHEST <= value <= _FARTHEST for value in values):
        raise PixelwiseError(
            f"{path} holds {max(values, key=abs):g}; corners are shares of the picture's width and "
            "height, from 0 to 1. Divide x by the width and y by the height."
        )
