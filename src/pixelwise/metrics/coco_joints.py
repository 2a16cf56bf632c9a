"""Joints in COCO's files, of any skeleton, made ready for the evaluation of COCO's 17.

Besides "keypoints" there are the parts of COCO-WholeBody (Jin et al., "Whole-Body Human Pose
Estimation in the Wild", ECCV 2020), which stand in fields of their own beside the body's joints.
What its evaluation does otherwise than COCO's: a pose without a joint of the part does not count,
and a part may have its own score ("foot_score").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import skeletons
from pixelwise.joints import BOX_SHARE
from pixelwise.types import PixelwiseError

Entry = dict[str, Any]

_PARTS = ("foot", "face", "lefthand", "righthand")
FIELDS: dict[str, tuple[str, ...]] = {
    "keypoints": ("keypoints",),
    "wholebody": ("keypoints", *(f"{part}_kpts" for part in _PARTS)),
    **{part: (f"{part}_kpts",) for part in _PARTS},
}
"""Kind -> the fields whose joints it scores, one after the other."""
_HAND = (*(29, 22, 35, 37, 47, 26, 25, 24, 35, 18, 24, 22, 26, 17, 21, 21, 32, 20, 19, 22, 31),)
# Thousandths, as COCO-WholeBody's authors measured them.
_THOUSANDTHS = {
    "foot_kpts": (68, 66, 66, 92, 94, 94),
    "face_kpts": (
        *(42, 43, 44, 43, 40, 35, 31, 25, 20, 23, 29, 32, 37, 38, 43, 41, 45, 13, 12, 11, 11, 12),
        *(12, 11, 11, 13, 15, 9, 7, 7, 7, 12, 9, 8, 16, 10, 17, 11, 9, 11, 9, 7, 13, 8, 11, 12, 10),
        *(34, 8, 8, 9, 8, 8, 7, 10, 8, 9, 9, 9, 7, 7, 8, 11, 8, 8, 8, 10, 8),
    ),
    "lefthand_kpts": _HAND,
    "righthand_kpts": _HAND,
}


def sigmas_of(
    truth: Mapping[str, Any], kind: str, given: Sequence[float] | None, where: str
) -> NDArray[np.float64]:
    """(K,) how far annotators scatter: given, of the file, of the part, or known by joint names.

    Args:
        truth: COCO's annotations. kind: of `FIELDS`. given: by the user. where: names the file.

    Raises:
        PixelwiseError: nobody knows, or not one for each joint.
    """
    used = {each["category_id"] for each in truth["annotations"]}
    categories = [each for each in truth["categories"] if each["id"] in used]
    found = {tuple(given)} if given is not None else set(_known(categories, kind))
    if None in found or len(found) > 1:
        raise PixelwiseError(
            f"{where} has joints whose sigmas are not known, or categories with different ones. "
            "Give one for each joint as the argument sigmas, or write them into the file's "
            'category: "sigmas": [...].'
        )
    # Without an annotation nothing is compared.
    return np.array(next(iter(found), skeletons.COCO.sigmas), np.float64)


def _known(
    categories: Sequence[Mapping[str, Any]], kind: str
) -> Iterator[tuple[float, ...] | None]:
    for category in categories:
        if kind == "keypoints":
            names = tuple(category.get("keypoints", ()))
            yield tuple(category.get("sigmas") or ()) or _of_names(names)
        else:
            yield tuple(chain.from_iterable(_of_field(field) for field in FIELDS[kind]))


def _of_names(joints: tuple[str, ...]) -> tuple[float, ...] | None:
    """Of joints that are known by their names; COCO's need none."""
    return skeletons.sigmas_of(joints) if joints else skeletons.COCO.sigmas


def _of_field(field: str) -> tuple[float, ...]:
    if field == "keypoints":
        return skeletons.COCO.sigmas
    return tuple(each / 1000 for each in _THOUSANDTHS[field])


def ready(
    truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], kind: str, count: int
) -> tuple[Entry, list[Entry]]:
    """Annotations and results as COCO's evaluation takes them, of ``count`` joints each.

    Raises:
        PixelwiseError: one has another number of joints.
    """
    annotations = [
        _as_truth(each, _joints(each, kind, count, f"Annotation {each['id']}"))
        for each in truth["annotations"]
    ]
    found = [
        _as_result(each, _joints(each, kind, count, f"Result {place}"), kind)
        for place, each in enumerate(results)
    ]
    return {**truth, "annotations": annotations}, [each for each in found if each is not None]


def _as_truth(annotation: Mapping[str, Any], joints: NDArray[np.float64]) -> Entry:
    """Joints are counted; without "bbox" it is the box around those that are labelled, and without
    "area" the share of the box that people fill, as CrowdPose's evaluation has it.
    """
    labelled = joints[joints[:, 2] > 0]
    box = annotation.get("bbox") or _box(labelled)
    area = annotation.get("area")
    return {
        **annotation,
        "iscrowd": annotation.get("iscrowd", 0),
        "keypoints": joints.ravel().tolist(),
        "num_keypoints": len(labelled),
        "bbox": box,
        "area": BOX_SHARE * box[2] * box[3] if area is None else area,
    }


def _as_result(result: Mapping[str, Any], joints: NDArray[np.float64], kind: str) -> Entry | None:
    """None for one without a joint of the part; the size is that of the body, for a part too."""
    if kind != "keypoints" and not (joints[:, 2] > 0).any():
        return None
    body = np.reshape(result.get("keypoints") or joints, (-1, 3))
    return {
        "image_id": result["image_id"],
        "category_id": result["category_id"],
        "score": result.get(f"{kind}_score", result["score"]),
        "keypoints": joints.ravel().tolist(),
        "bbox": result.get("bbox") or _box(body),
    }


def _joints(entry: Mapping[str, Any], kind: str, count: int, where: str) -> NDArray[np.float64]:
    """(K, 3) x, y and visibility or score; a part that is marked as not valid has none."""
    blocks = []
    for field in FIELDS[kind]:
        block = np.array(entry[field], np.float64)
        is_valid = entry.get(field.replace("_kpts", "_valid"), True)
        blocks.append(block if is_valid else np.zeros_like(block))
    numbers = np.concatenate(blocks)
    if len(numbers) != 3 * count:
        raise PixelwiseError(
            f"{where} has {len(numbers)} numbers of joints instead of {3 * count}: x, y, score "
            f"of each of {count}. Give results and sigmas of the joints that are annotated."
        )
    return numbers.reshape(-1, 3)


def _box(joints: NDArray[np.float64]) -> list[float]:
    """x, y, width, height around joints (N, 3)."""
    if not len(joints):
        return [0.0] * 4
    low, high = joints[:, :2].min(axis=0), joints[:, :2].max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]
