"""Half precision and eight bits: smaller files of the same model, in either runtime."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelwise.builtin import NEVI
from pixelwise.find import find
from pixelwise.formats import Deployed
from pixelwise.geometry import Warp
from pixelwise.madeup.nevi import draw_nevus
from pixelwise.model import Model, normalise
from pixelwise.networks import unet
from pixelwise.recipe import Recipe
from pixelwise.run import load_model, open_run
from pixelwise.types import PixelwiseError

RUN = open_run(NEVI)
LIBRARY = {"onnx": "onnxruntime", "openvino": "openvino"}


def nevi(seed, number):
    """(number, H, W, 3) made-up nevi at the built-in model's working size."""
    images = [draw_nevus(seed, index, long_side_px=160).image for index in range(number)]
    fitted = [Warp.fit(image.shape[:2], RUN.recipe.size_hw).image(image) for image in images]
    return np.stack(fitted)


def size(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


@pytest.fixture(scope="module")
def model():
    return load_model(RUN)


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def files(request, model, tmp_path_factory):
    """The format's module, and the model in each of its precisions."""
    pytest.importorskip("onnx")
    pytest.importorskip(LIBRARY[request.param])
    module = find("formats", request.param)
    calibration = [image[None] for image in nevi(1, 12)]
    paths = {}
    for precision in module.PRECISIONS:
        path = tmp_path_factory.mktemp(request.param) / ("model" + module.SUFFIX)
        module.write(Deployed(model, RUN.recipe), path, precision, calibration)
        paths[precision] = path
    return module, paths


@pytest.fixture(scope="module")
def pictures():
    return nevi(2, 6)


@pytest.fixture(scope="module")
def logits(model, pictures):
    with torch.inference_mode():
        return model(normalise(torch.from_numpy(pictures)))["class"].numpy()


@pytest.mark.parametrize(
    ("precision", "difference", "overlap"),
    [("float32", 1e-4, 0.999), ("float16", 0.05, 0.99), ("int8", 1.0, 0.97)],
)
def test_it_says_what_the_model_says(files, pictures, logits, precision, difference, overlap):
    module, paths = files
    found = module.open_model(paths[precision], threads=1)(pictures)["class"]
    assert found.dtype == np.float32
    assert np.abs(found - logits).max() < difference
    both, either = (found > 0) & (logits > 0), (found > 0) | (logits > 0)
    assert both.sum() / either.sum() > overlap


def test_each_is_smaller_than_the_one_before(files):
    _, paths = files
    whole, half, eighth = (size(paths[name]) for name in ("float32", "float16", "int8"))
    # The graph of eight bits says more, and weighs the same however large the model is.
    assert half < 0.6 * whole and eighth < 0.4 * whole


def test_every_size_and_number_fits(files, model):
    module, paths = files
    session = module.open_model(paths["int8"], threads=1)
    for shape in ((1, 37, 53, 3), (3, 64, 48, 3), (1, 37, 53, 3)):
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        with torch.inference_mode():
            expected = model(normalise(torch.from_numpy(images)))["class"].shape
        assert session(images)["class"].shape == expected


def test_eight_bits_need_pictures(files, model, tmp_path):
    module, _ = files
    path = tmp_path / ("model" + module.SUFFIX)
    with pytest.raises(PixelwiseError, match="needs pictures to set its scales by"):
        module.write(Deployed(model, RUN.recipe), path, "int8", [])
    assert not path.exists()


@pytest.mark.parametrize("files", ["onnx"], indirect=True)
def test_only_the_first_convolution_and_the_last_stay_in_float(files):
    onnx = pytest.importorskip("onnx")
    _, paths = files
    nodes = onnx.load(paths["int8"]).graph.node
    made_by = {name: node for node in nodes for name in node.output}
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    weights = [made_by.get(node.input[1]) for node in convolutions]
    in_float = [place for place, node in enumerate(weights) if node is None]
    assert in_float == [0, len(convolutions) - 1]


@pytest.mark.parametrize("files", ["onnx"], indirect=True)
def test_a_rounded_weight_has_seven_bits(files):
    # Processors add two products in 16 bits: 2 x 255 x 64 fits, 2 x 255 x 127 does not.
    onnx = pytest.importorskip("onnx")
    _, paths = files
    graph = onnx.load(paths["int8"]).graph
    values = [onnx.numpy_helper.to_array(each) for each in graph.initializer]
    weights = [each for each in values if each.dtype == np.int8 and each.ndim == 4]
    assert len(weights) > 20
    assert max(np.abs(each.astype(int)).max() for each in weights) <= 64


def test_normalisation_is_plane_by_plane(tmp_path):
    # Value by value it took a tenth of the time of the whole graph.
    onnx = pytest.importorskip("onnx")
    small = Model(unet.build(width=4, depth=2), {"class": 1})
    path = tmp_path / "model.onnx"
    find("formats", "onnx").write(
        Deployed(small, Recipe(data="", size_hw=(32, 32))), path, "float32", []
    )
    made = [node.op_type for node in onnx.load(path).graph.node]
    assert [kind for kind in made if kind not in ("Identity", "Constant")][:4] == [
        *("Transpose", "Cast", "Sub", "Div")
    ]


def test_no_place_of_whoever_wrote_it_is_in_it(files):
    _, paths = files
    for path in paths.values():
        for file in path.rglob("*") if path.is_dir() else [path]:
            assert not re.search(rb"/tmp/|/home/|model\.onnx", file.read_bytes()), file
            assert str(Path.home()).encode() not in file.read_bytes()
