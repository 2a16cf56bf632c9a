"""Poses as a user meets them: learned, measured, compared, predicted, gone on with."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelwise import open_dataset
from pixelwise.madeup.people import write_people
from pixelwise.plan import look
from pixelwise.predictor import load
from pixelwise.recipe import derive
from pixelwise.run import Run
from pixelwise.training import train
from pixelwise.types import PixelwiseError, Poses
from small import QUIET, SMALL

STEPS = 160
# Three lamps, red above green and blue. They have no sides: a mirror leaves green what it is.
_LAMPS = {"top": (220, 40, 40), "green": (40, 220, 40), "blue": (40, 40, 220)}


def crosses(index: int, size_hw=(72, 96)) -> tuple[np.ndarray, list[np.ndarray]]:
    """A dark picture with one or two crosses, and the joints of each, numbered pixels."""
    rng = np.random.default_rng(index)
    image = np.full((*size_hw, 3), 30, np.uint8)
    found = []
    for place in range(int(rng.integers(1, 3))):
        x, y = 24 + 46 * place + rng.integers(-6, 7), 36 + rng.integers(-10, 11)
        joints = np.array([(x, y - 14), (x + 12, y + 8), (x - 12, y + 8)])
        for start in joints[1:]:
            cv2.line(image, joints[0].tolist(), start.tolist(), (150, 150, 150), 2)
        for joint, color in zip(joints.tolist(), _LAMPS.values(), strict=True):
            cv2.circle(image, joint, 4, color, -1)
        found.append(joints)
    return image, found


def write_crosses(root: Path, count: int = 24) -> Path:
    """The crosses as a COCO folder with joints and boxes and no outlines."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for index in range(count):
        image, found = crosses(index)
        cv2.imwrite(str(root / "images" / f"{index:03}.png"), image[..., ::-1])
        images.append({"id": index, "file_name": f"{index:03}.png", "height": 72, "width": 96})
        for joints in found:
            low, high = joints.min(axis=0) - 5, joints.max(axis=0) + 5
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [*low.tolist(), *(high - low).tolist()],
                    "area": float((high - low).prod()),
                    "keypoints": [int(n) for joint in joints for n in (*joint, 2)],
                    "num_keypoints": 3,
                }
            )
    category = {
        "id": 1,
        "name": "cross",
        "keypoints": list(_LAMPS),
        "skeleton": [[1, 2], [1, 3]],
        "sigmas": [0.1, 0.1, 0.1],
    }
    text = {"images": images, "annotations": annotations, "categories": [category]}
    (root / "joints.json").write_text(json.dumps(text))
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_crosses(tmp_path_factory.mktemp("crosses") / "data")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Run:
    return train(data, out=tmp_path_factory.mktemp("runs") / "run", steps=STEPS, **SMALL)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("people") / "data"
    write_people(root, 12, 0, long_side_px=96, variety=0.0)
    return root


def test_joints_alone_are_learned_as_poses_without_being_asked(run):
    assert (run.recipe.task, run.recipe.orientation) == ("pose", "upright")
    assert dict(run.recipe.loss) == {"joint": 2.0, "limb": 1.0}


def test_a_run_finds_the_joints_of_everybody(run):
    predict, errors, counts = load(run.path), [], []
    for index in range(100, 108):
        image, truth = crosses(index)
        result = predict(image)
        assert isinstance(result, Poses) and result.size_hw == image.shape[:2]
        counts.append(len(result) == len(truth))
        for joints in truth:
            away = np.linalg.norm(result.keypoints[..., :2] - (joints + 0.5), axis=-1)
            errors += np.nanmin(away, axis=0, initial=99).tolist()
    assert np.median(errors) < 2 and np.mean(counts) > 0.6


def test_evaluate_compare_and_predict_from_the_command_line(run, data, type_in, tmp_path):
    code, said, _ = type_in(f"pixelwise evaluate {run.path} --out report")
    assert code == 0 and "OKS AP" in said
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert found["task"] == "pose" and 0 < found["scores"]["oks_ap"]["pooled"]["value"] <= 1
    assert set(found["categories"]) == set(_LAMPS)
    code, said, _ = type_in("pixelwise compare report report")
    assert code == 0
    code, said, _ = type_in(f"pixelwise predict {run.path} {data / 'images'} --out found")
    assert code == 0 and "24 pictures" in said
    rows = list(csv.DictReader((tmp_path / "found" / "poses.csv").open()))
    assert {row["joint"] for row in rows} == set(_LAMPS)
    assert len(list((tmp_path / "found").glob("*_overlay.jpg"))) == 24


def test_an_interrupted_run_ends_with_the_same_weights(data, tmp_path, monkeypatch):
    from pixelwise import training

    whole = train(data, out=tmp_path / "whole", steps=24, **SMALL)

    def stop(self, *arguments):
        if self.facts.step == 13:
            raise KeyboardInterrupt
        return take(self, *arguments)

    take = training.Learner._take
    monkeypatch.setattr(training.Learner, "_take", stop)
    with pytest.raises(KeyboardInterrupt):
        train(data, out=tmp_path / "run", steps=24, **SMALL)
    monkeypatch.undo()
    again = train(data, out=tmp_path / "run", steps=24, **SMALL)
    assert again.weights.read_bytes() == whole.weights.read_bytes()


def test_check_says_what_training_will_do(data, type_in):
    code, said, _ = type_in(f"pixelwise check {data}")
    assert code == 0 and "pose" in said and "2 joint + 1 limb" in said


def test_scenes_of_people_are_poses_where_asked(people, tmp_path):
    assert derive(look(open_dataset(people)), str(people), {}).task == "panoptic"
    run = train(people, out=tmp_path / "pose", task="pose", steps=3, **SMALL)
    result = load(run.path)(np.zeros((72, 96, 3), np.uint8))
    assert isinstance(result, Poses) and result.keypoints.shape[1:] == (17, 3)


def test_a_pretrained_backbone_is_an_encoder_of_poses_too(data, tmp_path):
    from backbones import write_backbone

    folder = write_backbone(tmp_path / "backbone")
    asked = {"backbone": str(folder), "steps": 2, "size": 64, "batch": 2, **QUIET}
    run = train(data, out=tmp_path / "run", **asked)
    assert run.recipe.network == "huggingface"
    assert isinstance(load(run.path)(np.zeros((60, 80, 3), np.uint8)), Poses)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"task": "instance"}, "joints and no outlines"),
        ({"loss": {"dice": 1.0}}, "losses of poses are joint and limb"),
        ({"class_weights": True}, "no classes to weigh"),
    ],
)
def test_what_poses_cannot_be_is_refused_before_anything_is_written(data, tmp_path, asked, said):
    with pytest.raises(PixelwiseError, match=said):
        train(data, out=tmp_path / "run", steps=2, **SMALL, **asked)
    assert not (tmp_path / "run").exists()


def test_classes_have_no_joints(tmp_path):
    from discs import write_folder

    with pytest.raises(PixelwiseError, match="no joints"):
        train(write_folder(tmp_path / "discs"), out=tmp_path / "run", task="pose", **SMALL)
