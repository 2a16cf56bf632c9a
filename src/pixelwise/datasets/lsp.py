"""Leeds Sports Pose (LSP), and its extension: one person a picture, by 14 joints.

joints.mat with images/im0001.jpg ... beside it, here or one folder below; picture n is the n-th in
the table. Joints are numbered from the person's own left and right, and pixels from 1. LSP's table
is (3, 14, N), its third row 1 for a joint that is hidden; the extension's is (14, 3, N), its third
column 1 for a joint that is known. LSP's first 1,000 pictures are there to learn from and the rest
to test. Johnson and Everingham: Clustered pose and nonlinear appearance models for human pose
estimation, BMVC 2010; Learning effective human pose estimation from inaccurate annotation, CVPR
2011.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._cases import Case, Cases, case_id, refuse_option, settled
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._matlab import read_mat
from pixelwise.datasets._people import (
    FIRST_PIXEL_MIDDLE,
    VOID_NOTE,
    people_reader,
    person_categories,
)
from pixelwise.skeletons import LSP
from pixelwise.types import PixelwiseError
from pixelwise.words import count

_TABLE = "joints.mat"
_NAME = re.compile(r"im0*(\d+)", re.IGNORECASE)
_TO_LEARN = 1_000
_JOINTS = len(LSP.joints)
Table = NDArray[np.float32]
"""(N, 14, 3) x, y in pixels, and visibility."""


def likeness(root: Path) -> float:
    """Nearly sure where joints.mat lies beside pictures that are numbered as LSP's."""
    files = glimpse(root)
    images = [file for file in pictures(files) if not _is_drawn_on(file)]
    beside = (image for mine in _by_table(files).values() for image in mine)
    hits = sum(_NAME.fullmatch(stem(image)) is not None for image in beside)
    return 0.97 if 2 * hits > len(images) else 0.0


def read(root: Path, masks: str) -> Cases:
    """People with joints; what lies apart from them is void, see `pixelwise.datasets._people`.

    Raises:
        PixelwiseError: a table that is damaged or another, no picture that it has joints for, or
            ``masks`` is an option for mask pictures.
    """
    refuse_option(masks, root, f"joints in {_TABLE} (layout lsp)")
    files = list_files(root)
    by_table = _by_table(files)
    cases = settled(case for table, mine in by_table.items() for case in _cases(root, table, mine))
    if not cases:
        raise PixelwiseError(
            f"{root / next(iter(by_table))} has no joints for the pictures beside it; im0001.jpg "
            "is the first of its table. Put those pictures there that came with it."
        )
    used = {case.image for case in cases}
    notes = [VOID_NOTE, *_beyond(by_table, used)]
    if any(case.split for case in cases):
        notes.insert(0, "Pictures 1 to 1,000 are for learning and the rest for testing, as in LSP.")
    return Cases(
        "lsp",
        root,
        cases,
        person_categories(LSP),
        people_reader(LSP),
        unpaired=tuple(
            root / file for file in pictures(files) if file not in used and not _is_drawn_on(file)
        ),
        notes=tuple(notes),
    )


# --- which picture belongs to which table --------------------------------------------------------


def _by_table(files: list[str]) -> dict[str, list[str]]:
    """The tables at the top or one folder below, and the pictures that lie below each's folder."""
    near = (file for file in files if file.count("/") <= 1)
    tables = [file for file in near if file.rpartition("/")[2].lower() == _TABLE]
    found: dict[str, list[str]] = {table: [] for table in tables}
    for image in pictures(files):
        above = [table for table in tables if image.startswith(table[: -len(_TABLE)])]
        if above and not _is_drawn_on(image):
            found[max(above, key=len)].append(image)
    return found


def _is_drawn_on(file: str) -> bool:
    """LSP brings each picture a second time, with its joints painted over it."""
    return "visualized" in folder_of(file).lower().split("/")


def _cases(root: Path, table: str, images: Sequence[str]) -> list[Case]:
    people, is_extension = _read_table(root / table)
    named = [(image, _NAME.fullmatch(stem(image))) for image in images]
    numbered = [(image, int(match[1])) for image, match in named if match]
    return [
        Case(
            case_id(image),
            image,
            (table,),
            "train" if is_extension or number <= _TO_LEARN else "test",
            (people[number - 1 : number], None),
            is_sized=False,
        )
        for image, number in numbered
        if 1 <= number <= len(people)
    ]


def _beyond(by_table: Mapping[str, Sequence[str]], used: Collection[str]) -> list[str]:
    """A note about pictures that come after the last of their table."""
    lost = [image for mine in by_table.values() for image in mine if image not in used]
    if not lost:
        return []
    return [f"{count(len(lost), 'picture')} left out, which no table has joints for: {lost[0]} ..."]


# --- the table -----------------------------------------------------------------------------------


def _read_table(path: Path) -> tuple[Table, bool]:
    """The joints of all pictures, and whether the table is the extension's."""
    stored = read_mat(path, "joints")
    try:
        joints = np.asarray(stored if stored is not None else 0.0, np.float64)
    except (TypeError, ValueError) as error:
        raise PixelwiseError(
            f"{path} holds no numbers called joints ({error}): copy it again from the dataset."
        ) from error
    if joints.ndim == 3 and joints.shape[:2] == (3, _JOINTS):
        return _people(joints.transpose(2, 1, 0), is_extension=False), False
    if joints.ndim == 3 and joints.shape[:2] == (_JOINTS, 3):
        return _people(joints.transpose(2, 0, 1), is_extension=True), True
    if joints.ndim == 3 and joints.shape[1:] == (_JOINTS, 3):
        return _people(joints, is_extension=True), True
    raise PixelwiseError(
        f"{path} holds {_words(joints)}; expected one called joints, 3 x {_JOINTS} x N as in LSP "
        f"or {_JOINTS} x 3 x N as in its extension. Take the file that came with the pictures."
    )


def _words(joints: NDArray[np.float64]) -> str:
    if joints.ndim < 1:
        return "no array called joints"
    return f"an array of {' x '.join(map(str, joints.shape))}"


def _people(joints: NDArray[np.float64], *, is_extension: bool) -> Table:
    """From (N, 14, 3) as it is stored: places from 1, and what the third number means there."""
    told = joints[..., 2] > 0
    is_known = np.isfinite(joints[..., :2]).all(axis=-1)
    visibility = np.where(told, 2 if is_extension else 1, 0 if is_extension else 2) * is_known
    xy = np.where(visibility[..., None] > 0, joints[..., :2] + FIRST_PIXEL_MIDDLE, 0)
    return np.concatenate([xy, visibility[..., None]], axis=-1).astype(np.float32)
