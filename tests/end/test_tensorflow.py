"""Learning in TensorFlow as a user does it: the same run, the same commands, the same restart."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from discs import draw_disc, write_folder
from pixelwise.comparison import compare
from pixelwise.evaluation import evaluate
from pixelwise.predictor import load
from pixelwise.recipe import Recipe
from pixelwise.run import Run, load_weights
from pixelwise.training import Learner, train
from pixelwise.types import PixelwiseError
from small import SMALL

# One process imports TensorFlow, which takes long; the others need not.
pytestmark = pytest.mark.xdist_group("tensorflow")

STEPS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(scope="module")
def learn(data: Path, tmp_path_factory: pytest.TempPathFactory):
    """Learns in TensorFlow, in a folder of its own unless one is given."""
    pytest.importorskip("tensorflow", reason="needs TensorFlow")

    def run(out: Path | None = None, **asked) -> Run:
        out = out or tmp_path_factory.mktemp("runs") / "run"
        return train(data, out=out, framework="tensorflow", **{**SMALL, **asked})

    return run


@pytest.fixture(scope="module")
def run(learn) -> Run:
    return learn(steps=STEPS)


@pytest.fixture(scope="module")
def twin(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run in PyTorch."""
    return train(data, out=tmp_path_factory.mktemp("torch") / "run", steps=STEPS, **SMALL)


def test_the_run_is_like_any_other_but_for_one_line_of_its_recipe(run, twin):
    assert {p.name for p in run.path.iterdir()} == {p.name for p in twin.path.iterdir()}
    ours, theirs = (json.loads((r.path / "recipe.json").read_text()) for r in (run, twin))
    assert ours.pop("framework") == "tensorflow" and theirs.pop("framework") == "torch"
    assert ours == theirs and run.split == twin.split
    for name in ("model.safetensors", "last.safetensors"):
        weights, others = (load_weights(r.path / name)[0] for r in (run, twin))
        shapes = [{n: (w.shape, w.dtype) for n, w in each.items()} for each in (weights, others)]
        assert shapes[0] == shapes[1]
    assert "learned in tensorflow" in (run.path / "card.md").read_text()


def test_it_begins_as_pytorch_does_and_differs_by_rounding(run, twin):
    for ours, theirs in zip(run.history[:2], twin.history[:2], strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"pictures_per_s", "val_score"}:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5), name
    ours, theirs = (r.history[-1] for r in (run, twin))
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)


def test_it_learns_discs(run):
    scores = []
    for index in range(100, 108):
        image, mask = draw_disc(index)
        found = load(run.path)(image).labels == 1
        scores.append((found & mask).sum() / (found | mask).sum())
    assert np.mean(scores) > 0.8


def test_evaluate_and_compare_take_it_as_any_other(run, twin):
    for each in (run, twin):
        evaluate(each.path)
    found = compare(run.path, twin.path)
    assert found.num_shared == len(run.ids("test")) and "Jaccard" in found.sentence
    assert abs(found.differences[0].difference.value) < 0.05


def test_stopped_and_started_again_it_ends_with_the_same_bits(run, learn, tmp_path, monkeypatch):
    take = Learner._take

    def stop(self, batch):
        if self.facts.step == 13:
            raise KeyboardInterrupt
        take(self, batch)

    monkeypatch.setattr(Learner, "_take", stop)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "again", steps=STEPS)
    monkeypatch.undo()
    notes: list[str] = []
    again = learn(tmp_path / "again", on_note=notes.append, steps=STEPS)
    assert notes == [f"Going on from step 12 of {STEPS}."]
    for name in ("model.safetensors", "last.safetensors"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes()
    losses = [[line["loss"] for line in each.history] for each in (run, again)]
    assert losses[0] == losses[1] and len(losses[0]) == 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "wish",
    [
        {"network": "segnet", "optimizer": "sgd", "loss": {"focal": 1.0, "lovasz": 1.0}},
        {"start": "nevi", "width": None, "depth": None},
    ],
    ids=["segnet", "built-in"],
)
def test_another_network_and_the_built_in_start_take_the_steps_that_pytorch_takes(
    learn, data, tmp_path, wish
):
    shape = {**SMALL, "steps": 2, "learning_rate": 1e-3, **wish}
    run = learn(**shape)
    twin = train(data, out=tmp_path / "torch", **shape)
    assert [line["loss"] for line in run.history] == pytest.approx(
        [line["loss"] for line in twin.history], rel=1e-4
    )
    weights, others = (load_weights(r.path / "last.safetensors")[0] for r in (run, twin))
    for name in weights:
        assert torch.allclose(weights[name], others[name], rtol=1e-3, atol=2e-4), name


def test_the_command_says_what_it_cannot_do(data, type_in):
    for wish in ("--backbone some/where", "--compile", "--optimizer muon"):
        code, _, said = type_in(f"pixelwise train {data} --framework tensorflow {wish} --out run")
        assert code == 2 and "Leave out --" in said and not Path("run").exists()
    code, _, said = type_in(f"pixelwise train {data} --framework jax --out run")
    assert code == 2 and "There are: tensorflow, torch" in said and not Path("run").exists()


def test_other_tasks_are_refused():
    from pixelwise.engines.tensorflow import check

    for task in ("instance", "panoptic", "pose"):
        with pytest.raises(PixelwiseError, match=f"'semantic', and this is '{task}'"):
            check(Recipe(data="", task=task))


def test_without_tensorflow_the_sentence_names_the_extra(data, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pixelwise.keras")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(PixelwiseError, match=r'pip install "pixelwise\[tensorflow\]"'):
        train(data, out=tmp_path / "run", framework="tensorflow", steps=2, **SMALL)
    assert not (tmp_path / "run").exists()


def test_keras_on_another_backend_is_refused(monkeypatch):
    keras = pytest.importorskip("keras")
    from pixelwise.engines.tensorflow import check

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(PixelwiseError, match="KERAS_BACKEND=tensorflow"):
        check(Recipe(data="", framework="tensorflow"))
