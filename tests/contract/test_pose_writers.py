"""Joints that are written are read back, with outlines and without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cocos import JOINTS, SIZE_HW, farm, people, region, square, write_farm
from pixelwise import convert
from pixelwise.datasets import open_dataset
from pixelwise.joints import BOX_SHARE
from pixelwise.madeup.people import draw_people, write_people
from pixelwise.types import PixelwiseError


@pytest.fixture
def boxed(tmp_path: Path) -> Path:
    """A dog with joints and a box, one with a box alone, and a crowd; nobody is outlined."""
    found = people()
    found["annotations"][0] |= {"segmentation": [], "bbox": [20, 2, 4.5, 6]}
    unknown = {"keypoints": [0] * 9, "bbox": [2, 3, 5, 5]}
    found["annotations"].append(region(5, 10, 18, [], **unknown))
    found["annotations"].append(
        region(6, 10, 18, [], **unknown | {"bbox": [2, 14, 8, 8]}, iscrowd=1)
    )
    return write_farm(tmp_path / "boxed", found)


def entries(out: Path) -> list[dict[str, Any]]:
    text = (out / "annotations" / "instances.json").read_text()
    found: list[dict[str, Any]] = json.loads(text)["annotations"]
    return found


def test_made_up_people_keep_their_joints_as_coco(tmp_path):
    root = write_people(tmp_path / "people", 2, seed=3)
    out = convert(root, tmp_path / "out", "coco").out
    for index, dataset in enumerate((open_dataset(root), open_dataset(out))):
        names = [category.name for category in dataset.categories if category.skeleton]
        assert names == ["person"], index
        for number in range(2):
            drawn, found = draw_people(3, number).annotation, dataset[number].read_annotation()
            np.testing.assert_allclose(found.keypoints, drawn.keypoints, rtol=0, atol=0.006)
            np.testing.assert_array_equal(found.layers, drawn.layers)


def test_only_categories_with_joints_have_some(tmp_path):
    found = farm()
    found["categories"] = [people()["categories"][0], found["categories"][1]]
    found["annotations"] = [*people()["annotations"], region(1, 10, 20, [square(2, 2, 10)])]
    out = convert(write_farm(tmp_path / "farm", found), tmp_path / "out", "coco").out
    assert ["keypoints" in entry for entry in entries(out)] == [True, False]


def test_without_outlines_coco_has_boxes_joints_and_areas(boxed, tmp_path):
    done = convert(boxed, tmp_path / "out", "coco")
    assert done.notes == ()
    dog, unknown, crowd = entries(done.out)
    assert dog["keypoints"] == [21, 3, 2, 0, 0, 0, 22, 4, 1] and dog["num_keypoints"] == 2
    assert dog["bbox"] == [20, 2, 4.5, 6] and dog["area"] == round(BOX_SHARE * 27, 2)
    assert not any("segmentation" in entry for entry in (dog, unknown, crowd))
    assert (unknown["num_keypoints"], crowd["iscrowd"]) == (0, 1)


def test_without_outlines_coco_is_read_back_equal(boxed, tmp_path):
    out = convert(boxed, tmp_path / "out", "coco").out
    one, other = (open_dataset(root)[0].read_annotation() for root in (boxed, out))
    np.testing.assert_array_equal(one.semantic, other.semantic)
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(one.crowd, other.crowd)


# --- YOLO ----------------------------------------------------------------------------------------


def test_a_line_of_yolo_pose_is_a_box_and_joints(boxed, tmp_path):
    done = convert(boxed, tmp_path / "out", "yolo_pose")
    lines = (done.out / "labels" / "a.txt").read_text().splitlines()
    values = np.array([line.split() for line in lines], float)
    assert values.shape == (2, 5 + 9)
    height, width = SIZE_HW
    np.testing.assert_allclose(values[0, 1:5] * np.tile([width, height], 2), [22.25, 5, 4.5, 6])
    joints = values[0, 5:].reshape(3, 3) * [width, height, 1]
    np.testing.assert_allclose(joints, [[21.5, 3.5, 2], [0, 0, 0], [22.5, 4.5, 1]], atol=1e-5)
    assert values[1, 0] == 0 and not values[1, 5:].any()
    assert (done.out / "labels" / "b.txt").read_text() == ""
    assert "1 crowds are left out." in done.notes


def test_data_yaml_names_joints_and_their_mirror_images(boxed, tmp_path):
    lines = (convert(boxed, tmp_path / "out", "yolo_pose").out / "data.yaml").read_text()
    assert lines.splitlines()[2:] == [
        "names:",
        '  0: "dog"',
        "kpt_shape: [3, 3]",
        "flip_idx: [0, 2, 1]",
        "kpt_names:",
        f"  0: {json.dumps(JOINTS)}",
    ]


def test_what_yolo_pose_loses_is_said(tmp_path):
    root = write_people(tmp_path / "people", 2, seed=3)
    done = convert(root, tmp_path / "out", "yolo_pose")
    drawn = [draw_people(3, number).annotation for number in range(2)]
    others = sum(int((each.labels != 5).sum()) for each in drawn)
    assert f"{others} instances of categories without joints are left out." in done.notes
    assert "Outlines are left out, in 2 pictures." in done.notes
    assert "Stuff is left out, in 2 pictures." in done.notes
    lines = (done.out / "labels" / "000001.txt").read_text().splitlines()
    assert len(lines) == int((drawn[0].labels == 5).sum())
    values = np.array([line.split() for line in lines], float)
    assert (values[:, 1:5] >= 0).all() and (values[:, 1:5] <= 1).all()


def test_joints_outside_the_picture_are_left_out_of_yolo_pose(tmp_path):
    found = people()
    found["annotations"][0]["keypoints"] = [40, 3, 2, 21, 3, 2, 22, 4, 1]
    done = convert(write_farm(tmp_path / "farm", found), tmp_path / "out", "yolo_pose")
    assert "1 joints outside their picture are left out." in done.notes
    values = (done.out / "labels" / "a.txt").read_text().split()
    assert values[5:8] == ["0", "0", "0"]


def test_without_joints_there_is_no_yolo_pose(tmp_path):
    with pytest.raises(PixelwiseError, match=r"no joints, which YOLO's pose .* --to yolo"):
        convert(write_farm(tmp_path / "farm"), tmp_path / "out", "yolo_pose")
    assert not (tmp_path / "out").exists()
