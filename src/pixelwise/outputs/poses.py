"""Poses as files: an overlay and OpenPose's JSON each, two tables and COCO's results for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import anatomy, stick
from pixelwise.files import write_text
from pixelwise.joints import around, in_numbered_pixels, skeleton_of
from pixelwise.outputs import Picture, _openpose
from pixelwise.outputs._files import growing_list, growing_table, shrunk, write_overlay
from pixelwise.types import Category, Image, PixelwiseError, Poses, Skeleton, source_ids

_JOINTS_HEADER = ("picture", "person", "joint", "x_px", "y_px", "score", "found")
# fmt: off
_PEOPLE_HEADER = (
    "picture", "person", "score", "joints_found",
    "box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px", "extent_px",
)
# fmt: on


SHARED = ("poses.csv", "people.csv", "coco_results.json")


def files(name: str, *, probs: bool) -> tuple[str, ...]:
    """What is written about the picture with this name."""
    return f"{name}_keypoints.json", f"{name}_overlay.jpg"


@dataclass(frozen=True)
class PosesOutput:
    """What is about one picture goes to ``folder``; the rest adds to files about all.

    ``category``: the number of the one whose joints these are, see `source_ids`.
    """

    folder: Path
    category: int
    skeleton: Skeleton
    add_joint: Callable[[Sequence[Any]], None]
    add_person: Callable[[Sequence[Any]], None]
    add_result: Callable[[Any], None]

    def write(self, picture: Picture, image: Image, result: Poses) -> dict[str, Any]:
        """``NAME_overlay.jpg``, ``NAME_keypoints.json``, and rows and results of everybody."""
        stem = self.folder / picture.name
        write_overlay(stem.with_name(f"{stem.name}_overlay.jpg"), draw(shrunk(image), result))
        text = json.dumps(_openpose.describe(result, self.skeleton))
        write_text(stem.with_name(f"{stem.name}_keypoints.json"), text + "\n")
        numbers = _numbers(result)
        boxes = around(result.keypoints, result.found)
        self._add_tables(picture, result, numbers, boxes)
        self._add_results(picture, result)
        return {
            "keypoints": f"{picture.name}_keypoints.json",
            "size_hw": list(result.size_hw),
            "people": len(result),
            "poses": _describe(result, numbers, boxes),
        }

    def _add_tables(
        self,
        picture: Picture,
        result: Poses,
        numbers: Sequence[int],
        boxes: NDArray[np.float64],
    ) -> None:
        lengths = anatomy.lengths(result.keypoints, self.skeleton)
        angles = anatomy.angles(result.keypoints, self.skeleton)
        extents = anatomy.extents(result.keypoints)
        measured = np.column_stack([boxes, extents, *lengths.values(), *angles.values()])
        for index, number in enumerate(numbers):
            about = [str(picture.path), number]
            for name, joint in zip(self.skeleton.joints, result.keypoints[index], strict=True):
                self.add_joint([*about, name, *_cells(joint)])
            score, count = f"{result.scores[index]:.4f}", int(result.found[index].sum())
            known = measured[index] if count else np.full_like(measured[index], np.nan)
            self.add_person([*about, score, count, *(_cell(value, 2) for value in known)])

    def _add_results(self, picture: Picture, result: Poses) -> None:
        joints = in_numbered_pixels(result.keypoints).round(4)
        for score, each in zip(result.scores.tolist(), joints, strict=True):
            # Without "bbox": where there is one, pycocotools takes its area for the joints'.
            self.add_result(
                {
                    "image_id": picture.number,
                    "file_name": picture.file_name,
                    "category_id": self.category,
                    "score": round(score, 4),
                    "keypoints": each.ravel().tolist(),
                }
            )


@contextmanager
def build(folder: Path, categories: tuple[Category, ...], *, probs: bool) -> Iterator[PosesOutput]:
    """Overlays and joints in ``folder``; beside them ``poses.csv``, ``people.csv`` and
    ``coco_results.json``, which appear when the block ends.

    Raises:
        PixelwiseError: probabilities are asked for, or no category has joints.
    """
    if probs:
        raise PixelwiseError(
            "Poses have no picture of probabilities, only a score for each joint, in poses.csv. "
            "Leave out --probs."
        )
    place, skeleton = skeleton_of(categories)
    header = (*_PEOPLE_HEADER, *_measures(skeleton))
    with (
        growing_table(folder / "poses.csv", _JOINTS_HEADER) as add_joint,
        growing_table(folder / "people.csv", header) as add_person,
        growing_list(folder / "coco_results.json") as add_result,
    ):
        number = source_ids(categories)[place]
        yield PosesOutput(folder, number, skeleton, add_joint, add_person, add_result)


def _measures(skeleton: Skeleton) -> list[str]:
    """The columns of limbs and angles."""
    nobody = np.zeros((0, len(skeleton.joints), 3), np.float32)
    limbs, joints = anatomy.lengths(nobody, skeleton), anatomy.angles(nobody, skeleton)
    return [f"{limb}_px" for limb in limbs] + [f"{joint}_deg" for joint in joints]


def _numbers(result: Poses) -> list[int]:
    """What a person is called: as followed through a video, else the place in the picture."""
    return list(range(1, len(result) + 1)) if result.ids is None else result.ids.tolist()


def draw(image: Image, result: Poses) -> Image:
    """Everybody, on the picture at any size; numbered as in the tables where there are several."""
    height, width = result.size_hw
    scale = np.array([image.shape[1] / width, image.shape[0] / height, 1])
    _, skeleton = skeleton_of(result.categories)
    is_numbered = result.ids is not None or len(result) > 1
    ids = _numbers(result) if is_numbered else None
    return stick.skeletons(image, result.keypoints * scale, skeleton, "score", ids=ids)


def _describe(
    result: Poses, numbers: Sequence[int], boxes: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Everybody as ``predictions.jsonl`` holds them; a joint that was not found is null."""
    found = []
    for index, number in enumerate(numbers):
        joints = zip(result.keypoints[index].astype(np.float64), result.found[index], strict=True)
        found.append(
            {
                "person": number,
                "score": round(float(result.scores[index]), 4),
                "box_xyxy": boxes[index].round(2).tolist(),
                "keypoints": [
                    joint.round(3).tolist() if known else None for joint, known in joints
                ],
            }
        )
    return found


def _cells(joint: NDArray[np.float32]) -> list[str]:
    """x, y, score, found of a joint in a table; empty where it was not found."""
    is_found = bool(joint[2] > 0)
    x, y = (_cell(value, 2) if is_found else "" for value in joint[:2])
    return [x, y, f"{joint[2]:.4f}", str(int(is_found))]


def _cell(value: float, digits: int) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"
