"""Runs that were killed, are still being trained or stopped early say so wherever they are used."""

import json
from pathlib import Path

import numpy as np
import pytest

from discs import write_folder
from pixelwise import comparison, trained
from pixelwise.evaluation import evaluate
from pixelwise.run import Run, open_run
from pixelwise.status import Status
from pixelwise.training import Learner, train
from pixelwise.types import PixelwiseError
from small import SMALL


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("discs") / "data")


def killed(data: Path, out: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that is interrupted in the step after so many."""
    take = Learner._take

    def stop(self: Learner, batch: object) -> None:
        if self.facts.step == after:
            raise KeyboardInterrupt
        take(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "_take", stop)
        with pytest.raises(KeyboardInterrupt):
            train(data, out=out, steps=20, **SMALL)
    return open_run(out)


def stopped(data: Path, out: Path, after: int, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that stops early after so many steps of 20."""
    notes: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "_has_plateaued", lambda self: self.facts.step >= after)
        train(data, out=out, steps=20, **{**SMALL, "on_note": notes.append})
    assert f"stopped early, after {after} of 20 planned steps" in notes[-1]
    return open_run(out)


def test_a_killed_run_is_no_finished_one_anywhere(data, tmp_path, monkeypatch, type_in):
    run = killed(data, tmp_path / "cut", 7, monkeypatch)
    said = "cut is not finished: it was interrupted or is still being trained, after 7 of 20"
    assert run.status == Status("training", 7, 20) and said in trained.warning(run)
    assert said in (run.path / "card.md").read_text()
    assert "7 steps so far (not finished; 20 are planned)" in (run.path / "card.md").read_text()
    code, out, _ = type_in("pixelwise predict cut " + str(data / "images"))
    assert code == 0 and said in out
    code, out, _ = type_in("pixelwise evaluate cut")
    assert code == 0 and said in out
    page, metrics = (run.path / name for name in ("report.html", "metrics.json"))
    assert said in page.read_text() and "7 steps so far" in page.read_text()
    training = json.loads(metrics.read_text())["training"]
    assert {**training, "weights_step": 0} == {
        "state": "training",
        "stopped_early": False,
        "step": 7,
        "steps": 20,
        "weights_step": 0,
    }
    assert training["weights_step"] == run.kept_step > 0
    code, out, _ = type_in("pixelwise compare cut cut")
    assert code == 0 and "was not finished when it was measured, after 7 of 20 planned" in out
    notes: list[str] = []
    asked = {**SMALL, "start": str(run.path), "on_note": notes.append}
    other = write_folder(tmp_path / "other", 8, first=60)
    train(other, out=tmp_path / "next", steps=1, **asked)
    assert said in notes[0]
    # Resumed it is finished, and nothing is said any more.
    train(data, out=run.path, steps=20, **SMALL)
    assert trained.warning(run) is None and "not finished" not in (run.path / "card.md").read_text()
    _, out, _ = type_in("pixelwise evaluate cut")
    assert "not finished" not in out and "not finished" not in page.read_text()


def test_a_run_that_stopped_early_took_the_steps_it_took(data, tmp_path, monkeypatch, type_in):
    run = stopped(data, tmp_path / "early", 11, monkeypatch)
    assert run.status == Status("finished", 11, 20) and run.is_finished
    card = (run.path / "card.md").read_text()
    assert "for 11 steps (20 were planned; stopped early)" in card and "for 20 steps" not in card
    assert f"weights: of step {run.kept_step}" in card
    found = evaluate(run.path)
    assert "for 11 steps (20 were planned" in found.facts["Recipe"]
    assert found.facts["Weights"] == f"of step {run.kept_step}"
    assert "stopped early, after 11 of 20" in found.notes[0]
    compared = comparison.compare(run.path, run.path)
    assert "stopped early, after 11 of 20 planned steps." in compared.notes[0]
    _, out, _ = type_in("pixelwise predict early " + str(data / "images"))
    assert "stopped early, after 11 of 20 planned steps" in out


def test_a_run_that_took_all_its_steps_is_not_talked_about(data, tmp_path):
    notes: list[str] = []
    run = train(data, out=tmp_path / "whole", steps=3, **{**SMALL, "on_note": notes.append})
    assert not notes and trained.warning(run) is None and trained.length(run) == "3 steps"
    assert not any("step" in note for note in evaluate(run.path).notes)


def test_exports_say_of_which_training_they_are(data, tmp_path, monkeypatch, type_in):
    pytest.importorskip("onnx")
    from pixelwise.formats import onnx

    run = killed(data, tmp_path / "cut", 7, monkeypatch)
    code, out, _ = type_in("pixelwise export cut --to onnx")
    assert code == 0 and "cut is not finished" in out
    found = json.loads(onnx.metadata(run.path / "exports/model.onnx")["training"])
    assert (found["state"], found["step"], found["steps"]) == ("training", 7, 20)
    # The card is written anew while training, and keeps its exports.
    train(data, out=run.path, steps=20, **SMALL)
    assert "exports/model.onnx" in (run.path / "card.md").read_text()


def test_folds_of_which_one_is_not_finished(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=2, folds=2, **SMALL)
    assert trained.warning(run) is None and trained.length(run) == "2 steps"
    Status("training", 1, 2).write(run.folds[1].path)
    assert "(fold-1)" in trained.warning(run)
    assert trained.as_json(run)["state"] == "training"
    Status("finished", 1, 2).write(run.folds[1].path)
    assert "1 of 2 folds of run stopped early" in trained.warning(run)
    assert "2 steps or 1 step (2 were planned" in trained.length(run)


def test_each_part_has_a_folder_of_its_own(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=2, **SMALL)
    held_out = evaluate(run.path)
    report = held_out.report.read_bytes()
    for part in ("train", "val"):
        found = evaluate(run.path, split=part)
        assert found.out == run.path / f"part-{part}" and found.report.exists()
        assert json.loads((found.out / "metrics.json").read_text())["part"] == part
    assert held_out.report.read_bytes() == report and held_out.out == run.path
    assert evaluate(run.path, split="test").out == run.path


def test_training_images_are_not_compared_without_being_told_to(data, tmp_path, type_in):
    for seed in (0, 1):
        run = train(data, out=tmp_path / f"run{seed}", steps=2, seed=seed, start="none", **SMALL)
        evaluate(run.path)
        evaluate(run.path, split="train")
    compared = comparison.compare(tmp_path / "run0", tmp_path / "run0")
    assert compared.measured_on == "Both were measured on the run's test part."
    assert not compared.notes
    for line in ("run0/part-train run1/part-train", "run0/part-train/per_image.csv run0"):
        code, out, err = type_in(f"pixelwise compare {line}")
        assert code == 2 and "run0/part-train" in err and "--training-images" in err
    code, out, _ = type_in("pixelwise compare run0/part-train run1/part-train --training-images")
    assert code == 0 and "Both were measured on the run's training part." in out
    assert "was trained on the images that it was measured on" in out


def test_a_damaged_metrics_json_is_named(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=2, **SMALL)
    evaluate(run.path)
    (run.path / "metrics.json").write_text("[]")
    with pytest.raises(PixelwiseError, match=r"metrics\.json is damaged"):
        comparison.compare(run.path, run.path)


def test_a_short_run_does_not_stop_while_its_first_scores_are_the_best(data, tmp_path, monkeypatch):
    """What happened: 20 steps that are 20 validations, the first of them by chance the best."""
    lucky = iter([0.3, *(0.01 * k for k in range(30))])
    monkeypatch.setattr(
        "pixelwise.validate.Validation.scores",
        lambda self, model, device: np.array([next(lucky)] * 2),
    )
    run = train(data, out=tmp_path / "run", steps=20, **SMALL)
    assert run.status == Status("finished", 20, 20) and len(run.history) == 20
