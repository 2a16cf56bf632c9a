"""The benchmark on made-up discs: truth, clock, scorer and table; the whole of it when slow."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from contestants._job import Job
from contestants._watch import Watch
from discs import draw_disc, write_folder
from field import Entry
from match import Played, play
from outcome import Outcome, table
from pixelwise import open_dataset
from pixelwise.types import PixelwiseError
from truth import folds_of, write_masks

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PEERS = BENCHMARKS.parent / ".peers" / "bin" / "python"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Otsu's threshold on the first of three folds."""
    root = tmp_path_factory.mktemp("bench")
    dataset = open_dataset(write_folder(root / "data", 12))
    cases = folds_of(write_masks(dataset, root / "truth"), 3, "", root / "truth")[0]
    return Job("otsu", {}, 0, 1.0, 1, "", "auto", "any", str(root / "otsu"), cases)


def test_every_picture_is_tested_once_and_masks_are_the_datasets(job, tmp_path):
    dataset = open_dataset(write_folder(tmp_path / "data", 12))
    folds = folds_of(write_masks(dataset, tmp_path / "truth"), 3, "", tmp_path / "truth")
    tested = [case.id for cases in folds for case in cases if case.part == "test"]
    assert sorted(tested) == sorted(dataset[i].id for i in range(12))
    for case in folds[0]:
        _, mask = draw_disc(int(case.id.removeprefix("disc")))
        assert np.array_equal(cv2.imread(case.mask, cv2.IMREAD_GRAYSCALE), mask * 255)


def test_a_contestant_is_scored_from_its_masks_and_not_run_twice(job, capsys):
    played = play(job, sys.executable)
    assert set(played.scores) == {"1"}
    for case in job.tested:
        found = cv2.imread(str(job.folder / "masks" / "1" / f"{case.id}.png"), 0) > 0
        _, mask = draw_disc(int(case.id.removeprefix("disc")))
        jaccard = (found & mask).sum() / (found | mask).sum()
        assert played.scores["1"][case.id]["jaccard"] == pytest.approx(jaccard)
        assert jaccard > 0.9  # dark discs on light ground
    assert play(job, "no such python") == played
    assert "done before" in capsys.readouterr().out
    with pytest.raises(PixelwiseError, match="another benchmark"):
        play(replace(job, budget_s=2.0), sys.executable)


def test_a_contestant_that_fails_is_said_so(job, tmp_path, capsys):
    assert play(replace(job, program="nobody", out=str(tmp_path / "out")), sys.executable) is None
    assert "nobody" in (tmp_path / "out" / "log.txt").read_text()


def test_the_watch_keeps_weights_when_due_and_ends_at_the_budget(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr("contestants._watch.time.monotonic", lambda: now)
    watch, kept = Watch(16.0, tmp_path), []
    for second in (0.5, 1.5, 2.5, 9.0, 10.0):
        now = 100.0 + second
        assert watch.step(4, kept.append)
    # A quarter passed within a step: what was known after it counts.
    assert watch.kept == {"1/16": 1.5, "1/4": 9.0}
    now = 116.0
    assert not watch.step(4, kept.append)
    watch.stop(kept.append)
    assert [path.name for path in kept] == [f"weights-{s}" for s in ("1-of-16", "1-of-4", "1")]
    assert watch.pictures_per_s == pytest.approx(5 * 4 / 15.5)


def _outcome(entry: Entry, *curve: float) -> Outcome:
    """Pictures a and b, one fold each, with these mean Jaccards at 1/2 and at the end."""
    shares = ("1/2", "1")
    result = {"kept_s": {"1/2": 5.0, "1": 10.0}, "learned_s": 10.0, "num_steps": 3, "workers": 1}
    folds = [
        Played(
            {**result, "loader_pictures_per_s": {}},
            {s: {name: {"jaccard": v + d, "dice": v}} for s, v in zip(shares, curve, strict=True)},
            100.0,
        )
        for name, d in (("b", -0.05), ("a", 0.05))
    ]
    return Outcome(entry, tuple(folds))


def test_the_table_pairs_pictures_and_names_the_time_to_the_lessons_accuracy():
    ours = _outcome(Entry("ours", "ours"), 0.8, 0.9)
    lesson = _outcome(Entry("lesson U-Net", "lesson"), 0.5, 0.7)
    assert ours.seconds_to(0.7) == 5.0 and ours.seconds_to(0.85) == 10.0
    assert lesson.seconds_to(0.95) is None
    rows = table([ours, lesson], {"a": {}, "b": {}}).splitlines()
    assert "| ours | 0.900 (" in rows[2] and "| 5.0 |" in rows[2]
    assert "| lesson U-Net | 0.700 (" in rows[3] and "| 0.200 (" in rows[3]


@pytest.mark.slow
def test_the_whole_benchmark_on_discs(tmp_path):
    data = write_folder(tmp_path / "data", 16)
    command = [sys.executable, str(BENCHMARKS / "bench.py"), str(data), "--budget-s", "4"]
    command += ["--folds", "2", "--out", str(tmp_path / "out")]
    command += ["--peers", str(PEERS)] if PEERS.exists() else []
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "left out" not in first.stdout
    folder = tmp_path / "out" / "bench"
    assert (folder / "table.md").read_text() in first.stdout and (folder / "curves.png").exists()
    found = json.loads((folder / "results.json").read_text())
    assert {"ours", "lesson SegNet", "lesson U-Net"} <= {each["entry"]["name"] for each in found}
    for each in found:
        tested = [name for fold in each["folds"] for name in fold["scores"]["1"]]
        assert len(tested) == len(set(tested)) == 16
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout.count("done before") == 2 * len(found)
