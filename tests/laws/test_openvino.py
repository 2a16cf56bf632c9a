"""OpenVINO's folder: texts in it, sizes that change, many threads, damage."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.formats import Deployed, openvino
from pixelwise.model import normalise
from pixelwise.run import load_model
from pixelwise.types import PixelwiseError
from untrained import write_run

for library in ("onnx", "openvino"):
    pytest.importorskip(library)

TEXTS = {"proof": '{"words": ["\\"quoted\\"", "<&>", "naïve", "a\\nb"]}', "empty": ""}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"), "pose")


@pytest.fixture
def path(run, tmp_path):
    place = tmp_path / "model.openvino"
    openvino.write(Deployed(load_model(run), run.recipe), place, "float32", [])
    return place


def images(seed, shape=(1, 64, 96, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_texts_come_back_and_change_nothing_else(path):
    before = openvino.open_model(path, 1)(images(0))
    openvino.attach(path, {"old": "gone"})
    openvino.attach(path, TEXTS)
    assert openvino.metadata(path) == TEXTS
    after = openvino.open_model(path, 1)(images(0))
    assert list(before) == list(after) == ["joint", "limb"]
    assert all((before[name] == after[name]).all() for name in before)
    assert sorted(file.name for file in path.iterdir()) == ["model.bin", "model.xml"]


def test_a_file_without_texts_has_none(path):
    assert openvino.metadata(path) == {}


def test_texts_leave_half_precision_half_as_large(run, tmp_path):
    path = tmp_path / "model.openvino"
    openvino.write(Deployed(load_model(run), run.recipe), path, "float16", [])
    before = (path / "model.bin").stat().st_size
    openvino.attach(path, TEXTS)
    assert (path / "model.bin").stat().st_size <= before


def test_the_first_size_is_not_the_only_one(run, path):
    session, model = openvino.open_model(path, 1), load_model(run)
    for seed, shape in enumerate([(2, 64, 96, 3), (1, 33, 47, 3), (2, 64, 96, 3), (1, 64, 96, 3)]):
        picture = images(seed, shape)
        with torch.inference_mode():
            expected = model(normalise(torch.from_numpy(picture)))
        for name, found in session(picture).items():
            np.testing.assert_allclose(found, expected[name].numpy(), atol=1e-4)


def test_one_session_serves_many_threads(path):
    session = openvino.open_model(path, 1)
    pictures = [images(seed) for seed in range(24)]
    one_by_one = [session(picture)["joint"] for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda picture: session(picture)["joint"], pictures))
    assert all((a == b).all() for a, b in zip(one_by_one, together, strict=True))


@pytest.mark.parametrize("damage", ["model.xml", "model.bin"])
def test_a_damaged_folder_is_named(path, damage):
    (path / damage).write_bytes((path / damage).read_bytes()[:40])
    with pytest.raises(PixelwiseError, match=r"model\.openvino cannot be read by OpenVINO"):
        openvino.open_model(path)


def test_no_folder_is_named(tmp_path):
    for read in (openvino.open_model, openvino.metadata):
        with pytest.raises(PixelwiseError, match="nothing cannot be read by OpenVINO"):
            read(tmp_path / "nothing")


def test_whatever_compiles_a_file_asks_for_float32():
    """Processors with bfloat16 compute in it unless told otherwise; others would not show it."""
    root = Path(__file__).parents[2]
    scripts = [*root.glob("src/**/*.py"), *root.glob("docs/**/*.py"), *root.glob("benchmarks/*.py")]
    compiling = [path for path in scripts if ".compile_model(" in path.read_text()]
    assert len(compiling) >= 2
    for path in compiling:
        assert '"INFERENCE_PRECISION_HINT": "f32"' in path.read_text(), path
