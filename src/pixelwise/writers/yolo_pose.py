"""YOLO pose: images/PART/NAME.jpg, labels/PART/NAME.txt, data.yaml.

A line is a class number, a box (middle, width, height), and x, y and visibility (0, 1, 2) of each
joint, all places divided by width and height. Only categories with joints are classes. data.yaml
says how many joints there are, what they are called, and which stand in whose place in a mirror
image. Outlines, stuff, void, crowds and limbs have no place in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets import Dataset
from pixelwise.files import write_text
from pixelwise.joints import jointed, skeleton_of
from pixelwise.types import Annotation, Category, PixelwiseError, Skeleton
from pixelwise.writers._objects import Losses, sentences
from pixelwise.writers._pictures import beside, by_part, copy_picture
from pixelwise.writers.yolo import about_parts, data_yaml


def write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]:
    """Write boxes and joints.

    Raises:
        PixelwiseError: no category has joints, or an annotation cannot be read.
    """
    kinds = [place for place, each in enumerate(dataset.categories) if each.skeleton is not None]
    if not kinds:
        raise PixelwiseError(
            f"{dataset.root} has no joints, which YOLO's pose format is made of. Write outlines "
            "with --to yolo."
        )
    losses, parts = Losses(), []
    for name, samples in by_part(dataset, on_progress):
        parts.append(name or "")
        for sample in samples:
            picture = copy_picture(sample, out / "images" / (name or ""))
            lines = _lines(sample.read_annotation(), dataset.categories, kinds, losses)
            path = out / "labels" / (name or "") / beside(picture, ".txt")
            write_text(path, "".join(f"{line}\n" for line in lines))
    skeleton = skeleton_of(dataset.categories)[1]
    classes = [dataset.categories[kind] for kind in kinds]
    write_text(out / "data.yaml", data_yaml(classes, parts) + _about_joints(skeleton, len(kinds)))
    return [*sentences(losses), *about_parts(parts)]


def _lines(
    annotation: Annotation, categories: tuple[Category, ...], kinds: list[int], losses: Losses
) -> list[str]:
    found, size_xy = jointed(annotation, categories), np.array(annotation.size_hw[::-1], float)
    _count_losses(annotation, categories, found.crowd, losses)
    lines = []
    for place in np.flatnonzero(~found.crowd):
        number = kinds.index(int(annotation.labels[found.places[place]]))
        box = np.clip(found.boxes[place].reshape(2, 2) / size_xy, 0, 1)
        joints = found.keypoints[place].astype(np.float64)
        is_outside = ((joints[:, :2] < 0) | (joints[:, :2] > size_xy)).any(axis=1)
        losses["{} joints outside their picture are left out."] += int(is_outside.sum())
        joints[is_outside] = 0
        shares = np.hstack([joints[:, :2] / size_xy, joints[:, 2:]])
        values = [*box.mean(axis=0), *(box[1] - box[0]), *shares.ravel()]
        lines.append(" ".join([str(number), *(f"{value:.8g}" for value in values)]))
    return lines


def _count_losses(
    annotation: Annotation,
    categories: tuple[Category, ...],
    crowd: NDArray[np.bool_],
    losses: Losses,
) -> None:
    losses["Outlines are left out, in {} pictures."] += int(annotation.layers.any())
    if any(not category.is_thing for category in categories[1:]):
        losses["Stuff is left out, in {} pictures."] += 1
    losses["{} crowds are left out."] += int(crowd.sum())
    others = sum(categories[label].skeleton is None for label in annotation.labels.tolist())
    losses["{} instances of categories without joints are left out."] += others


def _about_joints(skeleton: Skeleton, num_classes: int) -> str:
    """The lines of data.yaml that tell of joints; every class has the same."""
    names = json.dumps(list(skeleton.joints), ensure_ascii=False)
    lines = [
        f"kpt_shape: [{len(skeleton.joints)}, 3]",
        f"flip_idx: {list(skeleton.mirrored)}",
        "kpt_names:",
        *(f"  {number}: {names}" for number in range(num_classes)),
    ]
    return "\n".join([*lines, ""])
