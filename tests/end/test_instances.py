"""Instances and panoptic segments as a user meets them: learned, measured, predicted."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pixelwise.loader import views
from pixelwise.madeup.people import write_people
from pixelwise.plan import look
from pixelwise.predictor import load
from pixelwise.recipe import Recipe, derive
from pixelwise.run import Run
from pixelwise.store import Picture, shrink
from pixelwise.training import train
from pixelwise.types import Annotation, Instances, Panoptic, PixelwiseError, Sample
from small import SMALL


def cells(index: int, size_hw=(96, 128)) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on a dark ground: (H, W, 3) uint8 and their numbers (H, W) uint16."""
    rng = np.random.default_rng(index)
    ids = np.zeros(size_hw, np.uint16)
    places = [(y, x) for y in range(8, size_hw[0] - 8, 16) for x in range(8, size_hw[1] - 8, 16)]
    for number, place in enumerate(rng.permutation(len(places))[: rng.integers(9, 17)], start=1):
        y, x = np.array(places[place]) + rng.integers(-2, 3, 2)
        cv2.circle(ids, (int(x), int(y)), int(rng.integers(4, 7)), number, -1)
    image = np.where(ids[..., None] > 0, 190, 40) + rng.normal(0, 8, (*size_hw, 3))
    return np.clip(image, 0, 255).astype(np.uint8), ids


def write_cells(root: Path, count: int = 20, size_hw=(96, 128)) -> Path:
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for index in range(count):
        image, ids = cells(index, size_hw)
        cv2.imwrite(str(root / "images" / f"c{index:02}.png"), image)
        cv2.imwrite(str(root / "labels" / f"c{index:02}.png"), ids)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_cells(tmp_path_factory.mktemp("cells") / "data")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Run:
    return train(data, out=tmp_path_factory.mktemp("runs") / "run", steps=110, **SMALL)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("people") / "data"
    write_people(root, 12, 0, long_side_px=96, variety=0.0)
    return root


def test_numbered_cells_are_learned_through_windows_without_being_asked(run):
    recipe = run.recipe
    assert (recipe.task, recipe.orientation, recipe.tile_px) == ("instance", "any", 64)
    assert recipe.size_hw == (64, 64)


def test_a_run_learns_to_count_cells(run):
    wrong = []
    for index in range(100, 106):
        image, ids = cells(index)
        result = load(run.path)(image)
        assert isinstance(result, Instances) and result.id_map.shape == ids.shape
        wrong.append(abs(len(result) - int(ids.max())))
    assert np.mean(wrong) < 3


@pytest.mark.parametrize("size_hw", [(40, 50), (96, 128), (300, 200)])
def test_a_picture_of_any_size_is_seen_at_the_scale_that_was_learned(run, size_hw):
    image, _ids = cells(7, size_hw)
    result = load(run.path)(image)
    assert result.id_map.shape == size_hw
    areas = np.bincount(result.id_map.ravel())[1:]
    assert 20 < np.median(areas) < 250


def test_cells_on_the_seam_of_two_tiles_stay_whole(run):
    """Maps are laid together, not results: a cell under a seam is found once."""
    image = np.full((64, 160, 3), 40, np.uint8)
    for x in range(12, 160, 17):
        cv2.circle(image, (x, 32), 6, (190, 190, 190), -1)
    result = load(run.path)(image)
    assert abs(len(result) - len(range(12, 160, 17))) <= 1


def test_evaluate_and_predict_from_the_command_line(run, data, type_in, tmp_path):
    code, said, _ = type_in(f"pixelwise evaluate {run.path} --out report")
    assert code == 0 and "panoptic quality" in said.lower()
    found = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert found["task"] == "instance" and 0 < found["scores"]["pq"]["mean"]["value"] <= 1
    code, said, _ = type_in(f"pixelwise predict {run.path} {data / 'images'} --out found")
    assert code == 0 and "20 pictures" in said and "instances" in said
    rows = list(csv.DictReader((tmp_path / "found" / "instances.csv").open()))
    ids = cv2.imread(str(tmp_path / "found" / "c00_ids.png"), cv2.IMREAD_UNCHANGED)
    assert len([row for row in rows if Path(row["picture"]).name == "c00.png"]) == ids.max()


def test_check_says_what_training_will_do(data, type_in):
    code, said, _ = type_in(f"pixelwise check {data}")
    assert code == 0 and "instance segmentation" in said and "windows of 256 pixels" in said


def test_people_are_panoptic_and_can_be_instances_or_classes(people, tmp_path):
    kinds = {}
    for task in (None, "instance", "semantic"):
        asked = {} if task is None else {"task": task}
        run = train(people, out=tmp_path / f"{task}", steps=3, **SMALL, **asked)
        kinds[run.recipe.task] = type(load(run.path)(np.zeros((72, 96, 3), np.uint8))).__name__
    assert kinds == {"panoptic": "Panoptic", "instance": "Instances", "semantic": "Semantic"}
    assert issubclass(Panoptic, Instances)


def test_instances_are_not_made_from_classes(tmp_path):
    from discs import write_folder

    with pytest.raises(PixelwiseError, match="has classes and no instances"):
        train(write_folder(tmp_path / "discs"), out=tmp_path / "run", task="instance", **SMALL)
    assert not (tmp_path / "run").exists()


def test_few_large_things_are_seen_as_a_whole(people):
    from pixelwise import open_dataset

    recipe = derive(look(open_dataset(people)), str(people), {})
    assert (recipe.task, recipe.tile_px, recipe.orientation) == ("panoptic", None, "upright")


def picture(size_hw) -> Picture:
    image = np.zeros((*size_hw, 3), np.uint8)
    sample = Sample("p", (), lambda: image, lambda: Annotation(np.zeros(size_hw, np.uint8)))
    return shrink(sample, (64, 64), 128)


@pytest.mark.parametrize("size_hw", [(50, 60), (128, 128), (500, 300), (129, 1000)])
def test_windows_lie_in_the_picture_and_have_one_scale(size_hw):
    recipe = Recipe(data="d", size_hw=(64, 64), tile_px=128)
    kept = picture(size_hw)
    for warp in views(kept, recipe, 100):
        assert np.linalg.det(warp.matrix[:2, :2]) ** 0.5 * kept.scale == pytest.approx(0.5)
        corners = warp.inverse().points(np.array([[0.0, 0.0], [64.0, 64.0]])) / kept.scale
        for axis, length in ((0, size_hw[1]), (1, size_hw[0])):
            if length >= 128:
                assert corners[0, axis] >= -1 and corners[1, axis] <= length + 1
