"""Small made-up segments: truths that overlap or not, and predictions that are near them."""

import numpy as np

from pixelwise.layers import lay
from pixelwise.types import IGNORE, Annotation, Category, Instances, Panoptic

NUCLEI = (Category("background", (0, 0, 0)), Category("nucleus", (230, 159, 0), is_thing=True))
SCENE = (
    Category("sky", (1, 1, 1)),
    Category("meadow", (2, 2, 2)),
    Category("sheep", (3, 3, 3), is_thing=True),
    Category("person", (4, 4, 4), is_thing=True),
)


def annotated(
    masks, labels, categories=NUCLEI, *, crowd=(), semantic=None, size_hw=(20, 24)
) -> Annotation:
    """An annotation of masks (H, W) bool; ``crowd``: which of them are crowds."""
    painted = np.zeros(size_hw, np.uint8) if semantic is None else semantic.copy()
    is_crowd = np.isin(np.arange(len(labels)), list(crowd))
    for mask, label, is_many in zip(masks, labels, is_crowd, strict=True):
        painted[mask] = IGNORE if is_many else label
    return Annotation(painted, lay(masks, size_hw), np.array(labels, np.int64), is_crowd)


def found(id_map, labels, scores=None, categories=NUCLEI) -> Instances:
    """A result; scores fall from 0.9 where none are given."""
    if scores is None:
        scores = 0.9 - 0.8 * np.arange(len(labels)) / max(1, len(labels))
    kind = Instances if all(c.is_thing for c in categories[1:]) else Panoptic
    return kind(
        np.asarray(id_map, np.int32),
        np.array(labels, np.int64),
        np.array(scores, np.float32),
        tuple(categories),
    )


def as_found(annotation: Annotation, categories, *, stuff: bool) -> Instances:
    """The truth itself as a result; where instances overlap, the first has the pixel."""
    id_map = np.zeros(annotation.size_hw, np.int32)
    labels = []
    for index in np.flatnonzero(~annotation.crowd):
        labels.append(int(annotation.labels[index]))
        id_map[annotation.mask(index) & (id_map == 0)] = len(labels)
    for index in np.flatnonzero([not c.is_thing for c in categories]) if stuff else ():
        if (annotation.semantic == index).any():
            labels.append(int(index))
            id_map[annotation.semantic == index] = len(labels)
    return found(id_map, labels, categories=categories)


def scene(seed: int, size_hw=(40, 48)) -> tuple[Annotation, Panoptic]:
    """Stuff, things, a crowd and void, and a prediction of all of them that is somewhat off."""
    rng = np.random.default_rng(seed)
    semantic = np.zeros(size_hw, np.uint8)
    semantic[size_hw[0] // 2 :] = 1
    masks, labels, free = [], [], np.ones(size_hw, np.bool_)
    for _ in range(7):
        top, left = rng.integers(0, 30, 2)
        mask = np.zeros(size_hw, np.bool_)
        mask[top : top + rng.integers(4, 12), left : left + rng.integers(4, 14)] = True
        mask &= free
        free &= ~mask
        masks.append(mask)
        labels.append(int(rng.integers(2, 4)))
    truth = annotated(masks, labels, SCENE, crowd=[6], semantic=semantic, size_hw=size_hw)
    truth.semantic[free & (rng.random(size_hw) < 0.2)] = IGNORE
    return truth, _predicted(masks, labels, rng, size_hw)


def _predicted(masks, labels, rng, size_hw) -> Panoptic:
    id_map = np.ones(size_hw, np.int32)
    id_map[size_hw[0] // 2 - rng.integers(-4, 5) :] = 2
    kinds = [0, 1]
    for mask, label in zip(masks, labels, strict=True):
        if rng.random() < 0.15:
            continue
        kinds.append(label if rng.random() < 0.85 else 5 - label)
        id_map[np.roll(mask, tuple(rng.integers(-1, 2, 2)), (0, 1))] = len(kinds)
    present, numbers = np.unique(id_map, return_inverse=True)
    id_map = numbers.reshape(size_hw) + 1
    return found(id_map, [kinds[n - 1] for n in present], rng.random(len(present)), SCENE)


def crowded(seed: int, size_hw=(140, 180)) -> tuple[Annotation, Instances]:
    """Things of every range of sizes that overlap, a crowd, and a prediction with mistakes."""
    rng = np.random.default_rng(seed)
    masks, labels = [], []
    id_map, kinds = np.zeros(size_hw, np.int32), []
    for number in range(int(rng.integers(6, 14))):
        height, width = rng.integers(6, (20, 60, 130)[number % 3], 2)
        top, left = rng.integers(0, size_hw[0] - 5), rng.integers(0, size_hw[1] - 5)
        mask = np.zeros(size_hw, np.bool_)
        mask[top : top + height, left : left + width] = True
        masks.append(mask)
        labels.append(int(rng.integers(2, 4)))
        if rng.random() < 0.8:
            kinds.append(labels[-1] if rng.random() < 0.8 else 5 - labels[-1])
            id_map[np.roll(mask, tuple(rng.integers(-2, 3, 2)), (0, 1))] = len(kinds)
    present, numbers = np.unique(id_map, return_inverse=True)
    result = found(
        numbers.reshape(size_hw) if present[0] == 0 else numbers.reshape(size_hw) + 1,
        [kinds[n - 1] for n in present if n],
        # A few scores alike, because the order of equals is part of the rules.
        np.round(rng.random((present > 0).sum()), 1),
        SCENE,
    )
    return annotated(masks, labels, SCENE, crowd=[1], size_hw=size_hw), result
