"""Evaluating and comparing poses, up to the files written."""

import csv
import json
import re

import numpy as np
import pytest

from pixelwise import draw, report
from pixelwise.comparison import compare
from pixelwise.evaluation import evaluate, score
from pixelwise.metrics.poses import PoseMetric
from pixelwise.report import pose_case
from pixelwise.report.gallery import draw_case
from pixelwise.skeletons import COCO
from pixelwise.types import PixelwiseError, Sample
from posed import PEOPLE, SIZE_HW, as_found, group, people, poses, standing
from staged import stage

NUM = 7


def picture(number: int):
    """People and poses; nobody in the last one."""
    return group(number, 4) if number < NUM - 1 else (people([]), poses([]))


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Makes a run whose poses are made up; "worse" loses the surest in every picture."""

    def predict(name: str, number: int):
        result = picture(number)[1]
        lost = int(name == "worse")
        return poses(result.keypoints[lost:], result.scores[lost:])

    return stage(
        monkeypatch,
        tmp_path,
        num=NUM,
        size_hw=SIZE_HW,
        categories=PEOPLE,
        metric=lambda: PoseMetric(PEOPLE),
        truth=lambda number: picture(number)[0],
        predict=predict,
    )


@pytest.fixture
def no_page(monkeypatch):
    monkeypatch.setattr(report, "render", lambda evaluation: "")


@pytest.mark.usefixtures("no_page")
def test_three_files_say_the_same(make):
    run = make("a")
    measured = evaluate(run.path)
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics["task"] == "pose" and metrics["num_pictures"] == NUM
    assert metrics["scores"]["oks_ap"]["pooled"]["value"] == measured.headline.value
    assert metrics["scores"]["oks_ap"]["mean"]["value"] is None
    low, high = measured.headline.low, measured.headline.high
    assert low < measured.headline.value < high
    assert tuple(metrics["categories"]) == COCO.joints
    assert "OKS AP" in measured.sentence and "PCK@0.2" in measured.sentence
    assert any("Crowds and people without" in note for note in measured.notes)
    with (run.path / "per_image.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["id"] for row in table] == [f"p<{n}>" for n in range(NUM)]
    oks, tp, fp, fn = (
        sum(float(row[name]) for row in table) for name in ("oks_sum", "tp", "fp", "fn")
    )
    quality = metrics["scores"]["pose_quality"]["pooled"]["value"]
    assert quality == pytest.approx(oks / (tp + fp / 2 + fn / 2))
    # Nobody is in the last picture: its joints are not defined, and it is perfect.
    assert table[-1]["pck_20_nose"] == "" and float(table[-1]["pose_quality"]) == 1
    pairs = [(float(row["pck_20"]), int(row["num_measured"])) for row in table if row["pck_20"]]
    pck = sum(share * count for share, count in pairs) / sum(count for _, count in pairs)
    assert metrics["scores"]["pck_20"]["pooled"]["value"] == pytest.approx(pck)


def test_the_report_needs_nothing_from_outside_and_speaks_of_people_and_joints(make):
    text = evaluate(make("a").path).report.read_text()
    assert not re.findall(r"(?:src|href)=[\"'](?!data:)", text)
    plain = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).split("</style>")[1]
    assert "http" not in plain and "p&lt;1&gt;" in plain
    for words in (
        "Average precision, as COCO counts it",
        "OKS AP (mean over OKS 0.50 to 0.95)",
        "PCK@0.2 (joints within 0.2 of the torso)",
        "Pooled over people",
        "By joint",
        "left_wrist",
        "missed (the truth)",
        "By diagnosis",
        "By pose quality.",
        "the torso (left_shoulder to right_hip and right_shoulder to left_hip)",
        "People found against people there are",
    ):
        assert words in plain, words
    for words in ("Jaccard", "Calibration", "segments", "category", "PCKh", "By category"):
        assert words not in plain, words
    # Nor does a number that is not defined show as one.
    assert not re.search(r"\bnan\b", plain)


@pytest.mark.usefixtures("no_page")
def test_a_run_that_finds_less_is_worse(make):
    folders = [evaluate(make(name).path).out for name in ("better", "worse")]
    compared = compare(*folders)
    assert [line.name for line in compared.differences[:2]] == ["pose_quality", "pck_20"]
    assert compared.differences[0].difference.value > 0
    assert "mean pose quality" in compared.sentence and "PCK@0.2" in compared.sentence
    assert not compared.notes
    assert {line.difference.value for line in compare(folders[0], folders[0]).differences} == {0}


def test_pictures_with_people_whose_joints_nobody_labelled_are_named_and_left_out():
    unlabelled = people(np.zeros((2, 17, 3)), boxes=[(1, 1, 9, 9), (20, 20, 40, 60)])
    truths = {"labelled": group(0)[0], "not": unlabelled, "nobody": people([])}
    samples = [
        Sample(name, (), lambda: np.zeros((*SIZE_HW, 3), np.uint8), lambda name=name: truths[name])
        for name in truths
    ]
    scored = score(samples, lambda sample: lambda image: poses([]), PoseMetric(PEOPLE))
    assert scored.metric.ids == ["labelled", "nobody"]
    assert [(each.id, "labelled joint" in each.reason) for each in scored.skipped] == [
        ("not", True)
    ]
    with pytest.raises(PixelwiseError, match="None of the 1 pictures"):
        score(samples[1:2], lambda sample: lambda image: poses([]), PoseMetric(PEOPLE))


def test_who_was_found_missed_invented_and_not_counted_have_their_colours():
    there = [standing(30 + 150 * place, 60, 100, 220) for place in range(2)]
    boxes = [(30, 60, 130, 280), (180, 60, 280, 280), (480, 20, 580, 120)]
    truth = people([*there, np.zeros((17, 3))], boxes=boxes)
    off, elsewhere = there[0].copy(), standing(330, 100, 90, 220)
    off[:, 0] += 8
    image = np.full((*SIZE_HW, 3), 128, np.uint8)
    drawn = draw_case(image, truth, poses([off, elsewhere]), PoseMetric(PEOPLE))
    assert drawn.shape == (320, 480, 3)

    def colors(xy) -> set[tuple[int, ...]]:
        x, y = (round(0.8 * float(each)) for each in xy[:2])
        return {tuple(pixel) for pixel in drawn[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)}

    knee = COCO.joints.index("left_knee")
    assert draw.TRUTH in colors(there[0][knee]) and draw.PREDICTION in colors(off[knee])
    assert pose_case.MISSED in colors(there[1][knee])
    assert draw.FALSE in colors(elsewhere[knee])
    assert pose_case.IGNORED in colors((530, 20))
    between = colors((there[0][knee] + off[knee])[:2] / 2)
    assert max(min(color) for color in between) > 180, "no thin white line"
    perfect = draw_case(image, truth, as_found(truth), PoseMetric(PEOPLE))
    shown = {tuple(pixel) for pixel in perfect.reshape(-1, 3)}
    assert not shown & {pose_case.MISSED, draw.FALSE}
