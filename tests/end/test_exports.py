"""`export`: a file that does what the model does is written, and one that does not is not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pytest
from torch import nn

from discs import write_folder
from pixelwise import exported, exporting
from pixelwise.exporting import export
from pixelwise.find import find, names
from pixelwise.formats import Deployed
from pixelwise.model import normalise
from pixelwise.run import Run, load_model
from pixelwise.runtimes import TorchRunner
from pixelwise.types import PixelwiseError
from untrained import TASKS, write_run

# What writes each format, and runs it; a format whose library is not there is skipped.
LIBRARIES = {
    "onnx": ["onnx", "onnxruntime"],
    "openvino": ["onnx", "openvino"],
    "litert": ["tensorflow", "keras"],
    "savedmodel": ["tensorflow", "keras"],
    "keras": ["tensorflow", "keras"],
    "pt2": [],
}
# Seconds for `torch.export` to reason about sizes, and for TensorFlow to convert.
SLOW = {"pt2", "keras", "litert", "savedmodel"}
# The one of these that is always run.
FEW = ("savedmodel", "pose")


def marks(to: str, is_slow: bool = True) -> list[pytest.MarkDecorator]:
    """What the tests of a format are marked with: TensorFlow is imported by one process."""
    found = [pytest.mark.slow] if to in SLOW and is_slow else []
    return found + [pytest.mark.xdist_group("tensorflow")] * ("tensorflow" in LIBRARIES[to])


def there(to: str) -> str:
    """A format whose libraries are installed, or the test is skipped."""
    for library in LIBRARIES[to]:
        pytest.importorskip(library)
    return to


@pytest.fixture(params=[pytest.param(name, marks=marks(name)) for name in names("formats")])
def to(request) -> str:
    return there(request.param)


def one_of_each(tasks: Iterable[str]) -> list[Any]:
    """Every format with every task; but for one, the slow ones by request."""
    return [
        pytest.param(to, task, marks=marks(to, (to, task) != FEW))
        for to in names("formats")
        for task in tasks
    ]


@pytest.mark.parametrize(("to", "task"), one_of_each(TASKS))
def test_every_task_is_exported_and_its_maps_are_the_models(tmp_path, to, task):
    run = write_run(tmp_path / "run", task, depth=1)
    path = export(run, there(to))
    assert path.parent == run.path / "exports"
    module = find("formats", to)
    images = np.random.default_rng(1).integers(0, 256, (1, *run.recipe.size_hw, 3), np.uint8)
    found, expected = module.open_model(path)(images), TorchRunner(load_model(run))(images)
    assert list(found) == list(expected) == list(run.task().maps)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


@pytest.mark.parametrize("network", ["segnet", "lesson_segnet", "lesson_unet"])
def test_other_networks_are_exported(tmp_path, network):
    shape = {"depth": 2} if network == "segnet" else {"width": None, "depth": None}
    run = write_run(tmp_path / "run", network=network, **shape)
    assert export(run, there("onnx")).exists()


def test_what_is_needed_travels_with_the_file(tmp_path, to):
    run = write_run(tmp_path / "run", "pose", depth=1)
    texts = find("formats", to).metadata(export(run, to))
    facts = {
        name: json.loads(text)
        for name, text in texts.items()
        if name not in ("pixelwise", "weights")
    }
    assert facts["task"] == "pose" and facts["maps"] == dict(run.task().maps)
    assert [each["name"] for each in facts["categories"]] == ["background", "person"]
    assert facts["skeleton"]["joints"][0] == "nose" and len(facts["skeleton"]["joints"]) == 17
    assert 2 * len(facts["skeleton"]["fields"]) == facts["maps"]["limb"]
    assert facts["size_hw"] == [64, 96] and facts["stride"] == 2
    assert facts["thresholds"] == {"joint": 0.1, "joint_prior": -7.0}
    assert facts["normalisation"]["mean"] == [0.485, 0.456, 0.406]
    assert facts["recipe"]["network"] == "unet"
    assert facts["proof"]["num_pictures"] >= 8 and facts["proof"]["difference"] <= 1e-4
    assert facts["proof"]["measure"] == "pose quality" and facts["proof"]["agreement"] >= 0.999


def another_weight(model: nn.Module) -> None:
    """One number of thousands."""
    next(iter(model.heads.values())).weight.data.view(-1)[1] += 0.1


def other_channels(model: nn.Module) -> None:
    """Blue, green, red."""
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    first.weight.data = first.weight.data.flip(1)


@pytest.mark.parametrize("alter", [another_weight, other_channels])
def test_a_file_of_another_model_is_refused(tmp_path, monkeypatch, to, alter):
    run = write_run(tmp_path / "run", depth=1)

    def altered(run: Run) -> Deployed:
        model = load_model(run)
        alter(model)
        return Deployed(model, run.recipe)

    monkeypatch.setattr(exporting, "deployed", altered)
    refused(run, to)


def test_a_file_that_normalises_otherwise_is_refused(tmp_path, monkeypatch, to):
    spread = (0.23, 0.23, 0.23)
    if "keras" in LIBRARIES[to]:
        monkeypatch.setattr("pixelwise.keras._model.SPREAD", spread)
    else:
        otherwise = partial(normalise, spread=spread)
        monkeypatch.setattr("pixelwise.formats._graph.normalise", otherwise)
    refused(write_run(tmp_path / "run", depth=1), to)


def refused(run: Run, to: str) -> None:
    """Exporting says what differs and by how much, and leaves nothing behind."""
    with pytest.raises(
        PixelwiseError, match=r"Nothing was written, .* the maps differ by up to \d"
    ):
        export(run, to)
    assert list((run.path / "exports").iterdir()) == []


def test_what_was_there_before_stays_where_the_new_one_is_refused(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run")
    path = export(run, there("onnx"))
    before = path.read_bytes()
    another = write_run(tmp_path / "another", seed=1)
    monkeypatch.setattr(exporting, "deployed", lambda _: Deployed(load_model(another), run.recipe))
    refused_with(run, "onnx")
    assert path.read_bytes() == before


def refused_with(run: Run, to: str) -> None:
    with pytest.raises(PixelwiseError, match="Nothing was written"):
        export(run, to)


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_a_folder_that_is_no_export_is_never_replaced(tmp_path, to):
    run, folder = write_run(tmp_path / "run", depth=1), tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(PixelwiseError, match="is a folder already, and no exported model"):
        export(run, there(to), out=folder)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_an_earlier_export_is_replaced_though_it_is_a_folder(tmp_path):
    run, place = write_run(tmp_path / "run", depth=1), tmp_path / "mine"
    assert export(run, there("openvino"), out=place) == export(run, "openvino", out=place) == place
    assert exported.is_export(place, find("formats", "openvino"))


def test_a_damaged_export_of_the_run_itself_is_made_anew(tmp_path):
    run = write_run(tmp_path / "run", depth=1)
    place = export(run, there("openvino"))
    for file in place.iterdir():
        file.write_bytes(b"")
    assert export(run, "openvino") == place
    assert exported.exported_file(run, "openvino") == place


def test_the_card_and_the_run_keep_the_proof(tmp_path):
    run = write_run(tmp_path / "run")
    card = run.path / "card.md"
    card.write_text("# run\n")
    notes: list[str] = []
    export(run, there("onnx"), on_note=notes.append)
    export(run, "onnx")
    assert notes[0].startswith("Proven on made-up and extreme pictures. float32: largest")
    lines = card.read_text().splitlines()
    assert lines[:4] == ["# run", "", "## Exports", ""] and len(lines) == 5
    assert lines[4].startswith("- `exports/model.onnx` - float32: largest difference of the maps")
    proofs = json.loads((run.path / "exports" / "proofs.json").read_text())
    assert proofs["model.onnx"]["limits"]["difference"] == 1e-4


def test_where_a_run_learned_does_not_travel(tmp_path):
    secret = tmp_path / "patients" / "clinic"
    run = write_run(tmp_path / "run", data=str(secret))
    path = export(run, there("onnx"))
    assert str(secret).encode() not in path.read_bytes()
    assert json.loads(find("formats", "onnx").metadata(path)["recipe"])["data"] == "clinic"


def test_int8_is_calibrated_and_measured_on_annotated_pictures(tmp_path):
    module = find("formats", there("onnx"))
    run = write_run(tmp_path / "run", data="nowhere")
    with pytest.raises(PixelwiseError, match=r"Give a folder with --data\.$"):
        export(run, "onnx", precision="int8")
    write_folder(tmp_path / "discs", 12)
    path = export(run, "onnx", precision="int8", data=tmp_path / "discs")
    assert path.name == "model-int8.onnx"
    proof = json.loads(module.metadata(path)["proof"])
    assert proof["num_annotated"] == 6 and proof["loss"] < 0.01 and proof["agreement"] >= 0.97


def test_what_cannot_be_exported_says_why(tmp_path):
    run = write_run(tmp_path / "run")
    with pytest.raises(PixelwiseError, match=r"No format is called 'onxx'\. There are: .*onnx"):
        export(run, "onxx")
    with pytest.raises(PixelwiseError, match=r"'pt2' is written in float32, not in 'int8'"):
        export(run, "pt2", precision="int8")
    folds = write_run(tmp_path / "folds", folds=2)
    with pytest.raises(PixelwiseError, match=r"several models.*fold-0"):
        export(folds, "onnx")


def test_the_command(tmp_path, type_in):
    there("onnx")
    write_run(tmp_path / "run")
    code, out, _ = type_in("pixelwise export run --to onnx --out elsewhere/it.onnx")
    assert code == 0 and "IoU 1.0000 on 11 pictures" in out
    assert out.endswith("The exported model is elsewhere/it.onnx.")
    assert (tmp_path / "elsewhere" / "it.onnx").exists()
    assert not (tmp_path / "run" / "exports").exists()
