"""Joints in COCO's files: of panoptic segments, and of those whom nobody outlined."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cocos import (
    JOINTS,
    image,
    people,
    pixels,
    region,
    square,
    write_farm,
    write_json,
    write_meadow,
)
from pixelwise.datasets import open_dataset
from pixelwise.joints import BOX_SHARE, jointed
from pixelwise.madeup.people import CATEGORIES, draw_people, write_people
from pixelwise.plan import task_of
from pixelwise.types import IGNORE

# Of the meadow's sheep 300, at (2, 2), six pixels wide, and 5, at (12, 4), five wide.
BOXES = {300: [2, 2, 6, 6], 5: [12, 4, 5, 5], 9: [20, 14, 10, 10]}


# --- panoptic and joints -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people") / "data", 3, seed=5)


def test_made_up_scenes_are_read_as_they_were_drawn(scenes):
    dataset = open_dataset(scenes)
    assert dataset.notes == () and task_of(dataset.categories) == "panoptic"
    assert [c.skeleton for c in dataset.categories] == [c.skeleton for c in CATEGORIES]
    for index in range(3):
        found, drawn = dataset[index].read_annotation(), draw_people(5, index).annotation
        np.testing.assert_array_equal(found.semantic, drawn.semantic)
        np.testing.assert_array_equal(found.layers, drawn.layers)
        assert found.keypoints is not None and found.mirrored == drawn.mirrored
        # The files have two digits behind the point.
        np.testing.assert_allclose(found.keypoints, drawn.keypoints, rtol=0, atol=0.006)
        assert (found.keypoints[..., 2] > 0).sum() > 10


def test_the_files_of_a_panoptic_picture_are_those_that_speak_of_it(scenes):
    names = [path.name for path in open_dataset(scenes)[0].files]
    assert names == [
        "000001.png",
        "panoptic_people.json",
        "person_keypoints_people.json",
        "000001.png",
    ]


def write_jointed_meadow(root: Path, *sheep: dict[str, Any], boxes: bool = True) -> Path:
    """`write_meadow` whose segments have boxes, and a file with the joints of these sheep."""
    path = write_meadow(root) / "annotations" / "panoptic_val.json"
    found = json.loads(path.read_text())
    for segment in found["annotations"][0]["segments_info"]:
        if boxes and segment["id"] in BOXES:
            segment["bbox"] = BOXES[segment["id"]]
    write_json(path, found)
    jointed = {
        "images": [image(77, "a.png")],
        "annotations": list(sheep),
        "categories": [
            {"id": 4, "name": "sheep", "keypoints": JOINTS, "skeleton": [[1, 2], [1, 3]]},
            {"id": 5, "name": "goat"},
        ],
    }
    write_json(root / "annotations" / "person_keypoints_val.json", jointed)
    return root


def sheep(number: int, box: list[float], x: float, **more: Any) -> dict[str, Any]:
    joints = [x, 4, 2, 0, 0, 0, x + 1, 5, 1]
    entry = region(number, 77, 4, [square(box[0], box[1], box[2])], keypoints=joints, bbox=box)
    return {**entry, **more}


def noses(root: Path) -> list[float]:
    """Where the noses of the meadow's two sheep and its herd are, 0 where nobody knows."""
    keypoints = open_dataset(root)[0].read_annotation().keypoints
    assert keypoints is not None and keypoints.shape == (3, 3, 3)
    return [float(x) for x in keypoints[:, 0, 0]]


def test_a_number_of_its_own_kind_joins_whatever_the_boxes_say(tmp_path):
    write_jointed_meadow(tmp_path, sheep(5, [0, 0, 1, 1], 14), sheep(300, [0, 0, 1, 1], 3))
    assert noses(tmp_path) == [3.5, 14.5, 0]
    skeleton = open_dataset(tmp_path).categories[0].skeleton
    assert skeleton is not None and skeleton.limbs == ((0, 1), (0, 2))


def test_other_numbers_join_by_their_boxes_the_best_first(tmp_path):
    near, nearer = sheep(1, [2, 2, 6, 5], 3), sheep(2, [2, 2, 6, 6], 4)
    write_jointed_meadow(tmp_path, near, nearer, sheep(3, [12, 4, 5, 6], 14))
    assert noses(tmp_path) == [4.5, 14.5, 0]
    assert open_dataset(tmp_path).notes == (
        "1 of 3 annotations with joints in annotations/person_keypoints_val.json fit no panoptic "
        "segment: these joints are left out.",
    )


@pytest.mark.parametrize(
    "other",
    [
        sheep(300, [2, 2, 6, 6], 3, category_id=5),
        sheep(1, [2, 2, 6, 4], 3),
        sheep(300, [2, 2, 6, 6], 3, iscrowd=1),
        sheep(9, [20, 14, 10, 10], 22),
    ],
    ids=["another kind", "another box", "a crowd", "of a herd"],
)
def test_who_is_another_joins_nothing(tmp_path, other):
    write_jointed_meadow(tmp_path, sheep(5, [0, 0, 1, 1], 14), other)
    assert noses(tmp_path) == [0, 14.5, 0]


def test_joints_that_fit_nowhere_make_no_skeleton(tmp_path):
    root = write_jointed_meadow(tmp_path, sheep(1, [2, 2, 6, 6], 3), boxes=False)
    dataset = open_dataset(root)
    assert dataset.categories[0].skeleton is None
    assert dataset[0].read_annotation().keypoints is None
    assert "1 of 1 annotation with joints" in dataset.notes[0]


def test_joining_reads_no_pixels(tmp_path):
    root = write_jointed_meadow(tmp_path, sheep(1, [2, 2, 6, 6], 3))
    (root / "annotations" / "panoptic_val" / "a.png").write_bytes(b"no picture")
    assert open_dataset(root).categories[0].skeleton is not None


# --- joints and boxes, nobody outlined -----------------------------------------------------------


def boxed(**more: Any) -> dict[str, Any]:
    """`people`, whose dog has a box and no outline, and another dog of which nothing else is known.

    ``more``: another annotation.
    """
    found = people()
    found["annotations"][0] |= {"segmentation": [], "bbox": [20, 2, 4, 6]}
    found["annotations"].append(
        region(5, 10, 18, [], keypoints=[0] * 9, num_keypoints=0, bbox=[2, 3, 5, 5])
    )
    if more:
        found["annotations"].append(region(6, 10, 18, **more))
    return found


def test_joints_and_boxes_alone_are_instances_with_a_box(tmp_path):
    dataset = open_dataset(write_farm(tmp_path, boxed()))
    annotation = dataset[0].read_annotation()
    assert annotation.layers.shape[0] == 0 and annotation.labels.tolist() == [1, 1]
    assert annotation.boxes is not None and annotation.keypoints is not None
    assert annotation.boxes.tolist() == [[20, 2, 24, 8], [2, 3, 7, 8]]
    assert annotation.keypoints[:, :, 2].tolist() == [[2, 0, 1], [0, 0, 0]]
    assert jointed(annotation, dataset.categories).areas_px.tolist() == pytest.approx(
        [BOX_SHARE * 24, BOX_SHARE * 25]
    )
    assert dataset.notes == (
        "Nothing is outlined: 1 annotation with joints and boxes.",
        "1 annotation with a box alone: nothing inside is learned from.",
    )


def test_only_the_boxes_of_those_whose_joints_nobody_knows_are_left_out(tmp_path):
    annotation = open_dataset(write_farm(tmp_path, boxed()))[0].read_annotation()
    np.testing.assert_array_equal(annotation.semantic == IGNORE, pixels(2, 3, 5))
    assert not annotation.semantic[annotation.semantic != IGNORE].any()


def test_a_crowd_without_an_outline_is_its_box(tmp_path):
    found = boxed(outline=[], iscrowd=1, bbox=[10, 10, 8, 8], keypoints=[11, 11, 2] * 3)
    annotation = open_dataset(write_farm(tmp_path, found))[0].read_annotation()
    assert annotation.crowd.tolist() == [False, False, True]
    unknown = pixels(2, 3, 5) | pixels(10, 10, 8)
    np.testing.assert_array_equal(annotation.semantic == IGNORE, unknown)


def test_beside_outlines_a_box_is_no_background(tmp_path):
    found = boxed(outline=[square(12, 12, 4)])
    dataset = open_dataset(write_farm(tmp_path, found))
    annotation = dataset[0].read_annotation()
    unknown = np.zeros(annotation.size_hw, bool)
    unknown[2:8, 20:24] = True
    np.testing.assert_array_equal(annotation.semantic == IGNORE, unknown | pixels(2, 3, 5))
    np.testing.assert_array_equal(annotation.mask(2), pixels(12, 12, 4))
    assert annotation.boxes is not None
    assert np.isnan(annotation.boxes).all(axis=1).tolist() == [False, False, True]
    assert "1 annotation with joints and no outline" in dataset.notes[0]


def test_what_is_outlined_has_no_boxes(tmp_path):
    assert open_dataset(write_farm(tmp_path, people()))[0].read_annotation().boxes is None
