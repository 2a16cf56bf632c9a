"""Names for the joints of COCO categories whose file gives joints and does not name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise.datasets._coco_entries import Key, Region
from pixelwise.skeletons import COCO
from pixelwise.types import PixelwiseError

_PER_JOINT = 3  # x, y, visibility

Kind = Mapping[str, Any]
"""An entry of "categories"."""


def named_joints(
    path: Path, categories: Sequence[Kind], regions: Sequence[Region]
) -> tuple[tuple[Kind, ...], list[str]]:
    """The categories, with names for the joints that their annotations have, and notes.

    17 joints of a person are COCO's; others are called "joint 1", "joint 2" ...

    Raises:
        PixelwiseError: annotations of one such category have different numbers of joints.
    """
    lengths: dict[Key, set[int]] = {}
    for region in regions:
        if region.joints is not None and region.has_joints:
            lengths.setdefault(region.category, set()).add(len(region.joints))
    found, notes = [], []
    for kind in categories:
        if kind.get("keypoints") or kind["id"] not in lengths:
            found.append(kind)
            continue
        names = _names(path, kind, lengths[kind["id"]])
        found.append({**kind, "keypoints": names})
        notes.append(_note(path, kind, names))
    return tuple(found), notes


def _names(path: Path, kind: Kind, lengths: set[int]) -> list[str]:
    if len(lengths) > 1 or min(lengths) % _PER_JOINT:
        shown = " and ".join(map(str, sorted(lengths)[:2]))
        raise PixelwiseError(
            f"{path} does not name the joints of {kind['name']}, whose annotations have {shown} "
            f'numbers in "keypoints". Add the names of the joints to the category as "keypoints", '
            "and give every annotation x, y, visibility of each."
        )
    num_joints = lengths.copy().pop() // _PER_JOINT
    if num_joints == len(COCO.joints) and kind["name"].strip().lower() == "person":
        return list(COCO.joints)
    return [f"joint {number}" for number in range(1, num_joints + 1)]


def _note(path: Path, kind: Kind, names: Sequence[str]) -> str:
    told = f'{path.name} does not name the joints of {kind["name"]} ("keypoints" in its category): '
    if tuple(names) == COCO.joints:
        return told + "the 17 are taken for COCO's."
    return (
        f"{told}they are called {names[0]} to {names[-1]}, and each keeps its side in a mirrored "
        "image. Name them there if there is a left and a right."
    )
