"""MPII Human Pose in the JSON form that circulates: 16 joints, several people a picture.

train.json, valid.json ... (in a folder annot or annotations, or at the top) are lists of people,
each {"image", "joints": 16 pairs, "joints_vis", "center", "scale"}; the pictures lie anywhere.
Pixels are counted from 1, and a joint at -1 or 0 is not known; one with a place and 0 in
"joints_vis" is hidden. "scale" is the person's height over 200 px, roughly: a square of that side
holds twice or three times what the joints of a standing person span, so it is the box of those
alone whose joints are all unknown. Andriluka, Pishchulin, Gehler, Schiele: 2D human pose
estimation: New benchmark and state of the art analysis, CVPR 2014.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._json import mentions
from pixelwise.datasets._locate import Locator
from pixelwise.datasets._people import (
    FIRST_PIXEL_MIDDLE,
    VOID_NOTE,
    people_reader,
    person_categories,
)
from pixelwise.datasets._roles import split_of
from pixelwise.files import read_json
from pixelwise.skeletons import MPII
from pixelwise.types import PixelwiseError
from pixelwise.words import count

_JOINTS = len(MPII.joints)
_PX_PER_SCALE = 200
_FARTHEST_PX = 1e7

Person = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(16, 3) x, y, visibility; (4,) xyxy, NaN where the joints tell."""


def likeness(root: Path) -> float:
    """Nearly sure where a JSON file near the top is a list of such people."""
    files = glimpse(root)
    if not pictures(files):
        return 0.0
    return 0.97 if _lists(root, files) or _matlab(files) else 0.0


def read(root: Path, masks: str) -> Cases:
    """People with joints; what lies apart from them is void, see `pixelwise.datasets._people`.

    Raises:
        PixelwiseError: a list is damaged, none of its pictures is there, there is MATLAB's form
            alone, or ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, "joints in JSON files (layout mpii)")
    files = list_files(root)
    lists = _lists(root, files)
    if not lists:
        raise PixelwiseError(
            f"{root / _matlab(files)[0]} is MPII in MATLAB's form, which is not read. Put its JSON "
            'form there, lists of {"image", "joints", "joints_vis", "center", "scale"} that are '
            "called train.json and valid.json."
        )
    cases, missing = _cases(root, lists, Locator(pictures(files)))
    if not cases:
        raise PixelwiseError(
            f"None of the {len(missing)} pictures that {root / lists[0]} names is in {root}, for "
            f"example {min(missing)}. Put the pictures into a folder images."
        )
    notes = [VOID_NOTE]
    if missing:
        notes.append(f"{count(len(missing), 'picture')} that the files name are not there.")
    used = {case.image for case in cases}
    return Cases(
        "mpii",
        root,
        settled(cases),
        person_categories(MPII),
        people_reader(MPII),
        unpaired=tuple(root / image for image in pictures(files) if image not in used),
        notes=tuple(notes),
    )


# --- the files -----------------------------------------------------------------------------------


def _lists(root: Path, files: Iterable[str]) -> list[str]:
    """The lists of people, those of one part of the dataset before those of several."""
    near = [file for file in files if file.lower().endswith(".json") and file.count("/") <= 1]
    found = [file for file in near if mentions(root / file, "image", "joints", "joints_vis")]
    return sorted(found, key=lambda file: (split_of(stem(file)) is None, file))


def _matlab(files: Iterable[str]) -> list[str]:
    names = ((file, file.rpartition("/")[2].lower()) for file in files)
    return [file for file, name in names if name.startswith("mpii_") and name.endswith(".mat")]


def _cases(root: Path, lists: Sequence[str], files: Locator) -> tuple[list[Case], set[str]]:
    """A case for each picture that is there, and the names of the others.

    Who is in two lists (trainval.json beside train.json) is one person.
    """
    people: dict[str, dict[bytes, Person]] = defaultdict(dict)
    sources: dict[str, list[str]] = defaultdict(list)
    missing: set[str] = set()
    for source in lists:
        for name, person in _people(root / source):
            image = files.find(name, source)
            if image is None:
                missing.add(name)
                continue
            people[image].setdefault(person[0].tobytes() + person[1].tobytes(), person)
            sources[image] += [source] * (source not in sources[image])
    return [
        Case(
            case_id(image),
            image,
            tuple(sources[image]),
            split_of(stem(sources[image][0])) or split_of(folder_of(image)),
            _held(list(found.values())),
            is_sized=False,
        )
        for image, found in people.items()
    ], missing


def _held(people: Sequence[Person]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    keypoints, boxes = zip(*people, strict=True)
    return np.stack(keypoints), np.stack(boxes)


# --- one person ----------------------------------------------------------------------------------


def _people(path: Path) -> Iterable[tuple[str, Person]]:
    entries = read_json(path)
    if not isinstance(entries, list):
        raise PixelwiseError(
            f"{path} holds a {type(entries).__name__}; MPII's JSON form is a list of people. "
            "Export it again."
        )
    for number, entry in enumerate(entries):
        try:
            yield str(entry["image"]).replace("\\", "/"), _person(entry)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise PixelwiseError(
                f'{path}, entry {number}: a person needs "image", {_JOINTS} pairs in "joints" and '
                f'{_JOINTS} numbers in "joints_vis" ({error}). Correct it, or take it out.'
            ) from error


def _person(entry: Mapping[str, Any]) -> Person:
    xy = np.array(entry["joints"], np.float64).reshape(_JOINTS, 2)
    visible = np.array(entry["joints_vis"], np.float64).reshape(_JOINTS)
    if (np.abs(np.nan_to_num(np.stack([*xy.T, visible]))) > _FARTHEST_PX).any():
        raise ValueError("a number lies nowhere near the image")
    is_known = np.asarray(np.isfinite(xy).all(axis=1) & (xy > 0).any(axis=1))
    visibility = np.where(visible > 0, 2, 1) * is_known
    places = np.where(is_known[:, None], xy + FIRST_PIXEL_MIDDLE, 0)
    keypoints = np.column_stack([places, visibility]).astype(np.float32)
    return keypoints, np.full(4, np.nan, np.float32) if is_known.any() else _square(entry)


def _square(entry: Mapping[str, Any]) -> NDArray[np.float32]:
    center = np.array(entry["center"], np.float64).reshape(2) + FIRST_PIXEL_MIDDLE
    half = _PX_PER_SCALE * float(entry["scale"]) / 2
    if not (np.abs([*center, half]) <= _FARTHEST_PX).all():
        raise ValueError("its center or scale lies nowhere near the image")
    return np.concatenate([center - half, center + half]).astype(np.float32)
