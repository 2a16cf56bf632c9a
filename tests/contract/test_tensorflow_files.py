"""Files of the Keras twin: any size where they can, maps in order, nothing that does more."""

import json
import os
import zipfile

import numpy as np
import pytest
import torch

from pixelwise.formats import Deployed, _zipped
from pixelwise.run import load_model
from pixelwise.runtimes import TorchRunner
from pixelwise.types import PixelwiseError
from untrained import write_run

pytest.importorskip("tensorflow")

from pixelwise.formats import keras, litert, savedmodel

# One process imports TensorFlow, which takes long; the others need not.
pytestmark = pytest.mark.xdist_group("tensorflow")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory) -> Deployed:
    run = write_run(tmp_path_factory.mktemp("run"), "pose")
    return Deployed(load_model(run), run.recipe)


@pytest.fixture(scope="module")
def files(deployed, tmp_path_factory):
    """A path for every format that takes any size."""
    folder = tmp_path_factory.mktemp("files")
    found = {module: folder / f"model{module.SUFFIX}" for module in (keras, savedmodel)}
    for module, path in found.items():
        module.write(deployed, path, "float32", [])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("module", [keras, savedmodel], ids=["keras", "savedmodel"])
def test_one_file_takes_every_size_and_number(deployed, files, module):
    # After the second size Keras traces a graph of any.
    model, expected = module.open_model(files[module]), TorchRunner(deployed.model)
    for shape in [(1, 64, 96), (2, 33, 47), (3, 1, 1), (1, 50, 41)]:
        found = model(noise(*shape))
        assert list(found) == list(expected(noise(*shape)))
        for name, maps in expected(noise(*shape)).items():
            np.testing.assert_allclose(found[name], maps, atol=3e-5)


def test_texts_are_replaced_and_change_nothing_else(files, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(files[keras].read_bytes())
    maps = keras.metadata(path)["maps"]
    keras.attach(path, {"maps": maps, "one": "1"})
    keras.attach(path, {"maps": maps, "zwei": "ü"})
    assert keras.metadata(path) == {"maps": maps, "zwei": "ü"}
    assert zipfile.ZipFile(path).testzip() is None
    before, after = (keras.open_model(each)(noise(1, 64, 96)) for each in (files[keras], path))
    assert all((before[name] == after[name]).all() for name in before)


def test_texts_at_the_end_of_any_file(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"numbers")
    assert _zipped.metadata(path) == {}
    for texts in ({"one": "1"}, {"two": "2"}):
        _zipped.attach(path, texts)
    assert _zipped.metadata(path) == {"two": "2"} and path.read_bytes().startswith(b"numbers")
    assert path.read_bytes().count(b"numbers") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "share", "size"), [("float16", 5e-3, 0.8), ("int8", 0.2, 0.7)]
)
def test_litert_is_smaller_and_near_in_fewer_bits(deployed, tmp_path, precision, share, size):
    exact, path = tmp_path / "exact.tflite", tmp_path / "model.tflite"
    litert.write(deployed, exact, "float32", [])
    litert.write(deployed, path, precision, [noise(1, 64, 96)] * 4)
    assert path.stat().st_size < size * exact.stat().st_size
    found, expected = litert.open_model(path, threads=1), TorchRunner(deployed.model)
    # Several pictures are looked at one after the other.
    for name, maps in expected(noise(2, 64, 96)).items():
        apart = np.abs(found(noise(2, 64, 96))[name] - maps).max()
        assert 0 < apart < share * np.abs(maps).max()
    with pytest.raises(PixelwiseError, match=r"takes pictures of 96 x 64 pixels, not 96 x 65"):
        found(noise(1, 65, 96))


def test_a_saved_model_that_does_more_is_refused(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    secret = tmp_path / "written"
    images = tf.TensorSpec((None, None, None, 3), tf.uint8, "images")

    @tf.function(input_signature=[images])
    def look(images):
        tf.io.write_file(str(secret), "here")
        return {"class": tf.cast(images, tf.float32)}

    module.look = look
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.look)
    with pytest.raises(PixelwiseError, match=r"it has WriteFile, which no network needs"):
        savedmodel.open_model(tmp_path / "model")
    assert not secret.exists()


def test_a_keras_file_that_does_more_is_refused(files, tmp_path):
    import keras as library

    images = library.Input((None, None, 3), name="images")
    path = tmp_path / "model.keras"
    library.Model(images, library.layers.Lambda(lambda each: each)(images)).save(path)
    with pytest.raises(PixelwiseError, match=r"it has .*Lambda, which no network needs"):
        keras.open_model(path)
    library.Model(images, library.layers.RandomFlip()(images)).save(path)
    with pytest.raises(PixelwiseError, match=r"it has keras.layers.RandomFlip, which"):
        keras.open_model(path)


@pytest.mark.parametrize("module", [keras, litert, savedmodel], ids=["keras", "litert", "saved"])
def test_damaged_files_are_named(tmp_path, module):
    path = tmp_path / f"model{module.SUFFIX}"
    with pytest.raises(PixelwiseError, match=f"{path.name} is "):
        module.open_model(path)
    if module is savedmodel:
        path.mkdir()
        path = path / "saved_model.pb"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(PixelwiseError, match=r"model.* (is no|cannot be run)"):
        module.open_model(tmp_path / f"model{module.SUFFIX}")


def test_keras_files_consist_of_keras_alone(files):
    text = zipfile.ZipFile(files[keras]).read("config.json").decode()
    assert "pixelwise>" not in text and "pixelwise." not in text
    assert json.loads(text)["class_name"] == "Functional"
    assert os.fsencode(os.fspath(torch.__path__[0])) not in files[keras].read_bytes()
