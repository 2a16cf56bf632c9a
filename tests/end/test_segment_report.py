"""Evaluating and comparing instances and panoptic segmentations, up to the files written."""

import csv
import json
import re

import numpy as np
import pytest

from pixelwise import report
from pixelwise.comparison import compare
from pixelwise.evaluation import evaluate
from pixelwise.metrics.segments import InstanceMetric, PanopticMetric
from pixelwise.types import PixelwiseError
from segments import NUCLEI, SCENE, annotated, found, scene
from staged import stage

NUM = 8


def nuclei(seed: int):
    """Up to five squares, and a prediction that is shifted, misses one and invents one."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(12)[: seed % 6]
    masks = []
    for place in places:
        mask = np.zeros((40, 48), np.bool_)
        top, left = 12 * (place // 4) + 2, 12 * (place % 4) + 2
        mask[top : top + 8, left : left + 8] = True
        masks.append(mask)
    id_map = np.zeros((40, 48), np.int32)
    for number, mask in enumerate(masks[: 1 + seed // 2], start=1):
        id_map[np.roll(mask, seed % 3, 1)] = number
    number = id_map.max() + 1
    if seed % 2:
        id_map[36:40, :4] = number
    count = int(id_map.max())
    return annotated(masks, [1] * len(masks), size_hw=(40, 48)), found(id_map, [1] * count)


TASKS = {
    "instance": (InstanceMetric, NUCLEI, nuclei),
    "panoptic": (PanopticMetric, SCENE, scene),
}


@pytest.fixture(params=TASKS)
def kind(request):
    return request.param


@pytest.fixture
def make(monkeypatch, tmp_path, kind):
    """Makes a run whose predictions are made up; "worse" finds nothing in every third picture."""
    metric, categories, picture = TASKS[kind]

    def predict(name: str, number: int):
        if name == "worse" and number % 3 == 0:
            return found(np.zeros((40, 48)), [], categories=categories)
        return picture(number)[1]

    return stage(
        monkeypatch,
        tmp_path,
        num=NUM,
        size_hw=(40, 48),
        categories=categories,
        metric=lambda: metric(categories),
        truth=lambda number: picture(number)[0],
        predict=predict,
    )


@pytest.fixture
def no_page(monkeypatch):
    """For tests that look at the table alone: drawing a page's figures takes most of the time."""
    monkeypatch.setattr(report, "render", lambda evaluation: "")


def rows(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("no_page")
def test_three_files_say_the_same(make, kind):
    run = make("a")
    measured = evaluate(run.path)
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics["task"] == kind and metrics["num_pictures"] == NUM
    assert metrics["scores"]["pq"]["pooled"]["value"] == measured.headline.value
    assert metrics["scores"]["ap50"]["mean"]["value"] is None
    assert metrics["calibration"] is None and metrics["confusion"] is None
    assert measured.sentence == metrics["sentence"] and "panoptic quality" in measured.sentence
    low, high = measured.headline.low, measured.headline.high
    assert low < measured.headline.value < high
    table = rows(run.path / "per_image.csv")
    assert {row["id"] for row in table} == {f"p<{n}>" for n in range(NUM)}
    by_category: dict[str, np.ndarray] = {}
    for row in table:
        sums = np.array([float(row[name]) for name in ("iou_sum", "tp", "fp", "fn")])
        by_category[row["category"]] = by_category.get(row["category"], 0) + sums
    by_category.pop("", None)
    qualities = [iou / (tp + fp / 2 + fn / 2) for iou, tp, fp, fn in by_category.values()]
    assert measured.headline.value == pytest.approx(np.mean(qualities))


def test_the_report_needs_nothing_from_outside_and_shows_the_task(make, kind):
    text = evaluate(make("a").path).report.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", text)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "p&lt;1&gt;" in text and "p<1>" not in text
    for words in (
        "Average precision, as COCO counts it",
        "TP / (TP + FP + FN) at IoU 0.5",
        "Best Dice",
        "Count error",
        "missed (the truth&#39;s)",
        "By diagnosis",
        "Void and crowds",
    ):
        assert words in text, words
    assert ("Panoptic quality of stuff" in text) == (kind == "panoptic")
    assert "Jaccard" not in text and "Calibration" not in text
    assert "nan" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).lower().split("</style>")[1]


@pytest.mark.usefixtures("no_page")
def test_a_run_that_finds_less_is_worse(make):
    for name in ("better", "worse"):
        evaluate(make(name).path)
    folders = [make(name).path for name in ("better", "worse")]
    compared = compare(*folders)
    first = compared.differences[0]
    assert first.name == "pq" and first.difference.value > 0
    assert first.difference.value == pytest.approx(first.a.value - first.b.value)
    assert "panoptic quality" in compared.sentence
    assert all("Not every image has every measure" in note for note in compared.notes)
    assert {line.difference.value for line in compare(folders[0], folders[0]).differences} == {0}


@pytest.mark.usefixtures("no_page")
def test_tasks_are_not_compared_with_one_another(make, tmp_path):
    evaluate(make("a").path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "per_image.csv").write_text("id,category,jaccard,tp,fn\np<1>,x,0.5,1,1\n")
    with pytest.raises(PixelwiseError, match="different tasks"):
        compare(tmp_path / "a", tmp_path / "b")


def test_a_pixels_size_is_refused_where_no_distance_is_measured(make):
    with pytest.raises(PixelwiseError, match="Leave out --pixel-mm"):
        evaluate(make("a").path, pixel_mm=0.5)
