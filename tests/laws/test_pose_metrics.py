"""What must be true of the metrics of poses."""

from dataclasses import replace

import numpy as np
import pytest

from pixelwise.metrics.coco import score_coco
from pixelwise.metrics.likeness import Likeness
from pixelwise.metrics.pck import Rulers
from pixelwise.metrics.poses import PoseMetric, pose_quality
from pixelwise.skeletons import COCO
from pixelwise.types import Category, PixelwiseError, Skeleton
from posed import PEOPLE, as_found, group, people, poses, standing, write_coco

THEIRS = {
    "oks_ap": "AP",
    "oks_ap50": "AP50",
    "oks_ap75": "AP75",
    "oks_ap_medium": "APm",
    "oks_ap_large": "APl",
    "oks_ar": "AR",
    "oks_ar50": "AR50",
    "oks_ar75": "AR75",
}
RANKED = set(THEIRS)
OF_PEOPLE = ("pose_quality", "pose_recall", "pose_precision")
OF_JOINTS = ("pck_20", "pck_10", "pck_05", "joints_found")
ONE = standing(100, 50, 100, 200)
# Its torso: from (175, 94) to (134, 160), and from (125, 94) to (166, 160).
TORSO_PX = np.hypot(41, 66)


def measured(seeds) -> PoseMetric:
    metric = PoseMetric(PEOPLE)
    for seed in seeds:
        metric.update(f"p{seed}", *group(seed), {"patient": f"{seed % 2}"})
    return metric


def of_one(truth, result, categories=PEOPLE) -> dict[str, float]:
    """Every measure of one picture."""
    metric = PoseMetric(categories)
    metric.update("a", truth, result)
    return {name: float(values[0]) for name, values in metric.per_picture().items()}


def moved(pose, **offsets: tuple[float, float]) -> np.ndarray:
    """The pose with some joints, by name, elsewhere."""
    pose = pose.copy()
    for joint, offset in offsets.items():
        pose[COCO.joints.index(joint), :2] += offset
    return pose


def without(pose, *joints: str, mark=0.0) -> np.ndarray:
    """The pose with some joints unlabelled, or not found where ``mark`` is NaN."""
    pose = pose.copy()
    pose[[COCO.joints.index(joint) for joint in joints]] = (mark, mark, 0)
    return pose


@pytest.mark.parametrize("is_dropping", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_what_coco_counts(tmp_path, seed, is_dropping):
    # The first picture holds more than the 20 poses that count. A joint that was not found has no
    # counterpart on an ignored person in COCO's files: there the two rules are not the same.
    options = {"is_dropping": is_dropping, "has_ignored": not is_dropping}
    pictures = [group(10 * seed + number, 8 if number else 26, **options) for number in range(4)]
    assert len(pictures[0][1]) > 20
    metric = PoseMetric(PEOPLE)
    for number, picture in enumerate(pictures):
        metric.update(str(number), *picture)
    ours = metric.compute()["pooled over people"]
    theirs = score_coco(*write_coco(tmp_path, pictures), "keypoints")
    for name, other in THEIRS.items():
        assert ours[name] == pytest.approx(theirs[other], abs=1e-9), name
    assert 0.05 < ours["oks_ap"] < 0.9


def test_the_truth_itself_is_perfect():
    metric = PoseMetric(PEOPLE)
    for seed in range(4):
        truth, _ = group(seed)
        metric.update(str(seed), truth, as_found(truth))
        assert pose_quality(truth, as_found(truth), PEOPLE) == 1
    for average, values in metric.compute().items():
        for name in (*OF_PEOPLE, *OF_JOINTS):
            assert values[name] == 1, (average, name)
        assert values["joint_error_px"] == 0
    pooled = metric.compute()["pooled over people"]
    assert [pooled[name] for name in RANKED] == pytest.approx([1] * len(RANKED))
    for part in metric.by_category(None, resamples=0):
        assert part.scores["joint_oks"].value == part.scores["pck_10"].value == 1


def test_the_metric_of_parts_adds_up_to_the_metric_of_the_whole():
    whole = measured(range(5))
    first, second = measured(range(2)), measured(range(2, 5))
    before = repr(first.compute())
    parts = first + second
    assert repr(parts.rows) == repr(whole.rows) and parts.ids == whole.ids
    assert repr(parts.compute()) == repr(whole.compute())
    assert repr(parts.by_category(None, resamples=9)) == repr(whole.by_category(None, resamples=9))
    assert repr(first.compute()) == before and len(first.ids) == 2


def test_a_value_is_the_same_with_and_without_its_interval():
    metric = measured(range(6))
    values = metric.compute()["pooled over people"]
    for name, interval in metric.pooled(None, seed=3, resamples=300).items():
        assert interval.value == pytest.approx(values[name], nan_ok=True)
        if interval.missing == "equal":  # as many were found in each picture
            assert name in ("oks_ar50", "pose_recall")
        else:
            assert interval.low <= interval.value <= interval.high and interval.low < interval.high
    assert set(metric.names) == set(values) == RANKED | set(metric.per_picture())
    tied = metric.pooled([row.groups["patient"] for row in metric.rows], resamples=300)
    assert tied["pck_20"].num_units == 2 and tied["pck_20"] != metric.pooled(None)["pck_20"]


def test_a_pictures_quality_is_the_same_wherever_it_is_asked():
    metric = measured(range(6))
    values = metric.per_picture()["pose_quality"]
    for seed, value in enumerate(values):
        assert value == pose_quality(*group(seed), PEOPLE)
    assert 0.2 < values.min() < values.max() < 0.9


def test_nobody_there_and_nobody_found_is_1_and_joints_are_not_defined():
    metric = PoseMetric(PEOPLE)
    metric.update("empty", people([]), poses([]))
    values = {name: float(each[0]) for name, each in metric.per_picture().items()}
    assert {values.pop(name) for name in OF_PEOPLE} == {1.0}
    assert np.isnan(list(values.values())).all() and not metric.rows[0].is_missed
    pooled = metric.compute()["pooled over people"]
    assert pooled["pose_quality"] == 1 and all(np.isnan(pooled[name]) for name in RANKED)
    assert PoseMetric(PEOPLE).compute()["pooled over people"]["pose_quality"] == 1


def test_one_side_empty_scores_0():
    missed, invented = of_one(people([ONE]), poses([])), of_one(people([]), poses([ONE]))
    assert missed["pose_quality"] == invented["pose_quality"] == 0
    assert (missed["pose_recall"], missed["pose_precision"]) == (0, 1)
    assert (invented["pose_recall"], invented["pose_precision"]) == (1, 0)
    assert [missed[name] for name in OF_JOINTS] == [0] * 4 and np.isnan(missed["joint_error_px"])
    assert all(np.isnan(invented[name]) for name in OF_JOINTS)


def test_pose_quality_worked_out_by_hand():
    other = standing(400, 50, 100, 200)
    # One found with two joints lost of 17, one missed, one invented.
    found = without(ONE, "nose", "left_wrist", mark=np.nan)
    result = poses([found, standing(250, 150, 80, 200)])
    assert pose_quality(people([ONE, other]), result, PEOPLE) == pytest.approx((15 / 17) / 2)


def test_unlabelled_people_are_not_missed_and_excuse_what_lies_on_them():
    box = [(400, 50, 500, 250)]
    nobody = np.zeros((1, 17, 3))
    there, elsewhere = standing(410, 60, 80, 170), standing(20, 150, 80, 170)
    for crowd in ([], [0]):
        truth = people(nobody, boxes=box, crowd=crowd)
        assert pose_quality(truth, poses([]), PEOPLE) == 1
        assert pose_quality(truth, poses([there]), PEOPLE) == 1
        # Half a pose lies there as wholly as a whole one.
        half = without(there, *COCO.joints[:9], mark=np.nan)
        assert pose_quality(truth, poses([half]), PEOPLE) == 1
        assert pose_quality(truth, poses([elsewhere]), PEOPLE) == 0
    # A crowd with labelled joints is a crowd all the same.
    assert pose_quality(people([there], crowd=[0]), poses([there]), PEOPLE) == 1


def test_ignore_regions_excuse_poses_in_every_measure():
    """As LSP and MPII mark one of several people: what lies apart from them is 255."""
    known, others = standing(20, 60, 80, 170), [standing(x, 60, 80, 170) for x in (200, 320)]
    truth = people([known])
    void = truth.semantic.copy()
    void[:, 130:] = 255
    scores = np.array([0.9, 0.95, 0.8], np.float32)
    for semantic, expected in ((truth.semantic, 1 / 3), (void, 1.0)):
        metric = PoseMetric(PEOPLE)
        result = poses([*others, known])
        metric.update("a", replace(truth, semantic=semantic), replace(result, scores=scores))
        found = metric.pooled(None, resamples=0)
        for name in ("oks_ap", "oks_ap50", "pose_precision"):
            assert found[name].value == pytest.approx(expected), name
        assert found["pose_recall"].value == 1
    # A pose with less than half of its joints in it is held against the model.
    beside = standing(80, 60, 80, 170)
    assert 0 < (beside[:, 0] > 130).mean() < 0.5
    metric = PoseMetric(PEOPLE)
    metric.update("a", replace(truth, semantic=void), poses([known, beside]))
    assert metric.rows[0].fp == 1


def test_a_second_pose_of_one_person_does_not_take_the_neighbours():
    neighbour = moved(ONE)
    neighbour[:, 0] += 30
    again = moved(ONE)
    again[:, 0] += 12
    likeness = Likeness.of(people([ONE, neighbour]), poses([ONE, again, neighbour]), PEOPLE)
    rows, columns = likeness.pairs(0.05)
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 0, 1: 2}
    assert likeness.alike[1, 1] > 0.05


def test_pck_worked_out_by_hand():
    # Of 17 joints: one off by 0.15 of the torso, one by 0.3, one not found, one not labelled.
    off = {
        "nose": (0.15 * TORSO_PX, 0),
        "left_knee": (0, -0.3 * TORSO_PX),
        "left_ear": (99, 99),
    }
    truth = people([without(ONE, "left_ear")])
    result = poses([without(moved(ONE, **off), "right_wrist", mark=np.nan)])
    values = of_one(truth, result)
    expected = {"pck_20": 14, "pck_10": 13, "pck_05": 13, "joints_found": 15}
    for name, count in expected.items():
        assert values[name] == pytest.approx(count / 16), name
    assert values["joint_error_px"] == pytest.approx(0.45 * TORSO_PX / 15, rel=1e-5)
    metric = PoseMetric(PEOPLE)
    metric.update("a", truth, result)
    metric.update("b", truth, poses([]))
    parts = {part.value: part for part in metric.by_category(None, resamples=0)}
    assert tuple(parts) == COCO.joints
    scores = {name: each.value for name, each in parts["nose"].scores.items()}
    assert (scores["pck_20"], scores["pck_10"], scores["joints_found"]) == (0.5, 0, 0.5)
    assert scores["joint_error_px"] == pytest.approx(0.15 * TORSO_PX, rel=1e-5)
    assert parts["left_ear"].num_pictures == 0 and parts["nose"].num_pictures == 2
    assert np.isnan(parts["left_ear"].scores["pck_20"].value)
    rows = metric.per_row()
    assert rows["pck_20_nose"].tolist() == [1, 0] and np.isnan(rows["pck_20_left_ear"]).all()


def test_whose_torso_is_unknown_has_no_pck_but_joints_that_are_found():
    truth = people([without(ONE, "left_hip", "right_hip")])
    values = of_one(truth, poses([ONE]))
    assert np.isnan(values["pck_20"])
    assert (values["joints_found"], values["joint_error_px"]) == (1, 0)
    one_side = of_one(people([without(ONE, "left_hip")]), poses([ONE]))
    assert one_side["pck_05"] == 1


def skeleton(*joints: str) -> tuple[Category, ...]:
    count = len(joints)
    bones = Skeleton(joints, ((0, 1),), tuple(range(count)), (0.05,) * count)
    return (PEOPLE[0], Category("thing", (1, 2, 3), is_thing=True, skeleton=bones))


def test_pckh_is_measured_in_heads_where_the_skeleton_has_one():
    categories = skeleton("thorax", "upper_neck", "head_top", "pelvis")
    truth = np.array([[(100, 100, 2), (100, 90, 2), (100, 50, 2), (100, 180, 1)]], np.float32)
    found = truth.copy()
    found[0, 0, 0] += 3  # of a head of 40 px: within a tenth
    found[0, 1, 0] += 19  # within half
    found[0, 3, 0] += 21  # not within half
    box = [(60, 40, 140, 200)]
    values = of_one(
        people(truth, boxes=box, categories=categories),
        poses(found, categories=categories),
        categories,
    )
    assert (values["pckh_50"], values["pckh_10"]) == (0.75, 0.5)
    # No shoulders: the box around the joints, 130 px high.
    assert (values["pck_20"], values["pck_05"]) == (1, 0.5)
    assert "pckh_50" not in PoseMetric(PEOPLE).names


@pytest.mark.parametrize(
    ("joints", "diagonals", "head"),
    [
        (COCO.joints, 2, None),
        (("Left Shoulder", "Right Hip", "neck", "top_head"), 1, (2, 3)),
        (("l_shoulder", "r_shoulder", "lhip", "RHIP", "thorax", "Head-Top"), 2, (4, 5)),
        (("neck", "upper neck", "head top"), 0, (1, 2)),
        (("wrist", "thumb_tip"), 0, None),
    ],
)
def test_rulers_are_found_by_the_names_of_joints(joints, diagonals, head):
    rulers = Rulers.of(joints)
    assert (len(rulers.diagonals), rulers.head) == (diagonals, head)
    assert len(list(rulers.words(joints))) == 1 + (head is not None)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(PixelwiseError, match="must have one size"):
        pose_quality(people([ONE]), poses([ONE], size_hw=(10, 10)), PEOPLE)
    with pytest.raises(PixelwiseError, match="17 joints and the poses 4"):
        pose_quality(people([ONE]), poses(np.ones((1, 4, 3))), PEOPLE)
    with pytest.raises(PixelwiseError, match="No category has joints"):
        PoseMetric(PEOPLE[:1])
