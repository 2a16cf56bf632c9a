"""What is wrong with joints is found where it was put, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from pixelwise.madeup.people import CATEGORIES, SKELETON, draw_people
from pixelwise.people import People, joint_census, measure_people
from pixelwise.types import Annotation

DOUBTS = ("outside", "far", "same_place", "twins", "twisted", "mirrored")
SIZE_HW = (300, 200)
# A person from the front, in the order of COCO's joints: the left side is on the right.
FRONT = np.array(
    [
        *[(100, 40), (105, 35), (95, 35), (112, 38), (88, 38), (125, 80), (75, 80)],
        *[(135, 120), (65, 120), (140, 160), (60, 160), (115, 160), (85, 160)],
        *[(116, 210), (84, 210), (117, 260), (83, 260)],
    ],
    np.float32,
)
LEFT, RIGHT = np.arange(1, 17, 2), np.arange(2, 17, 2)


def person(xy: np.ndarray = FRONT, state: int = 2) -> np.ndarray:
    return np.column_stack([xy, np.full(len(xy), state, np.float32)])


def beside(right_px: float) -> np.ndarray:
    return person(FRONT + np.array([right_px, 0], np.float32))


def swapped(joints: np.ndarray, *pairs: int) -> np.ndarray:
    """With the left and right joints of these pairs changed over, by their left ones."""
    found = joints.copy()
    for left in pairs:
        found[[left, left + 1]] = found[[left + 1, left]]
    return found


def of(*people: np.ndarray, crowd: list[bool] | None = None) -> People:
    """Measured, each of them with the box of `FRONT`."""
    box = np.array([[50, 20, 150, 280]] * len(people), np.float32)
    annotation = Annotation(
        np.zeros(SIZE_HW, np.uint8),
        labels=np.full(len(people), 5, np.int64),
        crowd=np.array(crowd or [False] * len(people)),
        keypoints=np.array(people, np.float32),
        boxes=box,
    )
    found = measure_people(annotation, CATEGORIES)
    assert found is not None
    return found


def doubts(found: People) -> dict[str, int]:
    return {name: number for name in DOUBTS if (number := getattr(found, f"num_{name}"))}


def moved(joint: int, x: float, y: float, state: int = 2) -> np.ndarray:
    found = person()
    found[joint] = x, y, state
    return found


def test_who_stands_there_raises_no_doubt():
    assert not doubts(of(person())) and not doubts(of(person(state=1)))


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ([moved(9, 205, 160)], {"outside": 1}),
        ([moved(9, 200.5, 160)], {}),
        ([moved(15, 900, 900, 0)], {}),
        ([moved(16, -90, 20)], {"outside": 1, "far": 1}),
        ([moved(16, -90, 20, 1)], {"outside": 1}),
        ([moved(9, 135.2, 121)], {}),
        ([moved(9, 135.2, 120.2)], {"same_place": 1}),
        ([person(), beside(1)], {"twins": 1}),
        ([person(), beside(30)], {}),
        ([swapped(person(), 5)], {"twisted": 1}),
        ([swapped(person(), 11)], {"twisted": 1}),
        ([swapped(person(), *LEFT)], {"mirrored": 1}),
        ([swapped(person(state=1), *LEFT)], {}),
    ],
    ids=[
        *("outside", "at the edge", "unknown", "far", "far and hidden", "near", "same place"),
        *("twice", "beside", "shoulders", "hips", "all sides", "from behind"),
    ],
)
def test_each_doubt_is_counted(people, expected):
    assert doubts(of(*people)) == expected


def test_turned_upside_down_and_lying_sides_stay_what_they_are():
    for quarter in range(4):
        angle = quarter * np.pi / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        xy = (FRONT - 150) @ turn.T + 150
        found = of(person(xy))
        assert (found.num_twisted, found.num_mirrored) == (0, 0)
        found = of(swapped(person(xy), *LEFT))
        assert (found.num_twisted, found.num_mirrored) == (0, 1)


def test_a_pose_that_lies_on_another_is_a_twin_though_it_has_fewer_joints():
    few = person()
    few[5:, 2] = 0
    assert of(person(), few).num_twins == 1
    few[2:, 2] = 0
    assert of(person(), few).num_twins == 0


def test_crowds_are_left_out():
    found = of(person(), person(), crowd=[False, True])
    assert len(found) == 1 and not doubts(found)


def test_nobody_is_measured_where_nobody_can_have_joints():
    annotation = Annotation(np.zeros(SIZE_HW, np.uint8))
    assert measure_people(annotation, CATEGORIES[:5]) is None
    assert joint_census([None], CATEGORIES[:5]) is None


def test_a_census_counts_people_and_joints():
    few = person()
    few[3:, 2], few[0, 2] = 0, 1
    none = person(state=0)
    found = joint_census([of(person(), few, none), of(none), of(few)], CATEGORIES)
    assert found is not None
    assert (found.num_people, found.num_pictures, found.per_picture) == (3, 2, (1, 2))
    assert (found.labelled["nose"], found.hidden["nose"]) == (3, 2)
    assert (found.labelled["left_hip"], found.hidden["left_hip"]) == (1, 0)
    assert found.num_joints == 3 * 17


# --- made-up people ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["plain", "varied"])
def scenes(request) -> list[Annotation]:
    return [draw_people(2, index, variety=request.param).annotation for index in range(8)]


def test_made_up_people_raise_no_doubt(scenes):
    for annotation in scenes:
        found = measure_people(annotation, CATEGORIES)
        assert found is not None and len(found) and not doubts(found)


def test_sides_that_were_changed_are_found(scenes):
    counts = np.zeros(4, int)
    for annotation in scenes:
        assert annotation.keypoints is not None
        shoulders = annotation.keypoints.copy()
        shoulders[:, [5, 6]] = shoulders[:, [6, 5]]
        mirrored = annotation.keypoints[:, list(SKELETON.mirrored)]
        found, every = (
            measure_people(replace(annotation, keypoints=joints), CATEGORIES)
            for joints in (shoulders, mirrored)
        )
        assert found is not None and every is not None
        states = every.states
        has_trunk = (states[:, [5, 6, 11, 12]] > 0).all(axis=1)
        has_face = (states[:, [1, 2]] == 2).all(axis=1) & (states[:, [5, 6]] > 0).all(axis=1)
        counts += found.num_twisted, has_trunk.sum(), every.num_mirrored, has_face.sum()
    twisted, trunks, mirrored, faces = counts
    # Measured on 1,059 people: 72 % of those with a trunk and 97 % of those with a face.
    assert twisted > 0.5 * trunks > 0 and mirrored > 0.85 * faces > 0
