"""Heatmaps and fields: where they have which values, what is masked, and what wrong ones cost."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components

from perfect import logit
from pixelwise.geometry import Warp, translation
from pixelwise.limbs import Limbs
from pixelwise.losses import heatmap
from pixelwise.madeup.people import CATEGORIES, make_people
from pixelwise.maps import peaks
from pixelwise.skeletons import COCO
from pixelwise.tasks import pose
from pixelwise.tasks._fields import PRIOR, encode, fields, limb_loss, tops
from pixelwise.types import Annotation, Category, PixelwiseError, Skeleton

LOSS = {"joint": 1.0, "limb": 1.0}
BEAD = Skeleton(("bead",), (), (0,), (0.05,))
# An animal seen from the side: nothing of it has a left and a right.
FISH = Skeleton(
    ("mouth", "fin", "back", "tail"), ((0, 2), (2, 3), (1, 2)), (0, 1, 2, 3), (0.05,) * 4
)
# Hips and hands, and a limb between the hips that a mirror image runs through backwards.
FORK = Skeleton(
    ("left_hip", "right_hip", "left_hand", "right_hand"),
    ((0, 1), (0, 2), (1, 3)),
    (1, 0, 3, 2),
    (0.1, 0.1, 0.05, 0.05),
)


def kinds(skeleton: Skeleton) -> tuple[Category, ...]:
    return (
        Category("background", (0, 0, 0)),
        Category("animal", (230, 159, 0), is_thing=True, skeleton=skeleton),
    )


def boxed(keypoints, boxes, skeleton=FORK, size_hw=(64, 96), crowd=None) -> Annotation:
    """People of whom the joints are known, and a box each."""
    joints = np.array(keypoints, np.float32).reshape(-1, len(skeleton.joints), 3)
    return Annotation(
        np.zeros(size_hw, np.uint8),
        labels=np.ones(len(joints), np.int64),
        crowd=np.zeros(len(joints), np.bool_) if crowd is None else np.array(crowd),
        keypoints=joints,
        mirrored=skeleton.mirrored,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
    )


KNOWN_BOX, OTHER_BOX = [10, 10, 40, 50], [50, 20, 80, 60]
KNOWN = [[20, 20, 2], [30, 20, 2], [15, 40, 2], [35, 40, 1]]
NOBODY = [[0, 0, 0]] * 4


def outlined(annotation: Annotation) -> Annotation:
    """The boxes as pixels, a layer each."""
    layers = np.zeros((len(annotation), *annotation.size_hw), np.uint16)
    for number, (left, top, right, bottom) in enumerate(annotation.boxes.astype(int)):
        layers[number, top:bottom, left:right] = number + 1
    return replace(annotation, layers=layers, boxes=None)


def targets_of(annotation, skeleton=FORK, factor=1):
    return encode(annotation, kinds(skeleton), skeleton, Limbs.of(skeleton), factor)


def batch_of(*encoded):
    return {n: torch.from_numpy(np.stack([one[n] for one in encoded])) for n in encoded[0]}


def random_people(seed, count=5, size_hw=(40, 56)):
    """Joints of `FORK` in and around maps, in map pixels."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform((-10, -10), (size_hw[1] + 10, size_hw[0] + 10), (count, 4, 2))
    is_known = rng.random((count, 4)) < 0.8
    return xy, is_known, rng.uniform(1, 4, (count, 4)), rng.uniform(1, 3, count)


def grid(size_hw):
    """(h, w, 2) x and y of the middle of every pixel."""
    return np.stack(np.meshgrid(np.arange(size_hw[1]) + 0.5, np.arange(size_hw[0]) + 0.5), -1)


@pytest.mark.parametrize("seed", range(3))
def test_tops_are_the_highest_of_all_gaussians(seed):
    """Against every Gaussian at every pixel, one joint after the other."""
    size_hw = (40, 56)
    xy, is_known, sigma, _ = random_people(seed)
    expected = np.zeros((4, *size_hw))
    for person, joint in zip(*np.nonzero(is_known), strict=True):
        place = xy[person, joint]
        if not ((place >= 0) & (place < (56, 40))).all():
            continue
        distance = ((grid(size_hw) - place) ** 2).sum(axis=-1)
        gaussian = np.exp(-distance / (2 * sigma[person, joint] ** 2))
        expected[joint] = np.maximum(expected[joint], gaussian)
    found = tops(xy, is_known, sigma, size_hw)
    assert found.dtype == np.float32 and found.max() > 0.9
    # What is farther away than patches reach is at most so high.
    np.testing.assert_allclose(found, expected, atol=1.1e-3)
    near = expected > 2e-3
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_fields_are_the_mean_of_all_limbs(seed):
    """Against every limb's distance from every pixel, one after the other."""
    size_hw, limbs = (40, 56), Limbs.of(FORK)
    xy, is_known, _, width = random_people(seed)
    total = np.zeros((len(limbs), *size_hw))
    sums = np.zeros((len(limbs), 2, *size_hw))
    for number, (one, two) in enumerate(limbs.ends):
        for person in np.flatnonzero(is_known[:, one] & is_known[:, two]):
            start, way = xy[person, one], xy[person, two] - xy[person, one]
            unit, length = way / np.linalg.norm(way), np.linalg.norm(way)
            passed = np.clip((grid(size_hw) - start) @ unit, 0, length)
            nearest = start + passed[..., None] * unit
            distance = np.linalg.norm(grid(size_hw) - nearest, axis=-1)
            share = np.clip(width[person] + 0.5 - distance, 0, 1)
            total[number] += share
            sums[number] += share * unit[::-1, None, None]
    expected = (sums / np.maximum(total, 1)[:, None]).reshape(-1, *size_hw)
    found, covered = fields(xy, is_known, width, limbs, size_hw)
    assert (total > 1.5).any(), "no two limbs cross"
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(covered, np.minimum(total.max(axis=0), 1), atol=1e-4)


def test_a_top_lies_where_its_joint_is_to_a_small_part_of_a_pixel():
    rng = np.random.default_rng(0)
    xy = rng.uniform(8, 40, (50, 1, 1, 2))
    for place in xy:
        heat = tops(place, np.ones((1, 1), bool), np.full((1, 1), 1.3), (48, 48))
        _, found, _ = peaks(np.log(np.maximum(heat, 1e-4)), -1.0)
        np.testing.assert_allclose(found, place[0], atol=0.05)


def test_tops_that_are_close_stay_apart():
    """A sum would be highest between two that are three pixels apart."""
    xy = np.array([[[20.5, 20.5]], [[23.5, 20.5]]])
    heat = tops(xy, np.ones((2, 1), bool), np.full((2, 1), 1.5), (40, 48))
    assert heat.max() == 1
    _, found, _ = peaks(np.log(np.maximum(heat, 1e-4)), -1.0)
    np.testing.assert_allclose(sorted(found[:, 0]), [20.5, 23.5], atol=0.3)


def test_a_field_has_length_1_inside_and_fades_at_the_edge():
    limbs = Limbs.of(Skeleton(("a", "b"), ((0, 1),), (0, 1), (0.05, 0.05)))
    xy = np.array([[[10.0, 20.5], [30.0, 20.5]]])
    (y, x), covered = fields(xy, np.ones((1, 2), bool), np.array([1.5]), limbs, (40, 48))
    assert not y.any()
    np.testing.assert_allclose(x[17:25, 20], [0, 0, 1, 1, 1, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(covered, x)
    # Seen from the other end the vector is turned; half a pixel on it covers half.
    back, _ = fields(xy[:, ::-1], np.ones((1, 2), bool), np.array([1.5]), limbs, (40, 48))
    np.testing.assert_allclose(back[1], -x, atol=1e-6)
    half, _ = fields(xy - (0, 0.5), np.ones((1, 2), bool), np.array([1.5]), limbs, (40, 48))
    np.testing.assert_allclose(half[1, 17:24, 20], [0, 0.5, 1, 1, 0.5, 0, 0], atol=1e-6)


def test_where_two_people_cross_the_field_is_the_mean_of_theirs():
    limbs = Limbs.of(Skeleton(("a", "b"), ((0, 1),), (0, 1), (0.05, 0.05)))
    across, down = [[10.5, 20.5], [30.5, 20.5]], [[20.5, 10.5], [20.5, 30.5]]
    xy, known = np.array([across, down]), np.ones((2, 2), bool)
    field, covered = fields(xy, known, np.array([1.0, 1.0]), limbs, (40, 48))
    np.testing.assert_allclose(field[:, 20, 20], [0.5, 0.5])
    np.testing.assert_allclose(field[:, 20, 14], [0, 1])
    np.testing.assert_allclose(field[:, 14, 20], [1, 0])
    assert covered.max() == 1
    # Three that lie on each other are as long as one.
    field, _ = fields(np.array([across] * 3), np.ones((3, 2), bool), np.ones(3), limbs, (40, 48))
    np.testing.assert_allclose(field[:, 20, 20], [0, 1])


def test_what_leaves_the_maps_has_its_part_in_them():
    limbs = Limbs.of(Skeleton(("a", "b"), ((0, 1),), (0, 1), (0.05, 0.05)))
    known = np.ones((1, 2), bool)
    xy = np.array([[[10.5, 8.5], [1e5, 8.5]]])
    heat = tops(xy, known, np.ones((1, 2)), (16, 24))
    field, _ = fields(xy, known, np.ones(1), limbs, (16, 24))
    assert heat[0].max() == 1 and not heat[1].any()
    np.testing.assert_allclose(field[1, 8, 11:], 1, atol=1e-6)
    point = np.array([[[10.5, 8.5], [10.5, 8.5]]])
    field, covered = fields(point, known, np.ones(1), limbs, (16, 24))
    assert not field.any() and not covered.any()


def test_without_an_ear_or_an_elbow_or_a_knee_a_skeleton_still_holds_together():
    limbs = Limbs.of(COCO)
    names = {tuple(sorted(COCO.joints[end] for end in limb)) for limb in limbs.ends}
    for side in ("left", "right"):
        for bridge in (("eye", "shoulder"), ("shoulder", "wrist"), ("ankle", "hip")):
            assert tuple(f"{side}_{name}" for name in bridge) in names
    assert len(limbs) == len(names) == len(COCO.limbs) + 6
    # All but the trunk's corners, from which two limbs or more lead on.
    for joint in (
        k for k, name in enumerate(COCO.joints) if not name.endswith(("shoulder", "hip"))
    ):
        rest = limbs.ends[(limbs.ends != joint).all(axis=1)]
        graph = np.zeros((17, 17))
        graph[rest[:, 0], rest[:, 1]] = 1
        assert connected_components(graph, directed=False)[0] == 2, COCO.joints[joint]


def test_a_short_limb_has_pixels_still():
    limbs = Limbs.of(Skeleton(("a", "b"), ((0, 1),), (0, 1), (0.05, 0.05)))
    xy = np.array([[[10.0, 8.0], [10.1, 8.0]]])
    field, _ = fields(xy, np.ones((1, 2), bool), np.ones(1), limbs, (16, 24))
    assert (np.hypot(*field) > 0.7).sum() == 4


def test_hidden_joints_are_learned_as_seen_ones_and_unknown_ones_are_not():
    joints = [[20, 20, 2], [40, 20, 1], [20, 40, 0], [40, 50, 1]]
    targets = targets_of(boxed(joints, [10, 10, 50, 60]))
    heights = targets["joint"].max(axis=(1, 2))
    assert (heights[[0, 1, 3]] > 0.7).all() and heights[2] == 0
    has_limb = np.abs(targets["limb"]).reshape(5, -1).any(axis=1)
    # Between the hips, from hip to hand left and right, and across a hip to the other hand.
    assert has_limb.tolist() == [True, False, True, False, True]
    # Its person's pixels are learned from nevertheless.
    assert targets["joint_weight"].min() == 1


def test_tops_grow_with_the_person_and_with_what_annotators_scatter():
    near = [[30, 30, 2], [32, 30, 2], [30, 32, 2], [32, 32, 2]]
    sums = [
        targets_of(boxed(near, [10, 10, 10 + side, 10 + side]))["joint"].sum(axis=(1, 2))
        for side in (10, 40, 400)
    ]
    least, most = 2 * np.pi, 2 * np.pi * 16
    np.testing.assert_allclose(sums[0], least, rtol=0.02)
    np.testing.assert_allclose(sums[1][2:], 2 * np.pi * 0.53 * 40**2 * 0.05**2, rtol=0.02)
    assert (sums[1][:2] > 2 * sums[1][2:]).all() and (sums[2] <= most).all()


def test_who_leaves_the_view_does_not_look_small():
    """The box around all joints counts, where fewer pixels are left than fill it."""
    joints = [[40, 20, 2], [60, 20, 2], [30, 60, 2], [70, 60, 2]]
    annotation = outlined(boxed(joints, [30, 15, 70, 64]))
    moved = Warp(translation(0, -50), (64, 96), (64, 96)).annotation(annotation)
    assert moved.areas_px.tolist() == [560]
    heat = targets_of(moved)["joint"]
    assert not heat[:2].any()
    np.testing.assert_allclose(heat[2:].sum(axis=(1, 2)), 2 * np.pi * 0.05**2 * 0.53 * 40**2, 0.02)


@pytest.mark.parametrize("has_pixels", [True, False])
@pytest.mark.parametrize("crowd", [True, False])
def test_crowds_and_people_without_labelled_joints_are_masked(has_pixels, crowd):
    joints = KNOWN if crowd else NOBODY
    annotation = boxed([KNOWN, joints], [KNOWN_BOX, OTHER_BOX], crowd=[False, crowd])
    alone = boxed([KNOWN], [KNOWN_BOX])
    if has_pixels:
        annotation, alone = outlined(annotation), outlined(alone)
    targets, alone = targets_of(annotation), targets_of(alone)
    expected = np.ones((64, 96))
    expected[20:60, 50:80] = 0
    for name in ("joint", "limb"):
        np.testing.assert_allclose(targets[f"{name}_weight"][0], expected, atol=1e-2)
    np.testing.assert_array_equal(targets["joint"], alone["joint"])
    np.testing.assert_array_equal(targets["limb"], alone["limb"])


def test_void_is_masked_by_its_share():
    annotation = boxed([], [])
    annotation.semantic[:, 46:] = 255
    weight = targets_of(annotation, factor=4)["joint_weight"][0]
    np.testing.assert_allclose(weight[3, 10:14], [1, 0.5, 0, 0])


def test_on_the_joints_and_limbs_of_labelled_people_nothing_is_masked():
    annotation = boxed([KNOWN, NOBODY], [KNOWN_BOX, [0, 0, 96, 64]])
    targets = targets_of(annotation)
    for x, y, _ in KNOWN:
        assert targets["joint_weight"][0, y, x] > 0.7
    assert targets["joint_weight"][0, 60, 90] == 0
    assert targets["limb_weight"][0, 20, 25] == 1 and targets["limb_weight"][0, 30, 25] == 0


AXES = [(), (-1,), (-2,), (-2, -1)]


def mirror_of(annotation: Annotation, axes) -> Annotation:
    height, width = annotation.size_hw
    flip = np.diag([-1.0 if -1 in axes else 1.0, -1.0 if -2 in axes else 1.0, 1.0])
    flip[:2, 2] = [width if -1 in axes else 0, height if -2 in axes else 0]
    return Warp(flip, (height, width), (height, width)).annotation(annotation)


def maps_of(task, annotation, factor=2):
    encoded = batch_of(task.encode(annotation, factor))
    return {name: encoded[name] for name in task.maps}


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("skeleton", [FORK, FISH, BEAD, COCO], ids=["fork", "fish", "bead", "coco"])
def test_maps_of_a_mirrored_picture_come_back_as_those_of_the_picture(skeleton, axes):
    rng = np.random.default_rng(3)
    joints = np.concatenate(
        [
            rng.uniform((4, 4), (92, 60), (4, len(skeleton.joints), 2)),
            rng.integers(0, 3, (4, len(skeleton.joints), 1)),
        ],
        axis=-1,
    )
    annotation = boxed(joints, [[4, 4, 60, 60]] * 4, skeleton)
    task = pose.build(kinds(skeleton), LOSS)
    plain, mirrored = maps_of(task, annotation), maps_of(task, mirror_of(annotation, axes))
    back, there = task.flipped(mirrored, axes), task.flipped(plain, axes)
    for name in task.maps:
        torch.testing.assert_close(back[name], plain[name], atol=2e-3, rtol=0)
        torch.testing.assert_close(there[name], mirrored[name], atol=2e-3, rtol=0)
        torch.testing.assert_close(task.flipped(there, axes)[name], plain[name], atol=0, rtol=0)


@pytest.fixture(scope="module")
def scenes():
    task = pose.build(CATEGORIES, LOSS)
    return [
        task.encode(Warp.fit((192, 256), (192, 256)).finer(2).annotation(scene.annotation), 4)
        for people in (1, 3)
        for scene in make_people(4, 7, size_hw=(192, 256), people=(people, people))
    ]


def nothing_known(targets):
    return {name: torch.zeros_like(targets[name]) for name in ("joint", "limb")}


def test_the_loss_is_0_at_the_truth_and_about_1_for_who_knows_nothing(scenes):
    task = pose.build(CATEGORIES, LOSS)
    for part in (scenes[:4], scenes[4:], scenes):
        targets = batch_of(*part)
        perfect = {
            "joint": torch.logit(targets["joint"].clamp(1e-6, 1 - 1e-6)) - PRIOR,
            "limb": targets["limb"],
        }
        at_truth = task.loss(perfect, targets)
        assert float(at_truth["joint"]) < 1e-3 and float(at_truth["limb"]) == 0
        blind = task.loss(nothing_known(targets), targets)
        assert float(blind["joint"]) == pytest.approx(1, abs=0.3)
        assert float(blind["limb"]) == pytest.approx(1, abs=1e-5)


def test_a_batch_without_people_has_a_loss_and_a_gradient():
    task = pose.build(kinds(FORK), LOSS)
    targets = batch_of(task.encode(boxed([], []), 2))
    maps = {name: torch.full_like(targets[name], 0.1).requires_grad_() for name in task.maps}
    terms = task.loss(maps, targets)
    sum(terms.values()).backward()
    for name in task.maps:
        assert 0 < terms[name].item() < 3
        assert maps[name].grad.isfinite().all() and maps[name].grad.abs().sum() > 0


def test_what_is_masked_costs_nothing():
    annotation = boxed([KNOWN, NOBODY], [KNOWN_BOX, OTHER_BOX])
    task = pose.build(kinds(FORK), LOSS)
    targets = batch_of(task.encode(annotation, 1))
    maps = nothing_known(targets)
    before = task.loss(maps, targets)
    for values in maps.values():
        values[:, :, 25:55, 55:75] = 7
    after = task.loss(maps, targets)
    assert all(float(after[name]) == float(before[name]) for name in maps)


def test_weights_of_losses_multiply_and_others_are_refused():
    twice = pose.build(kinds(FORK), {"joint": 2.0, "limb": 0.5})
    once = pose.build(kinds(FORK), LOSS)
    targets = batch_of(once.encode(boxed([KNOWN], [KNOWN_BOX]), 1))
    maps = nothing_known(targets)
    one, two = once.loss(maps, targets), twice.loss(maps, targets)
    assert float(two["joint"]) == pytest.approx(2 * float(one["joint"]))
    assert float(two["limb"]) == pytest.approx(0.5 * float(one["limb"]))
    for wrong in ({"cross_entropy": 1.0}, {"joint": 1.0}, {**LOSS, "dice": 1.0}):
        with pytest.raises(PixelwiseError, match="joint and limb"):
            pose.build(kinds(FORK), wrong)
    with pytest.raises(PixelwiseError, match="no classes"):
        pose.build(kinds(FORK), LOSS, np.ones(2, np.float32))
    with pytest.raises(PixelwiseError, match="No category has joints"):
        pose.build((Category("skin", (0, 0, 0)),), LOSS)


@pytest.mark.parametrize(
    ("skeleton", "channels"),
    [(BEAD, {"joint": 1}), (FISH, {"joint": 4, "limb": 6}), (COCO, {"joint": 17, "limb": 50})],
)
def test_maps_follow_the_skeleton(skeleton, channels):
    task = pose.build(kinds(skeleton), LOSS)
    assert task.maps == channels
    joints = np.full((2, len(skeleton.joints), 3), [20, 30, 2])
    encoded = task.encode(boxed(joints, [KNOWN_BOX] * 2, skeleton), 2)
    assert set(encoded) == {*channels, *(f"{name}_weight" for name in channels)}
    for name, count in channels.items():
        assert encoded[name].shape == (count, 32, 48) and encoded[name].dtype == np.float32
        assert encoded[f"{name}_weight"].shape == (1, 32, 48)
    maps = {name: torch.zeros(1, count, 32, 48) for name, count in channels.items()}
    assert set(task.loss(maps, batch_of(encoded))) == set(channels)


def test_poses_come_home_and_what_lies_outside_is_not_found(monkeypatch):
    keypoints = np.array(
        [
            [[10, 12, 0.5], [np.nan, np.nan, 0], [1, 12, 0.9], [20, 20, 0.4]],
            [[1, 3, 0.9]] * 4,
            [[16, 16, 0.9]] * 4,
        ],
        np.float32,
    )
    scores = np.array([0.3, 0.9, 0.8], np.float32)
    monkeypatch.setattr(pose, "assemble", lambda *maps: (keypoints.copy(), scores))
    task = pose.build(kinds(FORK), LOSS)
    # 100 x 50 pixels stand upright in 64 x 64, between margins of 16, and maps are half as large.
    warp = Warp.fit((100, 50), (64, 64))
    maps = {name: np.zeros((count, 32, 32), np.float32) for name, count in task.maps.items()}
    found = task.decode(maps, warp)
    assert found.size_hw == (100, 50) and found.keypoints.dtype == np.float32
    np.testing.assert_allclose(found.scores, [0.8, 0.3])
    np.testing.assert_allclose(found.keypoints[0], [[25, 50, 0.9]] * 4, atol=1e-4)
    np.testing.assert_array_equal(found.found, [[True] * 4, [True, False, False, True]])
    np.testing.assert_allclose(found.keypoints[1, 0], [(20 - 16) / 0.64, 24 / 0.64, 0.5], rtol=1e-5)
    assert np.isnan(found.keypoints[1, 2, :2]).all()


def test_perfect_maps_give_everybody_back():
    """The ceiling: what targets at half the picture's size and the assembly lose together."""
    task, size_hw = pose.build(CATEGORIES, LOSS), (192, 256)
    warp, scores = Warp.fit(size_hw, size_hw), []
    for scene in make_people(4, 11, size_hw=size_hw, people=(2, 5)):
        encoded = task.encode(warp.finer(2).annotation(scene.annotation), 4)
        joint = logit(encoded["joint"]) - np.float32(PRIOR)
        found = task.decode({"joint": joint, "limb": encoded["limb"]}, warp)
        scores.append(task.score(scene.annotation, found))
    assert np.mean(scores) > 0.97


def test_a_heatmap_costs_the_same_in_a_large_picture():
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.random((2, 3, 8, 8)) ** 4)
    small = heatmap(target * 0, target, torch.ones(2, 1, 8, 8))
    certain = torch.full((2, 3, 8, 8), -40.0, dtype=torch.float64)
    wide = torch.cat([torch.zeros_like(target), certain], dim=-1)
    found = heatmap(wide, torch.cat([target, target * 0], dim=-1), torch.ones(2, 1, 8, 16))
    assert float(found) == pytest.approx(float(small))
    assert float(heatmap(torch.logit(target), target, torch.ones(2, 1, 8, 8))) < 1e-9


def test_a_field_costs_what_it_is_off():
    target = torch.zeros(1, 2, 8, 8)
    target[0, 1, 2:6] = 1
    weight = torch.ones(1, 1, 8, 8)
    assert float(limb_loss(target * 0.5, target, weight)) == pytest.approx(0.25)
    assert float(limb_loss(-target, target, weight)) == pytest.approx(4)
