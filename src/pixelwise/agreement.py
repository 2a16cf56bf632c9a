"""How alike two results are: one is taken for the truth, and the other measured by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pixelwise.joints import skeleton_of
from pixelwise.metrics.semantic import confusion
from pixelwise.tasks import Task
from pixelwise.types import IGNORE, Annotation, Instances, Panoptic, Poses, Semantic


def agree(pairs: Sequence[tuple[Any, Any]], task: Task) -> tuple[float, str]:
    """How alike pairs of results are, the first of each taken for the truth.

    Returns:
        in [0, 1], 1 where there is nothing in either; and the measure's name. For semantic
        segmentation it is counted over the pixels of all pictures together, so that a picture with
        hardly anything in it says no more than it can: IoU of the foreground, or the mean over
        the categories that are there.
    """
    if not isinstance(pairs[0][0], Semantic):
        scores = [task.score(as_truth(model), file) for model, file in pairs]
        return float(np.mean(scores)), measure_of(task)
    num = len(pairs[0][0].categories)
    each = [confusion(model.labels, file.labels, num) for model, file in pairs]
    counts = np.sum(each, axis=0)
    right = np.diagonal(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - right
    counted = (either > 0) & ((np.arange(num) > 0) | (num > 2))
    return float((right[counted] / either[counted]).mean()) if counted.any() else 1.0, measure_of(
        task
    )


def measure_of(task: Task) -> str:
    """What the task's score of one picture is called."""
    names: dict[str, str] = {"semantic": "IoU", "pose": "pose quality"}
    return names.get(task.metric().kind, "panoptic quality")


def as_truth(result: Any) -> Annotation:
    """A result as if a person had drawn it."""
    forms: dict[type, Callable[[Any], Annotation]] = {
        Semantic: lambda found: Annotation(found.labels),
        Instances: _drawn,
        Panoptic: _drawn,
        Poses: _placed,
    }
    return forms[type(result)](result)


def _drawn(result: Instances) -> Annotation:
    """Things as instances, and stuff as classes; nothing is known of what is void."""
    nowhere = IGNORE if isinstance(result, Panoptic) else 0
    kinds = np.concatenate([[nowhere], result.labels]).astype(np.uint8)
    is_thing = np.array([category.is_thing for category in result.categories])
    things = np.flatnonzero(is_thing[result.labels]) if len(result) else np.zeros(0, np.int64)
    numbers = np.zeros(len(kinds), np.uint16)
    numbers[things + 1] = np.arange(1, len(things) + 1)
    return Annotation(
        kinds[result.id_map],
        numbers[result.id_map][None],
        result.labels[things],
        np.zeros(len(things), np.bool_),
    )


def _placed(result: Poses) -> Annotation:
    """Joints that were found as joints that are seen."""
    place, _ = skeleton_of(result.categories)
    keypoints = np.nan_to_num(result.keypoints)
    keypoints[..., 2] = np.where(result.found, 2, 0)
    nobody = np.zeros(len(result), np.bool_)
    return Annotation(
        np.zeros(result.size_hw, np.uint8),
        labels=np.full(len(result), place, np.int64),
        crowd=nobody,
        keypoints=keypoints,
    )
