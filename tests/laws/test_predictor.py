from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from discs import CATEGORIES, draw_disc
from pixelwise.geometry import Warp
from pixelwise.model import Model
from pixelwise.predictor import Predictor
from pixelwise.recipe import Recipe
from pixelwise.run import build_model
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.tiles import Tiles
from pixelwise.types import Category, PixelwiseError

TASK = SemanticTask(CATEGORIES, {"cross_entropy": 1.0})
RECIPE = Recipe(data="", size_hw=(64, 64), width=4, depth=2, batch=4)


class Darkness(nn.Module):
    """A network that answers with the darkness of each pixel: what it should find is known."""

    features, stride = 1, 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 2)


def darkness(**options: object) -> Predictor:
    model = Model(Darkness(), {"class": 1})
    nn.init.ones_(model.heads["class"].weight)
    nn.init.zeros_(model.heads["class"].bias)
    return Predictor(RECIPE, CATEGORIES, TASK, (model.eval(),), torch.device("cpu"), **options)


def untrained(orientation: str = "upright", **options: object) -> Predictor:
    torch.manual_seed(0)
    model = build_model(RECIPE, TASK).eval()
    recipe = replace(RECIPE, orientation=orientation)
    return Predictor(recipe, CATEGORIES, TASK, (model,), torch.device("cpu"), **options)


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("size_hw", [(48, 64), (333, 517), (120, 300), (65, 65)])
def test_what_is_found_lies_where_it_is(size_hw):
    image, mask = draw_disc(3, size_hw)
    result = darkness()(image)
    assert result.labels.shape == result.confidence.shape == size_hw
    assert jaccard(result.labels == 1, mask) > 0.9


@pytest.mark.parametrize("tile_px", [64, 100, 200])
def test_tiles_find_the_same_as_the_whole(tile_px):
    image, mask = draw_disc(5, (420, 333))
    assert jaccard(darkness(tile_px=tile_px)(image).labels == 1, mask) > 0.97


def test_a_picture_smaller_than_a_tile_is_taken_whole():
    image, _ = draw_disc(5, (60, 90))
    whole, tiled = untrained()(image), untrained(tile_px=90)(image)
    assert np.array_equal(whole.confidence, tiled.confidence)


@pytest.mark.parametrize("source_hw", [(1000, 777), (129, 4000), (64, 65)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_fades_add_up_to_one_everywhere(source_hw, stride):
    tiles = Tiles(source_hw, (96, 128), 0.5, stride)
    for axis in (0, 1):
        length = tiles.whole.target_hw[axis] // stride
        total = np.zeros(max(length, tiles.size_hw[axis] // stride))
        for offset, fade in zip(tiles.offsets(axis), tiles.fades(axis), strict=True):
            total[offset : offset + len(fade)] += fade
        assert np.allclose(total[:length], 1, atol=1e-6)


def test_a_batch_is_the_same_as_a_loop():
    images = [draw_disc(i, size)[0] for i, size in enumerate([(50, 70), (64, 64), (31, 90)])]
    predictor = untrained()
    for alone, together in zip(map(predictor, images), predictor.batch(images), strict=True):
        assert np.allclose(alone.confidence, together.confidence, atol=1e-5)
        assert (alone.labels != together.labels).mean() < 1e-3


def test_one_predictor_serves_many_threads():
    images = [draw_disc(i, (60, 80))[0] for i in range(12)]
    predictor = untrained()
    expected = [predictor(image).confidence for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: predictor(image).confidence, images))
    assert all(np.array_equal(a, b) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("step", [(1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize("orientation", ["upright", "any"])
def test_a_mirrored_picture_gives_the_mirrored_result_where_mirror_images_count(orientation, step):
    image, _ = draw_disc(2, (64, 64))
    predictor = untrained(flips=True, orientation=orientation)
    straight = predictor(image).confidence[:: step[0], :: step[1]]
    mirrored = predictor(image[:: step[0], :: step[1]].copy()).confidence
    assert np.allclose(straight, mirrored, atol=1e-4) == (orientation == "any" or step[0] == 1)
    assert not np.allclose(untrained(flips=False)(image).confidence, straight, atol=1e-4)


def test_probabilities_agree_with_labels_and_confidence():
    categories = (*CATEGORIES, Category("other", (0, 200, 0)))
    logits = np.random.default_rng(0).normal(size=(3, 16, 16)).astype(np.float32)
    for task, maps in (
        (TASK, logits[:1]),
        (SemanticTask(categories, {"cross_entropy": 1.0}), logits),
    ):
        warp = Warp.fit((50, 40), (32, 32))
        result = task.decode({"class": maps}, warp, probs=True)
        assert result.probs is not None
        assert np.allclose(result.probs.sum(axis=0), 1, atol=1e-5)
        assert np.array_equal(result.probs.argmax(axis=0), result.labels)
        assert np.allclose(result.probs.max(axis=0), result.confidence, atol=1e-5)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8), 7],
)
def test_what_is_no_picture_is_refused_in_one_sentence(bad):
    with pytest.raises(PixelwiseError, match=r"A picture is \(H, W, 3\) uint8 RGB"):
        untrained()(bad)
