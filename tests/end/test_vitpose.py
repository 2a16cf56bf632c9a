"""Poses by models that others trained: loaded from folders, asked through the public command."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from pixelwise import skeletons
from pixelwise.cli import app
from pixelwise.networks import _hub
from pixelwise.outside import detector, vitpose
from pixelwise.outside._crops import Crop
from pixelwise.predictions import predict
from pixelwise.types import PixelwiseError, Poses
from published import COCO_LABELS, write_detector, write_vitpose

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_vitpose(folder / "vitpose")
    write_vitpose(folder / "plus", experts=6)
    write_detector(folder / "rt_detr")
    write_detector(folder / "detr", "detr")
    return folder


def photo(height: int = 90, width: int = 130, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def test_the_command_writes_the_poses_of_the_people_it_finds(models, tmp_path):
    for number in range(2):
        Pillow.fromarray(photo(seed=number)).save(tmp_path / f"{number}.png")
    Pillow.fromarray(photo()[..., 0]).save(tmp_path / "grey.png")
    pictures = [tmp_path / "0.png", tmp_path / "1.png", tmp_path / "grey.png"]
    wish = ["--model", models / "vitpose", "--detector", models / "rt_detr"]
    command = ["predict", "--task", "pose", *wish, *pictures, "--out", tmp_path / "out"]
    done = CliRunner().invoke(app, [str(part) for part in command], catch_exceptions=False)
    assert done.exit_code == 0 and "nevi" not in done.output
    lines = [json.loads(x) for x in (tmp_path / "out/predictions.jsonl").read_text().splitlines()]
    assert [line["picture"] for line in lines] == [str(path) for path in pictures]
    for name in ("0", "1", "grey"):
        assert (tmp_path / "out" / f"{name}_overlay.jpg").exists()


def test_results_are_poses_of_coco_and_the_same_every_time(models):
    load = vitpose.load(models / "vitpose", detector=models / "rt_detr")
    image = photo()
    first, again = load(image), load(image)
    assert isinstance(first, Poses) and len(first) > 1 and first.size_hw == (90, 130)
    assert first.keypoints.shape[1:] == (17, 3) and first.keypoints.dtype == np.float32
    assert first.categories[1].skeleton == skeletons.COCO
    assert np.array_equal(first.keypoints, again.keypoints, equal_nan=True)
    assert np.all(np.diff(first.scores) <= 0) and 0 < first.scores[-1] <= first.scores[0] <= 1
    is_found = first.found
    assert is_found.any() and np.isnan(first.keypoints[~is_found][:, :2]).all()
    assert np.all(first.keypoints[is_found][:, 2] >= 0.2)


def boxed(load, image: np.ndarray, *boxes) -> np.ndarray:
    return load.within(
        image, np.array(boxes, np.float64), np.ones(len(boxes), np.float32)
    ).keypoints


def test_a_score_is_the_box_times_the_mean_of_the_joints_found(models):
    load, image = vitpose.load(models / "vitpose", detector="none"), photo()
    box = np.array([[-40.0, -60.0, 30.0, 40.0]])
    poses = load.within(image, box, np.array([0.6], np.float32))
    joints = poses.keypoints[0, poses.found[0], 2]
    assert 1 < len(joints) < 17
    assert poses.scores[0] == pytest.approx(0.6 * joints.mean(), rel=1e-5)


def test_two_boxes_of_one_person_give_one_pose(models):
    load, image = vitpose.load(models / "vitpose", detector="none"), photo()
    box, other = (30.0, 10.0, 80.0, 80.0), (5.0, 20.0, 50.0, 80.0)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    poses = load.within(image, np.array([box, box, other]), scores)
    alone = load.within(image, np.array([box, other]), scores[1:])
    assert np.array_equal(poses.keypoints, alone.keypoints, equal_nan=True)
    assert len(poses) == 2


@pytest.mark.parametrize("name", ["vitpose", "plus"])
def test_a_mirrored_picture_has_the_mirrored_pose(models, name):
    """With mirror images averaged no side is preferred, so left and right change places."""
    load, image = vitpose.load(models / name, detector="none"), photo(96, 96)
    box, mirrored = (30.0, 20.0, 60.0, 60.0), (36.0, 20.0, 66.0, 60.0)
    found, there = boxed(load, image, box)[0], boxed(load, image[:, ::-1].copy(), mirrored)[0]
    # Mirrored about the centres of pixels, as boxes are counted: 96 pixels are 95 steps.
    expected = found[list(skeletons.COCO.mirrored)] * [-1, 1, 1] + [96, 0, 0]
    known = ~np.isnan(expected[:, 0]) & ~np.isnan(there[:, 0])
    assert known.sum() > 5
    plain = vitpose.load(models / name, detector="none", flips=False)
    assert np.median(np.abs(expected - there)[known]) < 0.6
    assert not np.array_equal(boxed(plain, image, box)[0], found, equal_nan=True)


def test_many_people_are_found_as_one_by_one(models):
    load, image = vitpose.load(models / "vitpose", detector="none"), photo(200, 260)
    rng = np.random.default_rng(6)
    corners = rng.uniform(0, 120, (37, 2))
    boxes = np.hstack([corners, corners + rng.uniform(20, 80, (37, 2))])
    crops = [Crop.around(box, load.size_hw) for box in boxes]
    together = load.within(image, boxes, np.ones(37, np.float32))
    alone = np.concatenate([boxed(load, image, box) for box in boxes])
    assert len(crops) == 37 and len(together) > 16
    for pose in together.keypoints:
        apart = np.abs(np.nan_to_num(alone) - np.nan_to_num(pose)).max(axis=(1, 2))
        assert apart.min() < 0.05


def test_experts_differ_and_coco_joints_ask_the_first(models):
    load, image = vitpose.load(models / "plus", detector="none"), photo()
    assert load.expert == 0 and vitpose.load(models / "vitpose", detector="none").expert is None
    box = (30.0, 10.0, 80.0, 80.0)
    other = replace(load, expert=3)
    assert not np.array_equal(boxed(load, image, box), boxed(other, image, box), equal_nan=True)


@pytest.mark.parametrize(
    ("count", "labels", "expert"),
    [
        (17, COCO_LABELS, 0),
        (17, [f"LABEL_{n}" for n in range(17)], 0),
        (17, ["L_Eye", "R_Eye", "Nose", "Neck", "Tail", *"abcdefghijkl"], 3),
        (14, [f"joint {n}" for n in range(14)], 1),
        (16, [f"joint {n}" for n in range(16)], 2),
        (133, [f"joint {n}" for n in range(133)], 5),
    ],
)
def test_joints_are_named_by_the_configuration(count, labels, expert):
    skeleton = vitpose._skeleton(labels, {"edges": [[0, 1], [1, 2]]})
    assert len(skeleton.joints) == count and vitpose._expert(skeleton) == expert
    assert (skeleton == skeletons.COCO) == (expert == 0)
    if expert == 3:
        assert skeleton.joints[:3] == ("left_eye", "right_eye", "nose")
        assert skeleton.mirrored[:3] == (1, 0, 2) and skeleton.limbs == ((0, 1), (1, 2))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (40, 2), (700, 900)])
def test_pictures_of_any_size(models, size):
    image = np.full((*size, 3), 128, np.uint8)
    for name in ("none", models / "rt_detr"):
        poses = vitpose.load(models / "vitpose", detector=name)(image)
        assert poses.size_hw == size
        xy = poses.keypoints[..., :2][poses.found]
        assert np.all(
            (xy > -0.2 * max(size) - 2) & (xy < np.array(size[::-1]) + 0.2 * max(size) + 2)
        )


def test_joints_far_off_the_picture_are_not_found(models):
    load, image = vitpose.load(models / "vitpose", detector="none"), photo()
    found = boxed(load, image, (-40.0, -60.0, 30.0, 40.0))
    xy = found[0, found[0, :, 2] > 0, :2]
    step = Crop.around(np.array([-40.0, -60.0, 30.0, 40.0]), load.size_hw).step_px((16, 12))
    assert 0 < len(xy) < 17 and np.all(xy >= -step)


def test_nobody_in_a_picture_is_no_pose(models):
    load = replace(
        vitpose.load(models / "vitpose", detector="none"),
        find_people=lambda image: (np.zeros((0, 4)), np.zeros(0, np.float32)),
    )
    poses = load(photo())
    assert len(poses) == 0 and poses.keypoints.shape == (0, 17, 3)


def their_boxes(kind: str, folder: Path, image: np.ndarray):
    """What the library itself makes of a detector: processor, model, processor."""
    from transformers import AutoModelForObjectDetection
    from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
    from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

    processors = {"rt_detr": RTDetrImageProcessorPil, "detr": DetrImageProcessorPil}
    processor = processors[kind].from_pretrained(folder)
    model = AutoModelForObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        outputs = model(**processor(image, return_tensors="pt"))
    found = processor.post_process_object_detection(
        outputs, threshold=0.3, target_sizes=[image.shape[:2]]
    )[0]
    are_people = found["labels"] == 1
    scores, order = found["scores"][are_people].sort(descending=True)
    return found["boxes"][are_people][order].numpy(), scores.numpy()


@pytest.mark.parametrize("kind", ["rt_detr", "detr"])
def test_people_are_detected_as_the_transformers_library_detects_them(models, kind):
    image = photo(96, 128)
    boxes, scores = detector.load(str(models / kind), may_ask=False, device=CPU)(image)
    their, their_scores = their_boxes(kind, models / kind, image)
    assert len(boxes) > 1 and len(boxes) == len(their)
    assert np.allclose(scores, their_scores, atol=1e-4)
    assert np.abs(boxes - np.clip(their, 0, [128, 96, 128, 96])).max() < 0.1


def test_a_detector_that_knows_no_people_is_refused(models, tmp_path):
    write_detector(tmp_path / "d", labels=("dog", "person", "cat"))
    config = json.loads((tmp_path / "d/config.json").read_text())
    config["id2label"]["1"] = "horse"
    (tmp_path / "d/config.json").write_text(json.dumps(config))
    with pytest.raises(PixelwiseError, match=r"does not know people.*dog, horse, cat"):
        vitpose.load(models / "vitpose", detector=tmp_path / "d")
    (tmp_path / "d/preprocessor_config.json").unlink()
    config["id2label"]["1"] = "Person"
    (tmp_path / "d/config.json").write_text(json.dumps(config))
    with pytest.raises(PixelwiseError, match=r"has no preprocessor_config\.json"):
        vitpose.load(models / "vitpose", detector=tmp_path / "d")


def test_a_folder_that_is_no_vitpose_is_named(models, tmp_path):
    folder = Path(shutil.copytree(models / "vitpose", tmp_path / "v"))

    def refused(sentence: str) -> None:
        with pytest.raises(PixelwiseError, match=sentence):
            vitpose.load(folder, detector="none")

    config, weights = folder / "config.json", folder / "model.safetensors"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "model_type": "resnet"}))
    refused(r"is of 'resnet', which is no ViTPose model.*usyd-community/vitpose-base-simple")
    config.write_text(json.dumps({**said, "id2label": None}))
    refused("id2label")
    config.write_text(json.dumps({**said, "id2label": {"0": "nose", "1": "tail"}}))
    refused(r"do not fit its config\.json: head\.conv\.bias is \(17,\) instead of \(2,\)")
    config.write_text(json.dumps(said))
    kept = load_file(weights)
    save_file({name: kept[name] for name in kept if name != "head.conv.bias"}, weights)
    refused("of something else")
    weights.rename(folder / "pytorch_model.bin")
    refused(r"only pytorch_model\.bin, a pickle.*VitPoseForPoseEstimation")
    config.unlink()
    refused(r"no ViTPose model: it has no config\.json")
    folder = Path("./nowhere/x")
    refused(r"no folder 'nowhere/x'")


def test_a_description_names_no_code(models, tmp_path):
    folder = Path(shutil.copytree(models / "vitpose", tmp_path / "v"))
    said = json.loads((folder / "config.json").read_text())
    code = {"auto_map": {"AutoModel": "evil.Evil"}, "_attn_implementation": "evil/kernel"}
    said |= code
    said["backbone_config"] |= code
    (folder / "config.json").write_text(json.dumps(said))
    kept = vitpose.load(folder, detector="none").model.config
    assert "evil" not in json.dumps(kept.to_dict())


def test_without_the_library_the_message_says_how_to_install_it(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PixelwiseError, match=r'pip install "pixelwise\[hub\]"'):
        vitpose.load(models / "vitpose", detector="none")


def test_nothing_is_asked_where_only_folders_are_named(models, monkeypatch, tmp_path):
    def asked(*words: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(_hub, "_download", asked)
    sentence = "has to be told where.*--detector PekingU/rtdetr_r50vd.*--detector none"
    with pytest.raises(PixelwiseError, match=sentence):
        vitpose.load(models / "vitpose")
    # In the hub's cache it needs no question.
    monkeypatch.setattr(detector, "cached", lambda name, wish: models / "rt_detr")
    assert len(vitpose.load(models / "vitpose")(photo())) > 1


def test_offline_a_name_on_the_hub_says_what_to_do():
    with pytest.raises(PixelwiseError, match=r"hf download me/tiny.*--model FOLDER"):
        vitpose.load("me/tiny")


def test_what_goes_not_together_is_refused(models, tmp_path):
    Pillow.fromarray(photo()).save(tmp_path / "0.png")
    pictures, model = [tmp_path / "0.png"], models / "vitpose"

    def refused(sentence: str, run: str | None = None, **wish: object) -> None:
        with pytest.raises(PixelwiseError, match=sentence):
            predict(run, pictures, out=tmp_path / "out", **wish)
        assert not (tmp_path / "out").exists()

    refused("No built-in model is for", task="instance")
    refused("--detector goes with --model", detector="none")
    refused("not both", run="runs/mine", model=model)
    refused("--task pose, not 'instance'", model=model, task="instance", detector="none")
    refused("--tile is for runs", model=model, tile_px=64, detector="none")
