"""Pictures with a mask file for each object, as the Data Science Bowl 2018 passed on its nuclei.

ID/images/ID.png with ID/masks/*.png, or images/NAME.png with masks/NAME/*.png. In a mask file
every value above half of the file's largest is the object; masks may overlap.
Caicedo et al.: Nucleus segmentation across imaging experiments, 2019.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._affixes import mask_core
from pixelwise.datasets._cases import Case, Cases, refuse_option, settled
from pixelwise.datasets._codes import colors, grey, is_colored
from pixelwise.datasets._derive import settle
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._instances import from_masks
from pixelwise.datasets._masks import fit_to_image
from pixelwise.datasets._mixed import are_most
from pixelwise.datasets._names import read_names
from pixelwise.datasets._pictures import image_size_hw, read_stored
from pixelwise.datasets._roles import key_of_folder, role_of, split_of
from pixelwise.types import Annotation

_MANY_FOLDERS = 20
_FEW_VALUES = 3
# An empty mask saved as JPEG holds no more than this.
_FAINT = 32


def likeness(root: Path) -> float:
    """Sure when most images are objects' masks or have some, and one has several."""
    files = pictures(glimpse(root))
    below = {folder_of(file) for file in files if role_of(_above(folder_of(file))) == "mask"}
    if len(below) > _MANY_FOLDERS:
        # A glimpse of a large folder sees some pictures, and the masks of others.
        files = pictures(list_files(root))
    found = _masks_of(files)
    explained = len(found) + sum(map(len, found.values()))
    several = any(len(masks) > 1 for masks in found.values())
    return 0.93 if several and are_most(explained, len(files)) else 0.0


def read(root: Path, masks: str) -> Cases:
    """Instances of one category: named by ``masks`` ("ids=NAME"), a names file, or "object".

    Raises:
        PixelwiseError: another option than "auto" or "ids", since there is nothing to settle.
    """
    refuse_option(masks, root, "a mask file for each object")
    files = pictures(list_files(root))
    found = _masks_of(files)
    meaning, _ = settle("ids" if masks == "auto" else masks, [], read_names(root))
    used = {file for image, masks in found.items() for file in (image, *masks)}
    return Cases(
        "instance_files",
        root,
        settled(_case(image, masks) for image, masks in found.items()),
        meaning.categories,
        _read,
        unpaired=tuple(root / file for file in files if file not in used),
        notes=("Each mask file is one instance.",),
        masks=str(meaning),
    )


def _above(folder: str) -> str:
    return folder.rpartition("/")[0]


def _case(image: str, masks: Sequence[str]) -> Case:
    return Case(stem(image), image, tuple(sorted(masks)), split_of(folder_of(image)))


def _masks_of(files: Sequence[str]) -> dict[str, list[str]]:
    """Picture -> the mask files of its objects."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_folder[folder_of(file)].append(file)
    beside = _only_images(by_folder)
    named = {
        (key_of_folder(folder), stem(file)): file
        for folder, members in by_folder.items()
        if role_of(folder) in ("image", "")
        for file in members
    }
    found = {}
    for folder, masks in by_folder.items():
        above, _, last = folder.rpartition("/")
        image = beside.get(above) if role_of(last) == "mask" else None
        if image is None and role_of(above) == "mask":
            image = named.get((key_of_folder(above), last))
        if image is not None and not any(_is_whole(mask, image) for mask in masks):
            found[image] = masks
    return found


def _only_images(by_folder: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Folder -> the one picture in its one folder of pictures."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder, members in by_folder.items():
        above, _, last = folder.rpartition("/")
        if role_of(last) == "image":
            found[above] += members
    return {above: members[0] for above, members in found.items() if len(members) == 1}


def _is_whole(mask: str, image: str) -> bool:
    """Whether the names make a file the one mask of a picture, and not one of an object."""
    return folder_of(mask).rpartition("/")[2] != stem(image) and stem(image) in (
        stem(mask),
        mask_core(stem(mask)),
    )


def _read(image: Path, files: tuple[Path, ...]) -> Annotation:
    size_hw = image_size_hw(image)
    return from_masks((_mask(file, size_hw) for file in files), [1] * len(files), size_hw)


def _mask(path: Path, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    stored = read_stored(path)
    codes = colors(stored) if is_colored(stored) else grey(stored, path)
    top = codes.max(initial=0)
    if stored.is_lossy and top < _FAINT:
        return np.zeros(size_hw, np.bool_)
    # Soft edges and JPEG's ringing are cut at half; of a few values every one but 0 is the object.
    is_crisp = len(np.unique(codes)) <= _FEW_VALUES
    object_ = (codes > 0) if is_crisp else (2 * codes >= top)
    return fit_to_image(object_.astype(np.uint8), path, size_hw) > 0
