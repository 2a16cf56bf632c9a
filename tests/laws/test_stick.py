"""Skeletons drawn: what is coloured, how, and what is left alone."""

import colorsys
from itertools import pairwise

import numpy as np
import pytest

from figures import people, standing, without
from pixelwise import stick
from pixelwise.skeletons import COCO
from pixelwise.types import Skeleton

GREY = np.full((240, 400, 3), 128, np.uint8)
CHAIN = Skeleton(("a", "b", "c"), ((0, 1), (1, 2)), (0, 1, 2), (0.05,) * 3)


def hue(color) -> float:
    return colorsys.rgb_to_hsv(*(value / 255 for value in color))[0]


def hue_apart(one, two) -> float:
    apart = abs(hue(one) - hue(two))
    return min(apart, 1 - apart)


def figure(scale: float = 1.0) -> np.ndarray:
    """(1, 17, 3) in the middle of the picture."""
    return standing()[None] * np.float32([scale, scale, 1]) + np.float32([150, 20, 0])


def chain(*places: tuple[float, float, float]) -> np.ndarray:
    return np.array([places], np.float32)


def skeletons(image, keypoints, skeleton, third="score", **how):
    return stick.skeletons(image, keypoints, skeleton, third, **how)


def changed(drawn: np.ndarray) -> np.ndarray:
    return (drawn != GREY).any(axis=-1)


def test_nothing_drawn_on_is_changed_and_the_same_is_drawn_again():
    keypoints, kept = people(5).keypoints, people(5).keypoints
    first = skeletons(GREY, keypoints, COCO, ids=[1, 2, 3, 4, 5])
    again = skeletons(GREY, keypoints, COCO, ids=[1, 2, 3, 4, 5])
    assert np.array_equal(first, again) and changed(first).any()
    assert (GREY == 128).all() and np.array_equal(keypoints, kept)


@pytest.mark.parametrize("ids", [None, ()])
def test_nobody_leaves_the_picture_as_it_is(ids):
    drawn = skeletons(GREY, np.zeros((0, 17, 3), np.float32), COCO, ids=ids)
    assert np.array_equal(drawn, GREY) and drawn is not GREY


def test_a_limb_has_its_colour_along_its_middle_and_nothing_beside_it():
    keypoints = figure()
    drawn = skeletons(GREY, keypoints, COCO)
    colors = stick.joint_colors(COCO)
    for one, two in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
        for side in ("left", "right"):
            start, stop = (COCO.joints.index(f"{side}_{name}") for name in (one, two))
            x, y = keypoints[0, [start, stop], :2].mean(axis=0)
            here = drawn[int(y), int(x)]
            assert hue_apart(here, colors[stop]) < 0.02, (side, two)
            assert (drawn[int(y), int(x) + 12] == 128).all() or one == "hip"
    assert not changed(drawn)[:, :140].any() and not changed(drawn)[:, 245:].any()


def test_a_joint_s_middle_has_its_colour_to_a_fraction_of_a_pixel():
    for x in (60.5, 60.75, 61.0, 61.25):
        drawn = skeletons(GREY, chain((x, 80.5, 1), (200, 80.5, 1), (0, 0, 0)), CHAIN)
        amount = np.abs(drawn[:, :70].astype(float) - 128).sum(axis=-1)[70:90]
        columns = np.arange(70) + 0.5
        edge = columns[amount.sum(axis=0) > 0].min()
        assert edge == pytest.approx(x - 4, abs=1)
    steps = [
        skeletons(GREY, chain((x, 80, 1), (200, 80, 1), (0, 0, 0)), CHAIN)
        for x in (60, 60.25, 60.5, 60.75)
    ]
    assert all((one != two).any() for one, two in pairwise(steps))


def test_a_disc_lies_around_its_joint_evenly():
    # The middle of pixel 80 is 80.5: what is drawn there is the same on all four sides.
    keypoints = chain((80.5, 80.5, 1), (0, 0, 0), (0, 0, 0))
    drawn = skeletons(GREY, keypoints, CHAIN)[60:101, 60:101].astype(int)
    for other in (drawn[::-1], drawn[:, ::-1], drawn.transpose(1, 0, 2)):
        assert np.abs(drawn - other).max() <= 40
    rows, columns = np.nonzero((drawn != 128).any(axis=-1))
    assert rows.mean() == pytest.approx(20) and columns.mean() == pytest.approx(20)


@pytest.mark.parametrize("value", [(np.nan, np.nan, 0), (190, 90, 0), (0, 0, 0)])
def test_a_missing_joint_and_its_limbs_are_not_drawn(value):
    whole = figure()
    gone = whole.copy()
    gone[0, COCO.joints.index("left_wrist")] = value
    drawn = skeletons(GREY, gone, COCO)
    x, y = whole[0, COCO.joints.index("left_wrist"), :2].astype(int)
    assert (drawn[y - 12 : y + 12, x - 3 : x + 12] == 128).all()
    assert (skeletons(GREY, whole, COCO)[y, x] != 128).any()
    # Nor where a place is left over.
    assert (drawn[80:100, 185:196] == 128).all() and (drawn[:8, :8] == 128).all()


def test_joints_outside_the_picture_draw_what_is_inside():
    far = figure() + np.float32([300, -100, 0])
    drawn = skeletons(GREY, far, COCO)
    assert not changed(drawn)[:, :280].any()
    for away in (9e4, -1e12, 1e30):
        gone = figure() + np.float32([away, 0, 0])
        assert np.array_equal(skeletons(GREY, gone, COCO), GREY)


@pytest.mark.parametrize(
    ("third", "sure", "unsure"), [("score", 1.0, 0.2), ("visibility", 2.0, 1.0)]
)
def test_what_is_hidden_or_hardly_sure_is_fainter(third, sure, unsure):
    keypoints = figure()
    keypoints[..., 2] = sure
    strong = skeletons(GREY, keypoints, COCO, third)
    ankle = COCO.joints.index("left_ankle")
    keypoints[0, ankle, 2] = unsure
    weak = skeletons(GREY, keypoints, COCO, third)
    x, y = keypoints[0, ankle, :2].astype(int)
    shin = keypoints[0, [ankle, ankle - 2], :2].mean(axis=0).astype(int)
    for here in ((y, x), (shin[1], shin[0])):
        strength = [np.abs(drawn[here].astype(int) - 128).sum() for drawn in (weak, strong)]
        assert 0 < strength[0] < 0.8 * strength[1]
    nose = tuple(keypoints[0, 0, 1::-1].astype(int))
    assert (weak[nose] == strong[nose]).all()


def test_people_who_are_all_hidden_are_as_faint_as_hidden_ones_beside_others():
    hidden, seen = figure(), figure() + np.float32([100, 0, 1])
    assert (hidden[..., 2] == 1).all() and (seen[..., 2] == 2).all()
    alone = skeletons(GREY, hidden, COCO, "visibility")
    beside = skeletons(GREY, np.concatenate([hidden, seen]), COCO, "visibility")
    left = slice(None), slice(100, 240)
    assert changed(alone)[left].any() and np.array_equal(alone[left], beside[left])
    full = skeletons(GREY, hidden + np.float32([0, 0, 1]), COCO, "visibility")
    assert np.abs(full.astype(int) - 128).sum() > 1.3 * np.abs(alone.astype(int) - 128).sum()


def test_right_and_left_differ_and_neighbours_on_the_body_are_near():
    colors = dict(zip(COCO.joints, stick.joint_colors(COCO), strict=True))
    assert len(set(colors.values())) == 17
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "ear"):
        assert hue_apart(colors[f"left_{part}"], colors[f"right_{part}"]) > 0.1
    for side in ("left", "right"):
        for one, two in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee")):
            assert hue_apart(colors[f"{side}_{one}"], colors[f"{side}_{two}"]) < 0.1


def test_any_skeleton_is_drawn_and_may_have_one_colour():
    joints = tuple(str(number) for number in range(40))
    hand = Skeleton(joints, ((0, 1), (1, 2)), tuple(range(40)), (0.05,) * 40)
    assert len(set(stick.joint_colors(hand))) == 40
    bare = Skeleton(("only",), (), (0,), (0.05,))
    assert changed(skeletons(GREY, chain((30, 30, 1)), bare)).sum() > 3
    one = skeletons(GREY, figure(), COCO, color=(60, 190, 255))
    assert not ((one[..., 0] > 140) & (one[..., 2] < 120)).any()


def test_lines_grow_with_the_person():
    areas = [changed(skeletons(GREY, figure(scale), COCO)).sum() for scale in (0.25, 0.5, 1)]
    # Twice as large is more than twice as many pixels: longer limbs, and wider ones.
    assert areas[1] > 2.2 * areas[0] and areas[2] > 2.2 * areas[1]


def test_the_first_lies_on_top():
    # Two crossing limbs, and the colour of their ends.
    level = chain((100, 100, 1), (200, 100, 1), (0, 0, 0))
    upright = chain((150, 50, 1), (0, 0, 0), (150, 150, 1))
    cross = Skeleton(("a", "b", "c"), ((0, 1), (0, 2)), (0, 1, 2), (0.05,) * 3)
    colors = stick.joint_colors(cross)
    drawn = skeletons(GREY, np.concatenate([level, upright]), cross)
    assert hue_apart(drawn[100, 150], colors[1]) < hue_apart(drawn[100, 150], colors[2])
    drawn = skeletons(GREY, np.concatenate([upright, level]), cross)
    assert hue_apart(drawn[100, 150], colors[2]) < hue_apart(drawn[100, 150], colors[1])


def test_numbers_stand_above_people_and_inside_the_picture():
    keypoints = figure(0.5) + np.float32([0, 60, 0])
    plain = skeletons(GREY, keypoints, COCO)
    numbered = skeletons(GREY, keypoints, COCO, ids=[47])
    rows, columns = np.nonzero((plain != numbered).any(axis=-1))
    assert rows.max() <= keypoints[0, :, 1].min()
    # The eyes are the highest: the number is above one of them.
    assert abs(columns.mean() - keypoints[0, 1:3, 0].mean()) < 8
    high = np.full_like(keypoints, 0) + keypoints - np.float32([175, 85, 0])
    corner = skeletons(GREY, high, COCO, ids=[47]) != skeletons(GREY, high, COCO)
    assert corner.any(axis=-1).sum() == pytest.approx(len(rows), abs=len(rows) / 4)


def test_somebody_without_any_joint_has_no_number():
    nobody = without(people(1), 0, *COCO.joints)
    assert np.array_equal(skeletons(GREY, nobody.keypoints, COCO, ids=[3]), GREY)
