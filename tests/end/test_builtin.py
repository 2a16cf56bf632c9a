"""The models that come with the package: they are there, they work, and can be made again."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import pixelwise
from pixelwise import builtin, rebuild
from pixelwise.madeup.nevi import draw_nevus, write_nevi
from pixelwise.madeup.people import CATEGORIES as PEOPLE
from pixelwise.madeup.people import draw_people, write_people
from pixelwise.metrics.poses import PoseMetric
from pixelwise.run import load_weights, open_run
from pixelwise.tables import scores_of

ROOT = Path(__file__).parents[2]
# Not the seed that the model learned from.
SEED = 5
PARTS = [
    "card.md",
    "categories.json",
    "model.safetensors",
    "recipe.json",
    "split.json",
    "status.json",
]


@pytest.fixture(scope="module")
def nevi(tmp_path_factory) -> Path:
    return write_nevi(tmp_path_factory.mktemp("made") / "nevi", 10, SEED, long_side_px=192)


def jaccard(a, b) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    ("model", "warning", "categories"),
    [
        (builtin.NEVI, "no diagnosis", ["background", "lesion"]),
        (builtin.PEOPLE, "not expected to work on", [each.name for each in PEOPLE]),
    ],
)
def test_it_is_small_has_a_card_and_names_no_picture(model, warning, categories):
    assert (model / "model.safetensors").stat().st_size < 4 * 2**20
    card = (model / "card.md").read_text()
    for words in (warning, f"made-up {model.name}", "real pictures"):
        assert words in card
    run = open_run(model)
    assert run.is_finished and run.split == {} and run.recipe.seed == 0
    assert [category.name for category in run.categories] == categories
    # No folder of the machine it was trained on, which means nothing on another.
    assert "/" not in run.recipe.data and "\\" not in run.recipe.data


def test_it_outlines_nevi_that_it_never_saw():
    predictor = pixelwise.load()
    scores = []
    for index in range(12):
        nevus = draw_nevus(SEED, index, long_side_px=192, variety=0.3)
        scores.append(jaccard(predictor(nevus.image).labels == 1, nevus.mask))
    assert np.median(scores) > 0.85


def test_it_finds_people_that_it_never_saw():
    predictor, metric = pixelwise.load("people"), PoseMetric(PEOPLE)
    for index in range(12):
        scene = draw_people(SEED, index, variety=0.3)
        metric.update(str(index), scene.annotation, predictor(scene.image), {})
    found = {score.name: score for score in scores_of(metric)}
    assert found["oks_ap"].pooled.value > 0.5


def test_the_model_for_synthetic_people_predicts_only_where_it_is_named(type_in):
    cv2.imwrite("photo.png", draw_people(SEED, 0, variety=0.1).image[..., ::-1])
    code, _, err = type_in("pixelwise predict --task pose photo.png")
    assert code == 2 and "pixelwise predict people" in err and "--model" in err
    with pytest.raises(pixelwise.PixelwiseError, match="No built-in model finds poses"):
        pixelwise.load(task="pose")
    code, out, err = type_in("pixelwise predict people photo.png")
    assert code == 0, err
    assert "1 picture" in out
    [line] = Path("predictions/predictions.jsonl").read_text().splitlines()
    assert json.loads(line)["poses"]
    twin = pixelwise.predict("people", ["photo.png"], out="twin")
    assert list(twin.lines) == [json.loads(line)]


def test_evaluate_of_poses_needs_no_run(type_in, tmp_path):
    write_people(tmp_path / "scenes", 4, SEED, variety=0.1)
    code, out, err = type_in(f"pixelwise evaluate {tmp_path / 'scenes'}")
    assert code == 0, err
    assert "the built-in people model" in out and "4 pictures" in out


def test_a_task_without_a_built_in_model_is_refused(type_in):
    cv2.imwrite("photo.png", draw_nevus(SEED, 0, long_side_px=64).image)
    code, _, err = type_in("pixelwise predict --task panoptic photo.png")
    assert code == 2 and "for the task 'panoptic'" in err
    with pytest.raises(pixelwise.PixelwiseError, match="A run knows its task"):
        pixelwise.load(builtin.NEVI, task="pose")


def test_predict_needs_no_run(type_in, tmp_path):
    cv2.imwrite("photo.png", draw_nevus(SEED, 0, long_side_px=192).image[..., ::-1])
    code, out, err = type_in("pixelwise predict photo.png")
    assert code == 0, err
    assert "not a diagnostic tool" in out and "1 picture outlined" in out
    [line] = Path("predictions/predictions.jsonl").read_text().splitlines()
    assert json.loads(line)["categories"][0]["name"] == "lesion"
    twin = pixelwise.predict(None, ["photo.png"], out="twin")
    assert list(twin.lines) == [json.loads(line)]


def test_evaluate_needs_no_run_and_writes_beside_no_installed_file(type_in, nevi):
    before = sorted(builtin.NEVI.rglob("*"))
    code, out, err = type_in(f"pixelwise evaluate {nevi}")
    assert code == 0, err
    assert "not a diagnostic tool" in out and "10 pictures" in out
    found = json.loads(Path("evaluations/nevi/metrics.json").read_text())
    assert found["is_unseen"] and found["scores"]["jaccard"]["mean"]["value"] > 0.6
    assert found["facts"]["Command"] == f"pixelwise evaluate {nevi}"
    assert sorted(builtin.NEVI.rglob("*")) == before


def test_a_slip_is_never_answered_by_the_built_in_model(type_in, nevi):
    for folder in ("runs/mine", "runs/torn"):
        Path(folder).mkdir(parents=True)
    Path("runs/mine/recipe.json").write_text("{}")
    Path("runs/torn/model.safetensors").write_bytes(b"")
    for line, words in {
        "pixelwise predict runs photo.png": "holds some. Name one: mine",
        "pixelwise evaluate runs": "holds some. Name one: mine",
        "pixelwise predict runs/torn photo.png": "has weights but is not a run",
        "pixelwise predict runs/nowhere photo.png": "runs/nowhere does not exist",
        "pixelwise evaluate runs/nowhere": "runs/nowhere does not exist",
        f"pixelwise evaluate runs/torn {nevi}": "is not a run",
        f"pixelwise evaluate {nevi} --split test": "learned from has a 'test' part",
    }.items():
        code, _, err = type_in(line)
        assert code == 2 and words in err, (line, err)
    with pytest.raises(pixelwise.PixelwiseError, match="Give a folder of images and masks"):
        pixelwise.evaluate(None)


def test_the_wheel_carries_it(tmp_path):
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    source.mkdir()
    # A copy: setuptools leaves its own folders beside what it packs.
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    code = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    built = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in PARTS:
        assert {f"pixelwise/builtin/{what}/{name}" for what in rebuild.MADE} <= names


def remade(out: Path, what: str = "nevi") -> Path:
    """A built-in model's own way, with next to no pictures and steps."""
    quick = {"size": 64, "steps": 4, "batch": 4, "width": 4, "depth": 2, "patience": 0}
    quick |= {"task": rebuild.MADE[what].recipe.get("task", "semantic")}
    threads = torch.get_num_threads()
    try:
        return rebuild.rebuild(out, what, count=12, recipe=quick, on_note=lambda note: None)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("what", list(rebuild.MADE))
def test_it_can_be_made_again(tmp_path, what):
    model = remade(tmp_path, what)
    assert sorted(path.name for path in model.iterdir()) == PARTS
    weights, _ = load_weights(model / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16, torch.int64}
    pixelwise.load(model)(draw_nevus(SEED, 0, long_side_px=64).image)


@pytest.mark.slow
def test_it_is_made_with_the_same_bits(tmp_path):
    one, two = (remade(tmp_path / name) for name in "ab")
    for name in PARTS:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize("what", list(rebuild.MADE))
def test_it_is_made_by_the_recipe_that_is_written_down(what):
    run, made = open_run(Path(builtin.__file__).parent / what), rebuild.MADE[what]
    assert run.recipe.data == f"{made.count} made-up {what}, seed {made.seed}"
    for name, value in made.recipe.items():
        found = max(run.recipe.size_hw) if name == "size" else getattr(run.recipe, name)
        assert found == value, name
