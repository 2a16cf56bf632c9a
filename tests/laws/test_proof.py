"""What a proof finds, with models and files that are functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pixelwise.agreement import agree, as_truth
from pixelwise.formats import Images, Maps
from pixelwise.geometry import Warp
from pixelwise.loader import Look
from pixelwise.proof import Pair, prove
from pixelwise.recipe import Recipe
from pixelwise.run import build_task
from pixelwise.tasks import Task
from pixelwise.types import Annotation, Instances, Panoptic, PixelwiseError, Poses, Semantic
from posed import PEOPLE
from segments import NUCLEI, SCENE
from untrained import TASKS

SIZE_HW = (32, 48)


def task(name: str = "semantic") -> Task:
    loss = {"joint": 1.0, "limb": 1.0} if name == "pose" else Recipe("").loss
    return build_task(Recipe("", task=name, loss=loss), TASKS[name])


def model(images: Images) -> Maps:
    """The brightness of every pixel, as a logit."""
    return {"class": images[..., 0][:, None].astype(np.float32) / 32 - 4}


def file(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Images], Maps]:
    return lambda images: {"class": change(model(images)["class"])}


def looks(num: int = 3) -> list[Look]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (num, *SIZE_HW, 3), np.uint8)
    warp = Warp.fit(SIZE_HW, SIZE_HW)
    truths = (images[..., 0] > 128).astype(np.uint8)
    return [
        Look(image, warp, Annotation(truth)) for image, truth in zip(images, truths, strict=True)
    ]


def prove_it(change, precision="float32", **more):
    return prove(Pair(model, file(change), task(), **more), precision, looks(), [], looks())


def test_the_model_itself_is_proven():
    proof = prove_it(lambda logits: logits)
    assert not proof.complaints
    assert (proof.difference, proof.agreement, proof.measure) == (0.0, 1.0, "IoU")


@pytest.mark.parametrize("wrong", [2e-4, np.nan, np.inf])
def test_one_number_that_is_off_is_enough(wrong):
    def change(logits):
        logits[0, 0, 3, 5] += wrong
        return logits

    proof = prove_it(change)
    assert proof.complaints[0].startswith("the maps differ by up to")
    assert "map 'class' of picture 1" in proof.complaints[0]


def test_a_number_may_move_as_far_as_a_rounding_error_moves_it():
    def change(logits):
        logits[0, 0, 3, 5] += 0.01
        return logits

    proof = prove_it(change, shaken=lambda: [model, file(change)])
    assert not proof.complaints and proof.difference == pytest.approx(0.01, rel=1e-3)
    assert proof.unsettled == pytest.approx(1 / (32 * 48))
    for further in (lambda logits: change(change(change(logits))), lambda logits: logits + 0.01):
        assert prove_it(further, shaken=lambda: [model, file(change)]).complaints


def test_results_must_agree_however_small_the_difference():
    proof = prove_it(lambda logits: logits + np.where(np.abs(logits) < 1e-5, 1e-5, 0).astype("f4"))
    assert proof.difference < 1e-4 and 0.98 < proof.agreement < 0.999
    assert [line.split(" by ")[0] for line in proof.complaints] == ["the results agree"]


def test_int8_may_differ_but_not_lose():
    assert not prove_it(lambda logits: logits - 0.02, "int8").complaints
    proof = prove_it(lambda logits: logits + 0.1, "int8")
    assert proof.loss == pytest.approx(1 - proof.agreement, abs=1e-3)
    assert any("Jaccard index" in line for line in proof.complaints)


def test_other_maps_and_failures_are_named():
    others = Pair(model, lambda images: {"klass": model(images)["class"]}, task())
    with pytest.raises(PixelwiseError, match=r"other maps than the model: \{'klass'"):
        prove(others, "float32", looks(), [])

    def fail(images: Images) -> Maps:
        raise RuntimeError("no kernel")

    with pytest.raises(
        PixelwiseError, match=r"cannot take pictures of \(1, 32, 48, 3\): no kernel"
    ):
        prove(Pair(model, fail, task()), "float32", looks(), [])


def semantic(labels: np.ndarray) -> Semantic:
    return Semantic(labels, np.ones(labels.shape, np.float32), TASKS["semantic"])


def test_iou_counts_the_pixels_of_all_pictures():
    small, large = (np.zeros((10, 10), np.uint8) for _ in range(2))
    large[:9] = 1
    small[0, 0] = 1
    off = semantic(np.roll(small, 1))
    pairs = [(semantic(large), semantic(large)), (semantic(small), off)]
    assert agree(pairs, task()) == (90 / 92, "IoU")
    assert agree([(semantic(small * 0), semantic(small * 0))], task()) == (1.0, "IoU")


ids = np.zeros((40, 60), np.int32)
ids[2:20, 3:25], ids[22:38, 30:58], ids[:2] = 1, 2, 3
scores = np.array([0.9, 0.8, 0.7], np.float32)
keypoints = np.random.default_rng(0).uniform(3, 37, (3, 17, 3)).astype(np.float32)
keypoints[..., 2] = 0.8
keypoints[1, :9] = (np.nan, np.nan, 0)
RESULTS = {
    "instance": Instances(np.where(ids < 3, ids, 0), np.array([1, 1, 1])[:2], scores[:2], NUCLEI),
    "panoptic": Panoptic(ids, np.array([2, 3, 0]), scores, SCENE),
    "pose": Poses(keypoints, scores, PEOPLE, (40, 60)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_agrees_with_itself_and_not_with_a_part_of_it(name):
    result = RESULTS[name]
    value, measure = agree([(result, result)], task(name))
    assert value == pytest.approx(1.0) and measure.endswith("quality")
    if isinstance(result, Poses):
        part = replace(result, keypoints=result.keypoints[:2], scores=result.scores[:2])
    else:
        part = replace(result, id_map=np.where(result.id_map == 2, 0, result.id_map))
    assert agree([(result, part)], task(name))[0] < 0.9


def test_void_is_nothing_that_is_known():
    truth = as_truth(RESULTS["panoptic"])
    assert truth.semantic[21, 0] == 255 and truth.semantic[0, 0] == 0 and truth.semantic[5, 5] == 2
    assert list(truth.labels) == [2, 3] and list(truth.areas_px) == [18 * 22, 16 * 28]
