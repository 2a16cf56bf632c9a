"""Who is who: ids stay with people who walk, pass, hide and come back."""

from dataclasses import replace

import numpy as np
import pytest

from following import Tally, by_boxes, ours
from pixelwise.skeletons import COCO
from pixelwise.tracking import Tracker
from pixelwise.types import PixelwiseError, Poses
from walkers import PEOPLE, film

rng = np.random.default_rng(0)
BODY = rng.uniform((-20, 20), (20, 180), (17, 2))


def poses(*places) -> Poses:
    """The same body at some (x, y)."""
    keypoints = np.ones((len(places), 17, 3), np.float32)
    for index, place in enumerate(places):
        keypoints[index, :, :2] = BODY + place
    return Poses(keypoints, np.ones(len(places), np.float32), PEOPLE, (300, 600))


def ids(*frames, **settings) -> list[list[int]]:
    follow = Tracker(COCO, 25, smooth=False, **settings)
    return [follow(poses(*places)).ids.tolist() for places in frames]


def test_ids_stay_with_people_whatever_their_order():
    assert ids([(0, 0), (200, 0)], [(202, 0), (3, 0)], [(6, 0), (204, 0)]) == [
        [1, 2],
        [2, 1],
        [1, 2],
    ]


def test_people_who_pass_through_each_other_keep_their_ids():
    found = ids(*([(8 * t, 0), (400 - 8 * t, 3)] for t in range(51)))
    assert found == [[1, 2]] * 51


def test_somebody_hidden_for_a_while_comes_back_where_they_were_going():
    shown = [*range(20), *range(38, 50)]
    follow = Tracker(COCO, 25, smooth=False)
    found = [follow(poses((5 * t, 0)) if t in shown else poses()).ids.tolist() for t in range(50)]
    assert found == [[1] if t in shown else [] for t in range(50)]
    stranger = [*([(5 * t, 0)] for t in range(20)), *[[]] * 18, *[[(400, 0)]] * 5]
    assert ids(*stranger)[-1] == [2]


def test_after_more_than_a_second_it_is_somebody_new():
    assert ids(*[[(0, 0)]] * 5, *[[]] * 24, [(0, 0)])[-1] == [1]
    assert ids(*[[(0, 0)]] * 5, *[[]] * 26, *[[(0, 0)]] * 3)[-1] == [2]


def test_who_is_seen_once_is_nobody():
    there = [(0, 0)]
    found = ids(there, [*there, (300, 0)], there, *[[*there, (200, 0)]] * 4)
    assert found == [[1], [1, -1], [1], [1, -1], [1, -1], [1, 2], [1, 2]]


def test_joints_found_in_one_of_two_frames_do_not_count():
    follow = Tracker(COCO, 25, smooth=False)
    first, second = poses((0, 0), (200, 0)), poses((2, 0), (202, 0))
    for pose, missing in ((first, slice(0, 8)), (second, slice(5, 14))):
        pose.keypoints[0, missing] = (np.nan, np.nan, 0)
    assert follow(first).ids.tolist() == follow(second).ids.tolist() == [1, 2]


def test_scale_and_frame_rate_do_not_matter():
    shot = film("passing", 3, seconds=3)
    plain = ours(shot)
    larger = [replace(each, keypoints=each.keypoints * (4, 4, 1)) for each in shot.seen]
    for one, other in zip(ours(replace(shot, seen=tuple(larger))), plain, strict=True):
        assert np.array_equal(one, other)
    follow = Tracker(COCO, 1, smooth=False)
    timed = [follow(each, time / 25).ids for time, each in enumerate(shot.seen)]
    assert all(np.array_equal(one, other) for one, other in zip(timed[1:], plain[1:], strict=True))


def test_smoothing_moves_joints_and_nothing_else():
    shot = film("standing", 0, seconds=2)
    smooth, raw = Tracker(COCO, 25), Tracker(COCO, 25, smooth=False)
    apart = {True: [], False: []}
    for frame, whose, truth in zip(shot.seen, shot.whose, shot.truth, strict=True):
        before = frame.keypoints.copy()
        one, other = smooth(frame), raw(frame)
        assert np.array_equal(frame.keypoints, before, equal_nan=True) and frame.ids is None
        assert np.array_equal(one.ids, other.ids) and one.keypoints.dtype == np.float32
        assert np.array_equal(one.found, frame.found)
        assert np.array_equal(np.isnan(one.keypoints), np.isnan(frame.keypoints))
        assert np.array_equal(other.keypoints, frame.keypoints, equal_nan=True)
        for is_smooth, result in ((True, one), (False, other)):
            off = result.keypoints[whose >= 0, :, :2] - truth[whose[whose >= 0]]
            apart[is_smooth].append(np.linalg.norm(off, axis=-1).ravel())
    means = {key: np.nanmean(np.concatenate(value)) for key, value in apart.items()}
    assert means[True] < 0.85 * means[False]


def test_nobody_at_all_and_poses_without_joints():
    follow = Tracker(COCO, 25)
    assert len(follow(poses()).ids) == 0
    lost = poses((0, 0))
    lost.keypoints[:] = (np.nan, np.nan, 0)
    for _ in range(5):
        found = follow(lost)
    assert found.ids.shape == (1,)


def test_what_cannot_be_followed_is_said():
    with pytest.raises(PixelwiseError, match="a number above 0, not 0"):
        Tracker(COCO, 0)
    follow = Tracker(COCO, 25)
    with pytest.raises(PixelwiseError, match=r"has 17 joints, and the poses have 5"):
        follow(Poses(np.ones((1, 5, 3), np.float32), np.ones(1, np.float32), PEOPLE, (9, 9)))
    follow(poses((0, 0)), 1.0)
    with pytest.raises(PixelwiseError, match="A frame at 1 s cannot follow one at 1 s"):
        follow(poses((0, 0)), 1.0)


def test_made_up_people_are_confused_less_than_by_their_boxes():
    tallies = {}
    for follow in (ours, by_boxes):
        tallies[follow] = Tally()
        for scene in ("passing", "pillar"):
            shot = film(scene, 1, seconds=5)
            tallies[follow].add(shot, follow(shot))
    mine, boxes = tallies[ours], tallies[by_boxes]
    assert mine.switches <= 0.3 * boxes.switches and mine.idf1 > boxes.idf1 + 0.1
    assert mine.mota > 0.93
