"""Small made-up people with joints, and poses that are near them."""

import json

import numpy as np

from pixelwise.joints import jointed
from pixelwise.skeletons import COCO
from pixelwise.types import Annotation, Category, Poses

PEOPLE = (
    Category("background", (0, 0, 0)),
    Category("person", (230, 159, 0), is_thing=True, skeleton=COCO),
)
SIZE_HW = (400, 600)
# A standing person in a box of width 1 and height 1, in the order of COCO's joints.
_STANDING = np.array(
    [
        *[(0.5, 0.08), (0.55, 0.05), (0.45, 0.05), (0.6, 0.07), (0.4, 0.07), (0.75, 0.22)],
        *[(0.25, 0.22), (0.9, 0.37), (0.1, 0.37), (0.97, 0.52), (0.03, 0.52), (0.66, 0.55)],
        *[(0.34, 0.55), (0.68, 0.75), (0.32, 0.75), (0.7, 0.97), (0.3, 0.97)],
    ]
)


def people(
    keypoints, *, crowd=(), boxes=None, categories=PEOPLE, size_hw=SIZE_HW, label=1
) -> Annotation:
    """An annotation of people without outlines; (M, K, 3) joints and (M, 4) boxes."""
    keypoints = np.asarray(keypoints, np.float32)
    if not keypoints.size:
        keypoints = np.zeros((0, len(categories[label].skeleton.joints), 3), np.float32)
    count = len(keypoints)
    return Annotation(
        np.zeros(size_hw, np.uint8),
        labels=np.full(count, label, np.int64),
        crowd=np.isin(np.arange(count), list(crowd)),
        keypoints=keypoints,
        boxes=None if boxes is None else np.asarray(boxes, np.float32),
    )


def poses(keypoints, scores=None, *, categories=PEOPLE, size_hw=SIZE_HW, label=1) -> Poses:
    """A result of (N, K, 3) joints, sorted; scores fall from 0.9 where none are given."""
    keypoints = np.asarray(keypoints, np.float32)
    if not keypoints.size:
        keypoints = np.zeros((0, len(categories[label].skeleton.joints), 3), np.float32)
    if scores is None:
        scores = 0.9 - 0.8 * np.arange(len(keypoints)) / max(1, len(keypoints))
    scores = np.asarray(scores, np.float32)
    order = np.argsort(-scores, kind="stable")
    return Poses(keypoints[order], scores[order], tuple(categories), size_hw)


def as_found(annotation: Annotation, categories=PEOPLE) -> Poses:
    """The truth itself as a result: labelled people, their labelled joints found."""
    there = jointed(annotation, categories)
    kept = there.keypoints[there.is_labelled].copy()
    is_known = kept[..., 2:] > 0
    found = np.where(is_known, kept, [np.nan, np.nan, 0])
    found[..., 2:] = is_known
    return poses(found, categories=categories, size_hw=annotation.size_hw)


def standing(left: float, top: float, width: float, height: float) -> np.ndarray:
    """(17, 3) a person whose joints are all seen."""
    xy = _STANDING * (width, height) + (left, top)
    return np.hstack([xy, np.full((17, 1), 2)]).astype(np.float32)


def group(
    seed: int, count: int = 8, *, is_dropping: bool = True, has_ignored: bool = True
) -> tuple[Annotation, Poses]:
    """People of every size, some unlabelled, a crowd, and poses with every kind of mistake."""
    rng = np.random.default_rng(seed)
    truth, boxes, found = [], [], []
    for number in range(count):
        height = rng.uniform(*((20, 60), (60, 150), (150, 300))[number % 3])
        left, top = rng.uniform(0, 400), rng.uniform(0, 120)
        person = standing(left, top, height * 0.5, height)
        boxes.append((left, top, left + height * 0.5, top + height))
        for _ in range(rng.choice(3, p=[0.2, 0.6, 0.2])):
            found.append(_off(person, height, rng, is_dropping=is_dropping))
        person[rng.random(17) < 0.3] = 0
        is_ignored = has_ignored and number % 4 == 3
        truth.append(np.zeros_like(person) if is_ignored else person)
    found += [_off(standing(*rng.uniform(0, 300, 2), 40, 80), 80, rng, is_dropping=is_dropping)]
    # A few scores alike, because the order of equals is part of the rules.
    crowd = [3] if has_ignored else []
    return people(truth, boxes=boxes, crowd=crowd), poses(
        found, np.round(rng.random(len(found)), 1)
    )


def _off(person, height, rng, *, is_dropping: bool) -> np.ndarray:
    """The person as found: every joint a little off, some lost."""
    spread = height * rng.choice([0.005, 0.02, 0.05])
    xy = person[:, :2] + rng.normal(0, spread, (17, 2))
    found = np.hstack([xy, rng.uniform(0.1, 1, (17, 1))])
    if is_dropping:
        found[rng.random(17) < 0.2] = (np.nan, np.nan, 0)
    return found


def write_coco(folder, pictures, categories=PEOPLE, label=1):
    """Annotations and results as COCO's files, from [(annotation, result)].

    COCO's files have a place for every joint: one that was not found is far away from everything,
    and the box says how large the others are.
    """
    truths, results = [], []
    for image, (annotation, result) in enumerate(pictures):
        there = jointed(annotation, categories)
        for index in range(len(there.places)):
            x0, y0, x1, y1 = there.boxes[index].tolist()
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": image,
                    "category_id": label,
                    "iscrowd": int(there.crowd[index]),
                    "area": float(there.areas_px[index]),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "keypoints": there.keypoints[index].astype(float).ravel().tolist(),
                    "num_keypoints": int((there.keypoints[index, :, 2] > 0).sum()),
                }
            )
        for found, score in zip(result.keypoints.astype(float), result.scores, strict=True):
            low, high = np.nanmin(found[:, :2], axis=0), np.nanmax(found[:, :2], axis=0)
            numbers = np.where(np.isnan(found[:, :1]), [-1e6, -1e6, 0], found)
            results.append(
                {
                    "image_id": image,
                    "category_id": label,
                    "score": float(score),
                    "bbox": [*low.tolist(), *(high - low).tolist()],
                    "keypoints": numbers.ravel().tolist(),
                }
            )
    size = dict(zip(("height", "width"), pictures[0][0].size_hw, strict=True))
    category = categories[label]
    whole = {
        "images": [{"id": image, **size} for image in range(len(pictures))],
        "annotations": truths,
        "categories": [
            {"id": label, "name": category.name, "keypoints": list(category.skeleton.joints)}
        ],
    }
    for name, content in (("truth", whole), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / "truth.json", folder / "results.json"
