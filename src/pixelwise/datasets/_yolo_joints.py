"""YOLO pose: lines with a box and joints, and what a YAML file says of them.

A line is "class x y width height" of the box, x and y of its centre, then for each joint x and y,
and with three numbers a joint its visibility (0 not known, 1 hidden, 2 seen), all but the last as
shares of the picture's width and height. With two numbers a joint, one at 0, 0 is not known. The
YAML file says how many joints and numbers there are (kpt_shape), which joints change places in a
mirror image (flip_idx), and may name them (kpt_names, a list or one for each class).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._class_names import entry_in_yaml, lists_in_yaml, yaml_files
from pixelwise.datasets._joints import named_skeleton
from pixelwise.layers import touched
from pixelwise.skeletons import COCO
from pixelwise.types import IGNORE, Annotation, PixelwiseError, Skeleton

_BOX = 4  # numbers
# Rounding, as a share of the picture; and how many of a person's joints lie in the box at least.
_SLACK, _NEARLY_ALL = 0.01, 0.8

Values = Sequence[float]
"""The numbers of a line after its class."""


@dataclass(frozen=True)
class Form:
    """What the numbers of a line are: those of a box, then ``num_dims`` (2, 3) for each joint."""

    skeleton: Skeleton
    num_dims: int

    @property
    def length(self) -> int:
        """How many numbers follow the class."""
        return _BOX + len(self.skeleton.joints) * self.num_dims

    def check(self, path: Path, values: Values) -> None:
        """Whether a line is of this form.

        Raises:
            PixelwiseError: it has another number of numbers.
        """
        if len(values) != self.length:
            count = len(self.skeleton.joints)
            raise PixelwiseError(
                f"{path} has a line with {len(values)} numbers after the class; expected are "
                f"{self.length}: 4 of the box and {self.num_dims} for each of {count} joints. "
                "Correct the line, or kpt_shape in data.yaml; outlines and joints are not mixed."
            )

    def places(self, values: Values) -> Values:
        """The numbers of a line that are shares of width and height."""
        return [*values[:_BOX], *self.keypoints(values)[:, :2].ravel().tolist()]

    def keypoints(self, values: Values) -> NDArray[np.float32]:
        """(K, 3) x, y as shares, and visibility; nothing known where the line has another form."""
        found = np.zeros((len(self.skeleton.joints), 3), np.float32)
        if len(values) != self.length:
            return found
        found[:, : self.num_dims] = np.reshape(values[_BOX:], (-1, self.num_dims))
        if self.num_dims == 2:
            found[:, 2] = 2 * (found[:, :2] != 0).any(axis=1)
        found[:, 2] = np.clip(np.round(found[:, 2]), 0, 2)
        found[found[:, 2] == 0] = 0
        return found

    def annotation(
        self, lines: Sequence[Values], labels: Sequence[int], size_hw: tuple[int, int]
    ) -> Annotation:
        """Instances without pixels; the boxes of those without joints are void.

        Args:
            lines: all of this form. labels: the category of each.
            size_hw: the picture's, in pixels.
        """
        size_xy = np.array(size_hw[::-1], np.float32)
        shape = (len(lines), len(self.skeleton.joints), 3)
        keypoints = np.array([self.keypoints(each) for each in lines], np.float32).reshape(shape)
        keypoints[..., :2] *= size_xy
        box = np.array([each[:_BOX] for each in lines], np.float32).reshape(-1, 2, 2) * size_xy
        boxes = np.hstack([box[:, 0] - box[:, 1] / 2, box[:, 0] + box[:, 1] / 2])
        semantic = np.zeros(size_hw, np.uint8)
        for place in np.flatnonzero(~(keypoints[..., 2] > 0).any(axis=1)):
            semantic[touched(boxes[place].tolist())] = IGNORE
        return Annotation(
            semantic,
            labels=np.array(labels, np.int64),
            crowd=np.zeros(len(labels), np.bool_),
            keypoints=keypoints,
            mirrored=self.skeleton.mirrored,
            boxes=boxes.astype(np.float32),
        )


def form_of(root: Path, lines: Sequence[Values]) -> tuple[Form | None, list[str]]:
    """How joints stand in the lines of a folder, with notes; None where they hold none.

    Args:
        lines: some of the folder's, which tell where no YAML file does.

    Raises:
        PixelwiseError: the YAML file contradicts itself.
    """
    for path in yaml_files(root):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        shape = entry_in_yaml(text, "kpt_shape")
        if shape is not None:
            count, num_dims = _shape(path, shape)
            skeleton, notes = _skeleton(path, text, count)
            return Form(skeleton, num_dims), notes
    return _by_length(lines)


def _by_length(lines: Sequence[Values]) -> tuple[Form | None, list[str]]:
    """COCO's joints where all lines are as long as these make them, and hold no polygons."""
    for form in (Form(COCO, 3), Form(COCO, 2)):
        if not lines or any(len(each) != form.length for each in lines):
            continue
        # The numbers of a polygon are even; 17 joints of two and a box could be one of 19 corners.
        if form.num_dims == 3 or all(_lie_in_box(form, each) for each in lines):
            return form, [
                f"No YAML file says what the lines are; they have {form.length + 1} numbers, as "
                f"those with COCO's 17 joints of {form.num_dims} numbers, and are read so."
            ]
    return None, []


def _lie_in_box(form: Form, values: Values) -> bool:
    """Whether nearly all joints do; the box is drawn around what is seen."""
    keypoints = form.keypoints(values)
    x, y, width, height = values[:_BOX]
    off = np.abs(keypoints[keypoints[:, 2] > 0, :2] - (x, y))
    inside = (off <= np.array([width, height]) / 2 + _SLACK).all(axis=1)
    return bool(inside.sum() >= _NEARLY_ALL * len(inside))


# --- the YAML file -------------------------------------------------------------------------------


def _shape(path: Path, entry: str) -> tuple[int, int]:
    numbers = _numbers(entry)
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] not in (2, 3):
        raise PixelwiseError(
            f"{path}: kpt_shape is '{entry.strip()[:40]}'; expected the number of joints and 2 (x, "
            "y) or 3 (x, y, visibility), for example kpt_shape: [17, 3]."
        )
    return numbers[0], numbers[1]


def _skeleton(path: Path, text: str, count: int) -> tuple[Skeleton, list[str]]:
    names = _names(path, text, count)
    flip = _numbers(entry_in_yaml(text, "flip_idx") or "")
    if flip and (sorted(flip) != list(range(count)) or any(flip[flip[i]] != i for i in flip)):
        raise PixelwiseError(
            f"{path}: flip_idx must tell for each of {count} joints (0 to {count - 1}) which one "
            "stands in its place in a mirror image, and that one must tell the same. Correct it."
        )
    if not names and count == len(COCO.joints) and tuple(flip or COCO.mirrored) == COCO.mirrored:
        return COCO, [f"{path.name} does not name its 17 joints; they are taken for COCO's."]
    skeleton = named_skeleton(names or [f"joint {number}" for number in range(1, count + 1)])
    if flip:
        return replace(skeleton, mirrored=tuple(flip)), []
    if skeleton.mirrored == tuple(range(count)):
        return skeleton, [
            f"{path.name} has no flip_idx: every joint keeps its side in mirror images. If there "
            "is a left and a right, add it."
        ]
    return skeleton, []


def _names(path: Path, text: str, count: int) -> list[str]:
    found = lists_in_yaml(entry_in_yaml(text, "kpt_names") or "")
    if found and any(len(names) != count for names in found):
        wrong = next(len(names) for names in found if len(names) != count)
        raise PixelwiseError(
            f"{path}: kpt_names names {wrong} joints, and kpt_shape says {count}. Correct one."
        )
    return found[0] if found else []


def _numbers(entry: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", entry)]
