"""Angles and lengths in the picture's plane."""

import numpy as np
import pytest

from figures import people, standing
from pixelwise import anatomy
from pixelwise.skeletons import COCO
from pixelwise.types import Skeleton


def skeleton(joints: tuple[str, ...], *limbs: tuple[int, int]) -> Skeleton:
    return Skeleton(joints, limbs, tuple(range(len(joints))), (0.05,) * len(joints))


CHAIN = skeleton(("one", "two", "three"), (0, 1), (1, 2))


def placed(**joints: tuple[float, float]) -> np.ndarray:
    """(1, 17, 3) with nothing but these."""
    keypoints = np.full((1, 17, 3), (np.nan, np.nan, 0), np.float32)
    for name, place in joints.items():
        keypoints[0, COCO.joints.index(name)] = (*place, 0.7)
    return keypoints


@pytest.mark.parametrize(
    ("wrist", "degrees"),
    [((10, 30), 180), ((20, 20), 90), ((0, 20), 90), ((10, 10), 0), ((20, 10), 45), ((0, 30), 135)],
)
def test_an_elbow_bends_as_its_arm_lies(wrist, degrees):
    arm = placed(left_shoulder=(10, 10), left_elbow=(10, 20), left_wrist=wrist)
    assert anatomy.angles(arm, COCO)["left_elbow"] == pytest.approx([degrees])


def test_a_body_has_four_angles_on_either_side():
    angles = anatomy.angles(standing()[None], COCO)
    parts = ("shoulder", "elbow", "hip", "knee")
    assert list(angles) == [f"{side}_{part}" for part in parts for side in ("left", "right")]
    (knee,) = angles["left_knee"]
    assert knee == pytest.approx(180)
    # Arms hang down and a little out: 10 across on 30 down, against -6 on 60 of the trunk.
    spread = np.degrees(np.arctan2(10, 30) + np.arctan2(6, 60))
    assert angles["right_shoulder"] == pytest.approx([spread], abs=1e-4)
    assert angles["left_shoulder"] == pytest.approx([spread], abs=1e-4)


def test_a_mirror_image_has_the_angles_and_lengths_of_the_other_side():
    found = people(6).keypoints
    image = found[:, list(COCO.mirrored)] * (-1, 1, 1) + (400, 0, 0)
    for measure in (anatomy.angles, anatomy.lengths):
        before, after = measure(found, COCO), measure(image, COCO)
        swap = {"left": "right", "right": "left"}
        for name, values in before.items():
            ends = [end.split("_", 1) for end in name.split("-")]
            other = ["_".join([swap.get(end[0], end[0]), *end[1:]]) for end in ends]
            mirrored = after.get("-".join(other), after.get("-".join(other[::-1])))
            assert mirrored == pytest.approx(values, rel=1e-4), name


def test_turning_and_scaling_keeps_angles_and_scales_lengths():
    found = people(4).keypoints
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    moved = found.astype(np.float64)
    moved[..., :2] = 3 * moved[..., :2] @ turn.T + (5, -80)
    for name, values in anatomy.angles(found, COCO).items():
        assert anatomy.angles(moved, COCO)[name] == pytest.approx(values, abs=1e-3)
    for name, values in anatomy.lengths(found, COCO).items():
        assert anatomy.lengths(moved, COCO)[name] == pytest.approx(3 * values)
    assert anatomy.extents(moved) == pytest.approx(3 * anatomy.extents(found))


def test_what_needs_a_missing_joint_is_not_a_number_and_the_rest_is():
    found = standing()[None].copy()
    # A place that is left over counts for nothing where the score is 0.
    found[0, COCO.joints.index("left_elbow"), 2] = 0
    angles, lengths = anatomy.angles(found, COCO), anatomy.lengths(found, COCO)
    assert {name for name, value in angles.items() if np.isnan(value).all()} == {
        "left_elbow",
        "left_shoulder",
    }
    assert {name for name, value in lengths.items() if np.isnan(value).all()} == {
        "left_shoulder-left_elbow",
        "left_elbow-left_wrist",
    }


def test_joints_at_one_place_have_no_angle():
    arm = placed(left_shoulder=(10, 10), left_elbow=(10, 10), left_wrist=(10, 30))
    assert np.isnan(anatomy.angles(arm, COCO)["left_elbow"]).all()
    assert anatomy.lengths(arm, COCO)["left_shoulder-left_elbow"] == [0]


@pytest.mark.parametrize("name", ["Right {}", "r_{}", "{}Right", "{}.r", "R{}"])
def test_sides_are_told_by_whatever_stands_around_a_joint(name):
    joints = tuple(name.format(part) for part in ("hip", "knee", "ankle"))
    keypoints = np.array([[[0, 0, 1], [0, 5, 1], [5, 5, 1]]], np.float32)
    angles = anatomy.angles(keypoints, skeleton(joints, (0, 1), (1, 2)))
    assert angles.keys() == {joints[1]} and angles[joints[1]] == pytest.approx([90])


def test_of_other_joints_those_with_two_limbs_bend():
    keypoints = np.array([[[0, 0, 1], [0, 5, 1], [5, 5, 1]]], np.float32)
    assert list(anatomy.angles(keypoints, CHAIN)) == ["two"]
    # A limb that is given twice is one; one to nowhere is none; three at a joint have no angle.
    again = skeleton(CHAIN.joints, (0, 1), (1, 0), (1, 2), (2, 2))
    assert list(anatomy.angles(keypoints, again)) == ["two"]
    assert list(anatomy.lengths(keypoints, again)) == ["one-two", "two-three"]
    star = skeleton(("a", "b", "c", "d"), (0, 1), (0, 2), (0, 3))
    assert anatomy.angles(np.ones((1, 4, 3)), star) == {}


def test_an_extent_is_between_the_joints_farthest_apart():
    found = placed(nose=(10, 10), left_ankle=(13, 14), left_knee=(11, 11))
    assert anatomy.extents(found) == pytest.approx([5])
    assert anatomy.extents(placed(nose=(3, 3))) == [0]
    assert np.isnan(anatomy.extents(placed())).all()


def test_nobody_has_no_measures_but_their_names():
    nobody = np.zeros((0, 17, 3), np.float32)
    assert all(value.shape == (0,) for value in anatomy.angles(nobody, COCO).values())
    assert len(anatomy.lengths(nobody, COCO)) == len(COCO.limbs)
    assert anatomy.extents(nobody).shape == (0,)
