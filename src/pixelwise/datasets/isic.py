"""ISIC: dermoscopy with lesion outlines, in any of the folders its releases come in.

ISIC_0000000.jpg with ISIC_0000000_segmentation.png (2016: _Segmentation.png), side by side or in
folders of their own: images/ and masks/, ISIC2018_Task1-2_Training_Input and
ISIC2018_Task1_Training_GroundTruth, ISBI2016_ISIC_Part1_Training_Data, and so on. Superpixels and
attribute masks are no lesion outlines and are passed over. Diagnosis, patient, lesion and source
come from any CSV in the folder that has a column of picture names.
Codella et al.: Skin lesion analysis toward melanoma detection, 2018.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from pixelwise.datasets._affixes import derived_from, hinted_core, mask_core
from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._mixed import are_most, refuse_twins, with_others
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import Pair, Pairs, with_declared_splits
from pixelwise.datasets._roles import role_of, split_of

_ID = re.compile(r"ISIC(?P<id>_\d{7}(?:_downsampled)?)", re.IGNORECASE)
_PASSED_OVER = re.compile(r"ISIC_\d{7}_(?:superpixels|attribute_\w+)", re.IGNORECASE)


def likeness(root: Path) -> float:
    """Sure when most images are named as ISIC's."""
    names = [stem(file) for file in pictures(glimpse(root))]
    hits = sum(_ID.match(name) is not None for name in names)
    return 0.9 if are_most(hits, len(names)) else 0.0


def read(root: Path, masks: str) -> Paired:
    """One case for each id; where an id occurs in several places, the largest collection's.

    Raises:
        PixelwiseError: nothing pairs, two images fit one mask, or unclear mask values.
    """
    files = list_files(root)
    found = _pair_by_id(pictures(files))
    others = [file for file in pictures(files) if _ID.match(stem(file)) is None]
    found = with_others(found, others, "ISIC's")
    return open_paired("isic", root, found, masks, foreground="lesion")


def _pair_by_id(files: Sequence[str]) -> Pairs:
    images, masks = _by_id(files)
    sizes = _sizes(images, masks)
    pairs = [
        _largest(case, images[case], masks[case], sizes) for case in sorted(images) if case in masks
    ]
    used = {file for pair in pairs for file in (pair.image, pair.mask)}
    known = {pair.id for pair in pairs}
    extra = [f for found in (images, masks) for c in found for f in found[c] if c in known]
    left = [file for file in extra if file not in used]
    lone = [f for found in (images, masks) for c in found for f in found[c] if c not in known]
    every = frozenset(file for found in masks.values() for file in found)
    return Pairs(with_declared_splits(pairs), tuple(sorted(lone)), _note(left), every)


def _by_id(files: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Id -> its pictures, id -> its masks."""
    images: dict[str, list[str]] = defaultdict(list)
    masks: dict[str, list[str]] = defaultdict(list)
    for file in files:
        name = stem(file)
        match = _ID.match(name)
        if match is None or _PASSED_OVER.fullmatch(name) or derived_from(name):
            continue
        is_named = mask_core(name) is not None or hinted_core(name) is not None
        is_mask = is_named or role_of(folder_of(file)) == "mask"
        (masks if is_mask else images)[f"ISIC{match['id']}"].append(file)
    return images, masks


_Places = tuple[str, str]
"""The folder of a picture and the folder of its mask."""


def _sizes(images: dict[str, list[str]], masks: dict[str, list[str]]) -> Counter[_Places]:
    """How many cases each combination of folders holds."""
    return Counter(
        place
        for case, found in images.items()
        for place in {(folder_of(i), folder_of(m)) for i in found for m in masks.get(case, ())}
    )


def _largest(case: str, images: list[str], masks: list[str], sizes: Counter[_Places]) -> Pair:
    def rank(pair: tuple[str, str]) -> tuple[int, str, str]:
        return -sizes[folder_of(pair[0]), folder_of(pair[1])], *pair

    image, mask = min(((i, m) for i in images for m in masks), key=rank)
    refuse_twins(image, images, mask)
    return Pair(case, image, mask, split_of(folder_of(image)))


def _note(left: Sequence[str]) -> tuple[str, ...]:
    if not left:
        return ()
    return (
        f"{len(left)} further files of the same pictures were left out, for example {left[0]}: "
        "each picture counts once, from the largest collection.",
    )
