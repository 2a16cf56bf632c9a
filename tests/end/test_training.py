"""Learning as a user does it: to the end, interrupted, in folds, and with wrong wishes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from discs import draw_disc, write_folder
from pixelwise.datasets import open_dataset
from pixelwise.predictor import load
from pixelwise.run import Run, begin_model, load_model, load_weights, open_run
from pixelwise.status import Status
from pixelwise.training import Learner, read_pictures, train
from pixelwise.types import PixelwiseError
from small import SMALL
from untrained import write_run


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(data, out=tmp_path_factory.mktemp("runs") / "run", steps=90, **SMALL)


def test_a_run_learns_discs(run):
    scores = []
    for index in range(100, 108):
        image, mask = draw_disc(index)
        found = load(run.path)(image).labels == 1
        scores.append((found & mask).sum() / (found | mask).sum())
    assert np.mean(scores) > 0.85


def test_a_finished_run_is_complete(run):
    files = {path.name for path in run.path.iterdir()}
    assert files == {
        "recipe.json",
        "categories.json",
        "split.json",
        "history.jsonl",
        "model.safetensors",
        "last.safetensors",
        "card.md",
        "status.json",
    }
    assert [line["step"] for line in run.history] == list(range(5, 91, 5))
    assert open_run(run.path).recipe == run.recipe
    parts = [entry["split"] for entry in run.split.values()]
    assert (parts.count("train"), parts.count("val"), parts.count("test")) == (17, 2, 5)


COMMAND = """
import sys
from pixelwise.training import train
train(sys.argv[1], out=sys.argv[2], steps=30, size=64, width=8, depth=2, batch=4,
      learning_rate=2e-2, workers=2)
"""


def test_killed_and_started_again_ends_with_the_same_bits(data, tmp_path):
    never = train(data, out=tmp_path / "never", steps=30, **SMALL)
    again = tmp_path / "again"
    environment = {**os.environ, "OMP_NUM_THREADS": str(_threads())}
    process = subprocess.Popen([sys.executable, "-c", COMMAND, data, again], env=environment)
    _wait_for_a_state(again, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    step = json.loads(load_weights(open_run(again).state)[1]["facts"])["step"]
    assert 0 < step < 30 and not open_run(again).is_finished
    subprocess.run([sys.executable, "-c", COMMAND, data, again], env=environment, check=True)
    for name in ("model.safetensors", "last.safetensors"):
        assert digest(again / name) == digest(never.path / name)
    kept = [{k: v for k, v in line.items() if k != "pictures_per_s"} for line in never.history]
    found = [
        {k: v for k, v in line.items() if k != "pictures_per_s"} for line in open_run(again).history
    ]
    assert found == kept


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _wait_for_a_state(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not (folder / "state" / "state.safetensors").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def test_the_same_steps_repeat_what_a_budget_gave(data, tmp_path):
    timed = train(data, out=tmp_path / "timed", budget_s=4.0, **SMALL)
    assert timed.recipe.steps is not None and timed.recipe.steps >= 30
    counted = train(data, out=tmp_path / "counted", steps=timed.recipe.steps, **SMALL)
    assert digest(counted.weights) == digest(timed.weights)


def test_an_interrupted_learner_leaves_nothing_half_written(data, tmp_path, monkeypatch):
    finish = Learner._finish
    monkeypatch.setattr(Learner, "_finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(data, out=tmp_path / "run", steps=10, **SMALL)
    assert not any(path.name.endswith(".part") for path in tmp_path.rglob("*"))
    monkeypatch.setattr(Learner, "_finish", finish)
    assert train(data, out=tmp_path / "run", steps=10, **SMALL).is_finished


def test_folds_cover_every_picture_once_and_predict_together(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=6, folds=3, **SMALL)
    tested = [name for fold in run.folds for name in fold.ids("test")]
    assert sorted(tested) == sorted(run.split) and len(tested) == 24
    together = load(run.path)
    image, _ = draw_disc(50)
    logits = [load(fold.path)._maps([image])["class"] for fold in run.folds]
    assert len(together.models) == 3
    assert np.allclose(together._maps([image])["class"], np.mean(logits, axis=0), atol=1e-5)
    assert not np.allclose(logits[0], logits[1])


def test_other_settings_for_the_same_folder_are_refused(data, run):
    with pytest.raises(PixelwiseError, match=r"begun with other settings .*seed was 0, is 1"):
        train(data, out=run.path, steps=90, seed=1, **SMALL)
    with pytest.raises(PixelwiseError, match=r"other settings .*steps was 90, is 95"):
        train(data, out=run.path, steps=95, **SMALL)


def test_changed_data_is_refused(data, run, tmp_path):
    other = write_folder(tmp_path / "data", count=23)
    with pytest.raises(PixelwiseError, match="changed since"):
        train(other, out=run.path, steps=90, **SMALL)


def test_a_diverging_loss_names_step_pictures_and_advice(data, tmp_path):
    with pytest.raises(PixelwiseError, match=r"step \d+ .*disc\d+.*--learning-rate"):
        wild = {**SMALL, "learning_rate": 1e30, "optimizer": "sgd"}
        train(data, out=tmp_path / "run", steps=40, **wild)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"network": "unett"}, "There are: .*unet"),
        ({"loss": {"dise": 1.0}}, "dise"),
        ({"optimizer": "adam"}, "'adamw', 'sgd' or 'muon'"),
        ({"batch": 0}, "At least one picture"),
        ({"device": "tpu"}, "'auto', 'cpu'"),
        ({"colour": 3}, "colour"),
        ({"network": "lesson_unet", "width": 8, "depth": None}, "width"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence_and_writes_nothing(data, tmp_path, wish, sentence):
    with pytest.raises(PixelwiseError, match=sentence):
        train(data, out=tmp_path / "run", **{**SMALL, "steps": 5, **wish})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("damage", ["recipe.json", "split.json", "model.safetensors"])
def test_a_damaged_run_is_named(run, tmp_path, damage):
    import shutil

    copy = Path(shutil.copytree(run.path, tmp_path / "copy"))
    (copy / damage).write_bytes(b"\x80\x04 not what it was")
    with pytest.raises(PixelwiseError, match=damage):
        load(copy)


def test_weights_of_another_network_are_refused(run, tmp_path):
    import shutil

    copy = Path(shutil.copytree(run.path, tmp_path / "copy"))
    recipe = json.loads((copy / "recipe.json").read_text())
    (copy / "recipe.json").write_text(json.dumps({**recipe, "width": 6}))
    with pytest.raises(PixelwiseError, match="other layers"):
        load(copy)


def test_tensorboard_gets_the_history(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(data, out=tmp_path / "run", steps=4, loggers=["tensorboard"], **SMALL)
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("val_score")]
    assert [step for step, _ in found] == [line["step"] for line in run.history] == [1, 2, 3, 4]
    assert np.allclose([v for _, v in found], [line["val_score"] for line in run.history])


def test_a_folder_that_is_no_run_is_left_alone(data, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(PixelwiseError, match="not empty and not a run"):
        train(data, out=tmp_path / "mine", steps=3, **SMALL)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_an_interruption_while_planning_folds_is_no_obstacle(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=2, folds=2, **SMALL)
    kept = digest(run.folds[1].weights)
    for path in run.path.iterdir():
        if path.is_file():
            path.unlink()
    again = train(data, out=tmp_path / "run", steps=2, folds=2, **SMALL)
    assert digest(again.folds[1].weights) == kept


def test_a_run_starts_from_another_and_is_better_at_once(run, tmp_path):
    other = write_folder(tmp_path / "other", count=24, first=200)
    shape = {"steps": 5, "augment": 0.0, **SMALL}
    warm = train(other, out=tmp_path / "warm", start=str(run.path), **shape)
    cold = train(other, out=tmp_path / "cold", start="none", **shape)
    assert warm.history[-1]["val_score"] > cold.history[-1]["val_score"] + 0.2
    assert warm.recipe.start == str(run.path.resolve())


def test_starting_from_what_learned_the_test_pictures_is_refused(data, run, tmp_path):
    with pytest.raises(
        PixelwiseError, match=r"test images?, for example disc.*trained or chosen on.*--start none"
    ):
        train(data, out=tmp_path / "run", start=str(run.path), seed=5, steps=2, **SMALL)
    assert not (tmp_path / "run").exists()


def test_starting_from_another_network_is_refused(data, run, tmp_path):
    wishes = {**SMALL, "width": 4}
    with pytest.raises(PixelwiseError, match="has other layers"):
        train(data, out=tmp_path / "run", start=str(run.path), steps=2, **wishes)
    assert not (tmp_path / "run").exists()


def test_a_start_that_looked_for_something_else_gives_its_network_alone(tmp_path):
    start = write_run(tmp_path / "start", "pose")
    run = write_run(tmp_path / "run", "semantic", seed=1, start=str(start.path))
    theirs, ours = load_model(start), begin_model(run.recipe, run.task())
    assert any(name.startswith("hidden.") for name in theirs.state_dict())
    assert not any(name.startswith("hidden.") for name in ours.state_dict())
    for name, weight in ours.network.state_dict().items():
        torch.testing.assert_close(weight, theirs.network.state_dict()[name], rtol=0, atol=0)


def test_made_up_nevi_are_learned_from_but_split_and_score_know_only_the_folder(data, tmp_path):
    shape = {"steps": 2, "made_up": 0.5, "start": "none", **SMALL}
    run = train(data, out=tmp_path / "run", **shape)
    assert not any(name.startswith("made-up") for name in run.split)
    store = read_pictures(open_dataset(data), (run,), 1, print)
    learner = Learner(run, store, [], 0, print, 0.0)
    shown = {name for t in range(8) for name in learner._loader.batch(t).ids}
    assert {name for name in shown if name.startswith("made-up")}
    assert set(run.ids("train")) <= shown and not shown & set(run.ids("test") + run.ids("val"))


def test_made_up_nevi_beside_many_classes_are_refused(tmp_path):
    data = write_folder(tmp_path / "data", count=8)
    for index, path in enumerate(sorted((data / "masks").iterdir())):
        cv2.imwrite(str(path), cv2.imread(str(path), 0) // 255 * (1 + index % 2))
    with pytest.raises(PixelwiseError, match="Made-up nevi are lesion and skin"):
        train(data, out=tmp_path / "run", made_up=0.5, steps=2, masks="index", **SMALL)
    assert not (tmp_path / "run").exists()


def test_the_status_says_whether_training_is_finished_and_the_weights_after_how_many_steps(
    data, tmp_path, monkeypatch
):
    finish = Learner._finish
    monkeypatch.setattr(Learner, "_finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(data, out=tmp_path / "run", steps=3, **SMALL)
    run = open_run(tmp_path / "run")
    # A card by hand does not make a run finished, and none does not make it unfinished.
    (run.path / "card.md").write_text("mine")
    assert run.status == Status("training", 3, 3) and not run.is_finished
    monkeypatch.setattr(Learner, "_finish", finish)
    train(data, out=run.path, steps=3, **SMALL)
    (run.path / "card.md").unlink()
    assert run.status == Status("finished", 3, 3) and run.is_finished
    assert run.kept_step in (1, 2, 3)
    assert load_weights(run.path / "last.safetensors")[1] == {"step": "3"}


def test_folds_are_finished_when_each_is(data, tmp_path):
    run = train(data, out=tmp_path / "run", steps=2, folds=2, **SMALL)
    assert run.is_finished and json.loads((run.path / "status.json").read_text()) == {
        "state": "finished",
        "step": 0,
        "steps": None,
    }
    Status("training", 1, 2).write(run.folds[1].path)
    assert not run.is_finished and not run.status.is_finished


@pytest.mark.parametrize(
    "text", ["", "[]", '{"state": "done"}', '{"state": "finished", "step": "3"}', "{} {}"]
)
def test_a_damaged_status_is_named(tmp_path, text):
    run = write_run(tmp_path / "run")
    (run.path / "status.json").write_text(text)
    with pytest.raises(PixelwiseError, match=r"status.json is damaged: .*train the run again"):
        assert run.is_finished


def test_of_a_run_without_a_status_nothing_is_known(tmp_path):
    run = write_run(tmp_path / "run")
    (run.path / "status.json").unlink()
    (run.path / "card.md").write_text("# run")
    assert not run.is_finished and run.status.state == "unknown"
