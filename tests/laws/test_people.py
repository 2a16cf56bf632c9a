"""Made-up people: what must hold for every seed, and the folder they are written to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from pixelwise import rle
from pixelwise.cli import app
from pixelwise.madeup._dress import draw_dress
from pixelwise.madeup._figure import Stage, build, draw_body
from pixelwise.madeup._person import paint_person
from pixelwise.madeup._pose import draw_pose
from pixelwise.madeup._raster import Sheet
from pixelwise.madeup._scene import Thing, drop_hidden, majority, owners
from pixelwise.madeup.people import (
    CATEGORIES,
    SKELETON,
    Scene,
    draw_people,
    make_people,
    sample_people,
    write_people,
)
from pixelwise.types import PixelwiseError

SIZE_HW = (96, 128)
# 3 % of the tallest body, and a pixel for rounding.
BESIDE_PX = 4
PERSON = [category.name for category in CATEGORIES].index("person")


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return list(make_people(24, 5, size_hw=SIZE_HW))


def figure_and_paint(seed: int, direction_deg: float):
    rng = np.random.default_rng(seed)
    figure = build(draw_body(rng, 1.0), draw_pose(rng, 1.0), direction_deg)
    return figure, paint_person(figure, draw_dress(rng, 1.0), Stage((200.0, 300.0), 240.0, (0, 0)))


def same(one: Scene, two: Scene) -> bool:
    a, b = one.annotation, two.annotation
    pairs = [(one.image, two.image), (a.semantic, b.semantic), (a.layers, b.layers)]
    pairs += [(a.labels, b.labels), (a.keypoints, b.keypoints)]
    return all(np.array_equal(x, y) for x, y in pairs)


def test_a_scene_is_a_function_of_seed_and_index(scenes):
    for index in (0, 7, 23):
        assert same(draw_people(5, index, size_hw=SIZE_HW), scenes[index])
    assert not same(draw_people(6, 0, size_hw=SIZE_HW), scenes[0])
    assert len({scene.image.tobytes() for scene in scenes}) == len(scenes)


def test_categories_are_stuff_then_things_and_only_people_have_joints():
    is_thing = [category.is_thing for category in CATEGORIES]
    assert is_thing == sorted(is_thing) and len({c.color for c in CATEGORIES}) == len(CATEGORIES)
    assert [c.name for c in CATEGORIES if c.skeleton] == ["person"]


def test_the_skeleton_mirrors_itself():
    mirrored = SKELETON.mirrored
    assert [mirrored[k] for k in mirrored] == list(range(17))
    for joint, other in zip(SKELETON.joints, mirrored, strict=True):
        swapped = joint.replace("left", "?").replace("right", "left").replace("?", "right")
        assert SKELETON.joints[other] == swapped
        assert SKELETON.sigmas[other] == SKELETON.sigmas[SKELETON.joints.index(joint)]
    assert len(SKELETON.limbs) == 19


def test_every_pixel_is_labelled_and_layers_agree_with_semantic(scenes):
    for scene in scenes:
        truth = scene.annotation
        assert scene.image.shape == (*SIZE_HW, 3) and truth.size_hw == SIZE_HW
        assert truth.semantic.max() < len(CATEGORIES) and not truth.crowd.any()
        assert truth.layers.shape[0] == 1
        on_things = np.array([c.is_thing for c in CATEGORIES])[truth.semantic]
        np.testing.assert_array_equal(on_things, truth.layers[0] > 0)
        for index, label in enumerate(truth.labels):
            assert truth.mask(index).sum() >= 4
            assert (truth.semantic[truth.mask(index)] == label).all()


def test_seen_joints_lie_on_their_person_and_others_are_zero(scenes):
    for scene in scenes:
        truth = scene.annotation
        assert truth.keypoints is not None and truth.keypoints.shape == (len(truth), 17, 3)
        for index, joints in enumerate(truth.keypoints):
            if truth.labels[index] != PERSON:
                assert not joints.any()
                continue
            away = ndimage.distance_transform_edt(~truth.mask(index))
            for x, y, seen in joints:
                assert seen in (0, 1, 2)
                if seen == 0:
                    assert x == y == 0
                    continue
                assert 0 <= x < SIZE_HW[1] and 0 <= y < SIZE_HW[0]
                assert seen == 1 or away[int(y), int(x)] <= 2


def test_a_joint_behind_another_thing_is_hidden_and_has_its_own_person_beside_it(scenes):
    behind = 0
    for scene in scenes:
        truth = scene.annotation
        for index in np.flatnonzero(truth.labels == PERSON):
            for x, y, seen in truth.keypoints[index]:
                owner = truth.layers[0, int(y), int(x)]
                if seen and owner not in (0, index + 1):
                    behind += 1
                    assert seen == 1
                    beside = truth.mask(index)[
                        max(int(y) - BESIDE_PX, 0) : int(y) + BESIDE_PX + 1,
                        max(int(x) - BESIDE_PX, 0) : int(x) + BESIDE_PX + 1,
                    ]
                    assert beside.any()
    assert behind > 20


def test_every_kind_of_thing_and_stuff_occurs(scenes):
    assert set(np.unique([s.annotation.semantic for s in scenes])) == set(range(len(CATEGORIES)))


def test_people_have_a_decent_size_and_are_mostly_seen(scenes):
    heights = []
    for scene in scenes:
        for index in np.flatnonzero(scene.annotation.labels == PERSON):
            rows = np.flatnonzero(scene.annotation.mask(index).any(axis=1))
            heights.append((rows[-1] + 1 - rows[0]) / SIZE_HW[0])
    # Arms up and a jump reach above a person's height; sitting and being hidden make it less.
    assert 0.25 < np.median(heights) < 0.75 and max(heights) < 1.0
    assert np.mean(np.array(heights) > 0.15) > 0.9


@pytest.mark.parametrize("people", [(0, 0), (1, 1), (3, 3)])
def test_there_are_as_many_people_as_asked_for(people):
    for scene in make_people(6, 2, size_hw=SIZE_HW, people=people):
        assert (scene.annotation.labels == PERSON).sum() <= people[1]
        assert people[0] == 0 or (scene.annotation.labels == PERSON).any()


@pytest.mark.parametrize("seed", range(8))
def test_bodies_keep_their_proportions_in_every_pose(seed):
    figure, _ = figure_and_paint(seed, 45.0 * seed)
    body = figure.body
    for side in ("left", "right"):
        bones = (("hip", "knee", body.thigh), ("knee", "ankle", body.shin))
        bones += (("shoulder", "elbow", body.upper_arm), ("elbow", "wrist", body.forearm))
        for start, end, length in bones:
            bone = figure.joint(f"{side}_{end}") - figure.joint(f"{side}_{start}")
            assert np.linalg.norm(bone) == pytest.approx(length)
    assert max(point[1] for point in (*figure.heels, *figure.toes)) <= 0


@pytest.mark.parametrize("seed", range(4))
def test_a_face_is_seen_from_the_front_and_not_from_behind(seed):
    """Left and right can be told: the left shoulder is to the right of who faces the viewer."""
    rng = np.random.default_rng(seed)
    body, dress, pose = draw_body(rng, 1.0), draw_dress(rng, 1.0), draw_pose(rng, 0.0)
    stage = Stage((200.0, 300.0), 240.0, (0.0, 0.0))
    pose = type(pose)(**{**vars(pose), "look": 0.0, "nod": 0.0, "lift": (10.0, 10.0)})
    front, back = (paint_person(build(body, pose, turn), dress, stage) for turn in (0.0, 180.0))
    assert (front.visibility[:3] == 2).all() and not back.visibility[:3].any()
    left, right = (SKELETON.joints.index(f"{side}_shoulder") for side in ("left", "right"))
    assert front.joints[left, 0] > front.joints[right, 0]
    assert back.joints[left, 0] < back.joints[right, 0]


@pytest.mark.parametrize("turn", [-90.0, 90.0])
def test_in_profile_the_far_ear_has_no_label_but_the_far_hip_is_hidden(turn):
    rng = np.random.default_rng(1)
    body, dress, pose = draw_body(rng, 0.0), draw_dress(rng, 0.0), draw_pose(rng, 0.0)
    pose = type(pose)(**{**vars(pose), "look": 0.0, "nod": 0.0, "twist": 0.0})
    dress = replace(dress, hair_length=0.0)
    stage = Stage((200.0, 300.0), 240.0, (0.0, 0.0))
    shown = paint_person(build(body, pose, turn), dress, stage).visibility
    near, far = ("right", "left") if turn > 0 else ("left", "right")
    of = {name: shown[k] for k, name in enumerate(SKELETON.joints)}
    assert of["nose"] == of[f"{near}_ear"] == 2 and of[f"{far}_ear"] == 0
    assert of[f"{far}_hip"] == 1
    covered = paint_person(build(body, pose, turn), replace(dress, hair_length=1.0), stage)
    assert not covered.visibility[3:5].any()


def block(number: int, box: tuple[int, int, int, int]) -> Thing:
    """A rectangle: left, top, right, bottom in subsamples."""
    sheet = Sheet(box)
    sheet.part[:] = 1
    _, painted = figure_and_paint(0, 0.0)
    solid = type(painted)(sheet, painted.joints, painted.visibility, painted.reach)
    return Thing(number, box[3] / 60, (0.0, 0.0), 1.0, solid)


def test_the_nearer_hides_the_farther_and_what_is_hidden_is_dropped():
    far, near = block(6, (0, 0, 40, 40)), block(7, (20, 0, 60, 50))
    owner = owners([far, near], (60, 60))
    assert (owner[:40, :20] == 1).all() and (owner[:50, 20:] == 2).all() and owner[50:].max() == 0
    nearest = block(6, (0, 0, 38, 60))
    kept, left = drop_hidden([far, near, nearest], (60, 60))
    assert kept == [near, nearest] and set(np.unique(left)) == {0, 1, 2}


def test_a_pixel_belongs_to_whoever_has_most_of_it():
    owner = np.zeros((3, 6), np.uint8)
    owner[:2, :3] = 1
    owner[0, 3:] = 2
    np.testing.assert_array_equal(majority(owner, 3), [[1, 0]])
    tied = np.array([[1, 2], [1, 2]], np.uint8)
    np.testing.assert_array_equal(majority(tied, 2), [[2]])


def test_samples_are_the_scenes():
    sample = sample_people(3, 5, 128)[2]
    scene = draw_people(5, 2, size_hw=SIZE_HW)
    assert sample.id == "made-up 2"
    np.testing.assert_array_equal(sample.read_image(), scene.image)
    np.testing.assert_array_equal(sample.read_annotation().layers, scene.annotation.layers)


def read_json(folder: Path, kind: str) -> dict:
    return json.loads((folder / "annotations" / f"{kind}_people.json").read_text())


def read_numbers(path: Path) -> NDArray[np.int64]:
    pixels = np.asarray(Image.open(path), np.int64)
    return pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]


def test_what_is_written_is_what_was_drawn(tmp_path):
    seen = []
    folder = write_people(tmp_path / "people", 4, 5, long_side_px=128, progress=seen.append)
    assert seen == [1, 2, 3, 4]
    panoptic, things, people = (
        read_json(folder, kind) for kind in ("panoptic", "instances", "person_keypoints")
    )
    assert [kind["name"] for kind in panoptic["categories"]] == [c.name for c in CATEGORIES]
    assert people["categories"][0]["keypoints"] == list(SKELETON.joints)
    masks = {one["id"]: rle.decode(one["segmentation"], SIZE_HW) for one in things["annotations"]}
    joints = {one["id"]: one["keypoints"] for one in people["annotations"]}
    assert len(masks) == len(things["annotations"]) and set(joints) <= set(masks)
    for number, entry in enumerate(panoptic["annotations"], start=1):
        scene = draw_people(5, number - 1, size_hw=SIZE_HW)
        truth, name = scene.annotation, entry["file_name"]
        np.testing.assert_array_equal(np.asarray(Image.open(folder / "images" / name)), scene.image)
        numbers = read_numbers(folder / "annotations" / "panoptic_people" / name)
        kinds = {one["id"]: one["category_id"] - 1 for one in entry["segments_info"]}
        assert set(np.unique(numbers)) == set(kinds)
        semantic = np.vectorize(kinds.__getitem__)(numbers)
        np.testing.assert_array_equal(semantic, truth.semantic)
        for one in entry["segments_info"]:
            assert one["area"] == (numbers == one["id"]).sum()
        for index in range(len(truth)):
            mark = 1000 * number + index + 1
            np.testing.assert_array_equal(numbers == mark, truth.mask(index))
            np.testing.assert_array_equal(masks[mark], truth.mask(index))
            if truth.labels[index] == PERSON:
                written = np.reshape(joints[mark], (17, 3))
                # COCO counts pixels, whose middles lie half a pixel on.
                half = 0.5 * (written[:, 2:] > 0) * [1, 1, 0]
                np.testing.assert_allclose(written + half, truth.keypoints[index], atol=0.006)


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    def stop(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_people(tmp_path / "people", 2, 0, long_side_px=64, progress=stop)
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(PixelwiseError, match="not an empty folder"):
        write_people(tmp_path, 1, 0)


def test_the_command_writes_people_and_knows_what_it_can_draw(tmp_path):
    asked = ["madeup", str(tmp_path / "people"), "--what", "people", "--count", "1", "--size", "64"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0 and (tmp_path / "people" / "images" / "000001.png").exists()
    wrong = CliRunner().invoke(app, ["madeup", str(tmp_path / "cats"), "--what", "cats"])
    assert isinstance(wrong.exception, PixelwiseError) and "nevi or people" in str(wrong.exception)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": -1}, "0 or more"),
        ({"size_hw": (20, 64)}, "at least 32 pixels"),
        ({"people": (4, 2)}, "the fewest and the most"),
        ({"variety": 1.5}, "between 0 and 1"),
    ],
)
def test_wrong_numbers_are_named(wrong, says):
    with pytest.raises(PixelwiseError, match=says):
        draw_people(**{"seed": 0, "index": 0, **wrong})
    with pytest.raises(PixelwiseError, match="1 to 16776"):
        write_people(Path("never"), 0, 0)
