"""Folders with joints: checked and drawn, and not learned from as what they are not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil
from test_check_instances import found, shown

from cocos import JOINTS, image, picture, region, square, write_farm, write_json
from folders import WRITERS, write
from pixelwise import train
from pixelwise.datasets import open_dataset
from pixelwise.doctor import check
from pixelwise.madeup.people import write_people
from pixelwise.plan import look
from pixelwise.stick import joint_colors
from pixelwise.types import PixelwiseError

COUNT = 6


def write_dogs(root: Path, *more: dict[str, Any], outlined: bool = False) -> Path:
    """Six pictures, each with a dog, its nose and its left hand, which the first hides."""
    annotations = [
        region(
            number,
            number,
            18,
            [square(12, 8, 10)] if outlined else [],
            bbox=[12, 8, 10, 10],
            keypoints=[14, 10, 2, 18, 15, 1 if number == 1 else 2, 0, 0, 0],
        )
        for number in range(1, COUNT + 1)
    ]
    dog = {"id": 18, "name": "dog", "keypoints": JOINTS, "skeleton": [[1, 2], [1, 3]]}
    found = {
        "images": [image(number, f"p{number}.png") for number in range(1, COUNT + 1)],
        "annotations": [*annotations, *more],
        "categories": [dog],
    }
    write_json(root / "annotations.json", found)
    for number in range(1, COUNT + 1):
        write(root / f"p{number}.png", picture(number))
    return root


def test_joints_alone_are_counted_and_nothing_is_said_of_masks(tmp_path):
    report = check(write_dogs(tmp_path / "dogs"), out=tmp_path / "out")
    assert report.ok and report.instances is None and report.joints is not None
    assert (report.joints.num_people, report.joints.num_pictures) == (6, 6)
    text = shown(report)
    assert "People with joints: 6 in 6 pictures, 1 in each" in text
    assert "of their joints 67 % are labelled, 6 % as hidden" in text
    assert "share of pixels" not in text and "Instances:" not in text
    assert [line.split()[:2] for line in text.splitlines() if "hand  " in line] == [
        ["left_hand", "100"],
        ["right_hand", "0"],
    ]
    said = [each.message for each in report.findings]
    assert said == [
        "Labelled in nobody: right_hand (1 of 3 joints). What is never shown cannot be learned.",
        "6 of 6 people with fewer than 3 joints, in 6 pictures: p1, p2, p3, .... "
        "That is right where the rest is outside the picture.",
        "6 pictures less than 32 pixels wide or high: p1, p2, p3, ....",
    ]
    assert report.plan[0] == "pose"


def test_outlines_and_joints_are_both_counted(tmp_path):
    report = check(write_dogs(tmp_path, outlined=True))
    assert report.instances is not None and report.instances.total.instances == 6
    text = shown(report)
    assert "share of pixels" in text and "People with joints: 6" in text


def test_who_has_joints_and_no_pixel_occurs_beside_outlines(tmp_path):
    root = write_dogs(tmp_path)
    text = (root / "annotations.json").read_text()
    found_there = json.loads(text)
    found_there["categories"] += [{"id": 1, "name": "ball"}, {"id": 2, "name": "bone"}]
    found_there["annotations"].append(region(80, 1, 1, [square(1, 1, 5)]))
    write_json(root / "annotations.json", found_there)
    noted = found(check(root), "note")
    assert "1 of 4 categories never occur: bone." in noted
    assert "without any instance" not in noted


def test_folders_without_joints_say_nothing_of_them(tmp_path):
    report = check(WRITERS["pennfudan"](tmp_path))
    assert report.joints is None and "joints:" not in shown(report)


def test_who_has_no_joints_is_noted(tmp_path):
    blank = region(90, 2, 18, [], bbox=[0, 0, 5, 5], keypoints=[0] * 9)
    report = check(write_dogs(tmp_path, blank))
    assert "1 of 7 people without any joint, in 1 picture: p2." in found(report, "note")


def test_slips_are_warned_about(tmp_path):
    outside = region(90, 2, 18, [], bbox=[0, 0, 5, 5], keypoints=[40, 3, 2, 3, 3, 2, 3, 4, 2])
    report = check(write_dogs(tmp_path, outside))
    warned = found(report, "warning")
    assert "1 joint outside the picture, in 1 picture: p2." in warned
    assert "1 joint far outside the own mask or box" in warned
    assert report.ok


def test_the_sheet_draws_joints(tmp_path):
    report = check(write_dogs(tmp_path / "dogs"), out=tmp_path / "out")
    plain = check(write_farm_of_boxes(tmp_path / "plain"), out=tmp_path / "more")
    sheets = [np.asarray(Pil.open(each.sheet)).astype(int) for each in (report, plain)]
    # The first picture lies in the middle of its tile.
    at = (sheets[0].shape[0] - 24 - 24) // 2, (240 - 32) // 2
    colors = joint_colors(open_dataset(tmp_path / "dogs").categories[1].skeleton)
    for color, (x, y) in zip(colors, ((14, 10), (18, 15)), strict=False):
        drawn, before = (sheet[at[0] + y, at[1] + x] for sheet in sheets)
        assert np.abs(drawn - color).max() < 60 < np.abs(before - color).max()


def write_farm_of_boxes(root: Path) -> Path:
    """The pictures of `write_dogs` with nothing on them."""
    for number in range(1, COUNT + 1):
        write(root / "images" / f"p{number}.png", picture(number))
        write(root / "masks" / f"p{number}.png", np.zeros((24, 32), np.uint8))
    return root


def test_made_up_people_are_fit_to_learn_from(tmp_path):
    report = check(write_people(tmp_path / "people", 5, seed=1, variety=0))
    assert report.ok and report.joints is not None and report.instances is not None
    assert not [each for each in report.findings if "joint" in each.message.lower()]


# --- what a folder is looked at for --------------------------------------------------------------


def facts(root: Path) -> tuple[str, bool, bool]:
    found = look(open_dataset(root))
    return found.task, found.has_outlines, found.has_joints


def test_a_look_tells_outlines_from_joints(tmp_path, recwarn):
    assert facts(write_dogs(tmp_path / "a")) == ("pose", False, True)
    assert facts(write_dogs(tmp_path / "b", outlined=True)) == ("pose", True, True)
    assert facts(write_farm(tmp_path / "c")) == ("instance", True, False)
    assert facts(write_people(tmp_path / "d", 2, seed=0)) == ("panoptic", True, True)
    assert facts(WRITERS["folder"](tmp_path / "e")) == ("semantic", True, False)
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]


@pytest.mark.parametrize("task", ["semantic", "instance", "panoptic"])
def test_outlines_are_not_learned_where_there_are_none(tmp_path, task):
    root = write_dogs(tmp_path / "dogs")
    with pytest.raises(PixelwiseError, match=r"holds joints and no outlines.* Leave out --task"):
        train(root, out=tmp_path / "run", task=task, steps=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("layout", ["folder", "pennfudan"])
def test_poses_are_not_learned_where_there_are_no_joints(tmp_path, layout):
    root = WRITERS[layout](tmp_path / "data")
    with pytest.raises(PixelwiseError, match=r"holds no joints, which the task 'pose' needs"):
        train(root, out=tmp_path / "run", task="pose", steps=1)
    assert not (tmp_path / "run").exists()
