"""`export`: a file that does what the model does is written, and one that does not is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise import exporting
from pixelwise.exporting import export
from pixelwise.find import find, names
from pixelwise.formats import Deployed
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
FORMATS = names("formats")


@pytest.fixture(params=FORMATS)
def to(request) -> str:
    for library in LIBRARIES[request.param]:
        pytest.importorskip(library)
    return request.param


def exported(run: Run, to: str, **asked: object) -> Path:
    """The exported file, read again by its module."""
    return export(run, to, **asked)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_exported_and_its_maps_are_the_models(tmp_path, to, task):
    run = write_run(tmp_path / "run", task)
    path = export(run, to)
    assert path.parent == run.path / "exports"
    module = find("formats", to)
    images = np.random.default_rng(1).integers(0, 256, (1, *run.recipe.size_hw, 3), np.uint8)
    found, expected = module.open_model(path)(images), TorchRunner(load_model(run))(images)
    assert list(found) == list(expected) == list(run.task().maps)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


def test_what_is_needed_travels_with_the_file(tmp_path, to):
    run = write_run(tmp_path / "run", "pose")
    texts = find("formats", to).metadata(export(run, to))
    facts = {
        name: json.loads(text)
        for name, text in texts.items()
        if name not in ("pixelwise", "weights")
    }
    assert facts["task"] == "pose" and facts["maps"] == dict(run.task().maps)
    assert [each["name"] for each in facts["categories"]] == ["background", "person"]
    assert facts["skeleton"]["joints"][0] == "nose" and len(facts["skeleton"]["joints"]) == 17
    assert facts["size_hw"] == [64, 96] and facts["stride"] == 2
    assert facts["thresholds"] == {"joint": 0.1, "joint_prior": -7.0}
    assert facts["normalisation"]["mean"] == [0.485, 0.456, 0.406]
    assert facts["recipe"]["network"] == "unet"
    assert facts["proof"]["num_pictures"] >= 8 and facts["proof"]["difference"] <= 1e-4
    assert facts["proof"]["measure"] == "pose quality" and facts["proof"]["agreement"] >= 0.999


def another_weight(model: torch.nn.Module) -> None:
    """One number of 11,000."""
    next(iter(model.heads.values())).weight.data.view(-1)[1] += 0.1


def other_channels(model: torch.nn.Module) -> None:
    """Blue, green, red."""
    first = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    first.weight.data = first.weight.data.flip(1)


def another_normalisation(model: torch.nn.Module) -> None:
    """As if pictures had a fifth less contrast: the first layer is linear and has no bias."""
    first = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    first.weight.data *= 0.8


@pytest.mark.parametrize("alter", [another_weight, other_channels, another_normalisation])
def test_a_file_that_is_not_the_model_is_refused(tmp_path, monkeypatch, to, alter):
    run = write_run(tmp_path / "run")

    def altered(run: Run) -> Deployed:
        model = load_model(run)
        alter(model)
        return Deployed(model, run.recipe)

    monkeypatch.setattr(exporting, "deployed", altered)
    with pytest.raises(PixelwiseError, match=r"Nothing was written, .* the maps differ by up to"):
        export(run, to)
    assert list((run.path / "exports").iterdir()) == []
