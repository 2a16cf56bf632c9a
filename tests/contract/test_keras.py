"""Every twin in `pixelwise.keras` is the network of its name: the same numbers, either way.

Keras's backend is TensorFlow, unless the environment variable KERAS_BACKEND says "torch"; one of
these tests runs the others so.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from discs import CATEGORIES, draw_disc, write_folder
from pixelwise.builtin import NEVI
from pixelwise.find import find, names
from pixelwise.loader import Loader
from pixelwise.model import Model
from pixelwise.model import normalise as torch_normalise
from pixelwise.recipe import Recipe
from pixelwise.run import Run, build_task, load_model, open_run, save_weights
from pixelwise.store import Store
from pixelwise.types import PixelwiseError

keras = pytest.importorskip("keras", reason="needs the extra [tensorflow]")

from pixelwise.datasets import open_dataset  # noqa: E402
from pixelwise.keras import (  # noqa: E402
    build_model,
    carry,
    load,
    normalise,
    state_of,
    to_tf_dataset,
    variables,
    with_normalisation,
)

# One process imports TensorFlow, which takes long; the others need not.
pytestmark = pytest.mark.xdist_group("tensorflow")

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
tensorflow_only = pytest.mark.skipif(not ON_TENSORFLOW, reason="of the TensorFlow backend")
RECIPES = {
    "unet-1": Recipe(data="", network="unet", width=4, depth=2, stride=1),
    "unet-2": Recipe(data="", network="unet", width=4, depth=2),
    "unet-4": Recipe(data="", network="unet", width=4, depth=2, stride=4),
    "segnet": Recipe(data="", network="segnet", width=4, depth=3),
    "lesson_segnet": Recipe(data="", network="lesson_segnet"),
    "lesson_unet": Recipe(data="", network="lesson_unet"),
}
NARROW, WIDE = {"class": 2}, {"center": 1, "offset": 40, "class": 30}
ODD_SIZES = [(1, 1), (7, 13), (33, 65), (64, 96)]
every_recipe = pytest.mark.parametrize("name", RECIPES)


def torch_model(recipe: Recipe, maps: dict[str, int], seed: int = 0) -> Model:
    """A model whose normalisations are not the ones that it begins with."""
    torch.manual_seed(seed)
    lines = {name: getattr(recipe, name) for name in ("width", "depth", "stride")}
    asked = {name: value for name, value in lines.items() if value is not None}
    model = Model(find("networks", recipe.network).build(**asked), maps)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, std=0.2)
            torch.nn.init.normal_(layer.running_mean, std=0.2)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return model.eval()


def state_dict(model: Model) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


@cache
def built(name: str, is_wide: bool, size_hw: tuple[int, int] | None) -> Any:
    """A twin, which takes about a second to build, so that several tests share it."""
    return build_model(RECIPES[name], WIDE if is_wide else NARROW, size_hw)


def both(
    name: str, maps: dict[str, int], size_hw: tuple[int, int] | None = None, seed: int = 0
) -> tuple[Model, Any]:
    """A model and its twin."""
    model, twin = torch_model(RECIPES[name], maps, seed), built(name, maps == WIDE, size_hw)
    carry(twin, state_dict(model))
    return model, twin


def pictures(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(5, H, W, 3) uint8: noise, made-up pictures, black, and a white one with a black corner."""
    rng = np.random.default_rng(seed)
    corner = np.full((*size_hw, 3), 255, np.uint8)
    corner[-2:, -2:] = 0
    noise = rng.integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    discs = [draw_disc(index, size_hw)[0] for index in (seed, seed + 1)]
    return np.stack([noise, *discs, np.zeros_like(corner), corner])


def channels_last(maps: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: values.detach().numpy().transpose(0, 2, 3, 1) for name, values in maps.items()}


def as_arrays(maps: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: keras.ops.convert_to_numpy(values) for name, values in maps.items()}


def assert_same(found: dict[str, Any], expected: dict[str, torch.Tensor]) -> None:
    ours, theirs = as_arrays(found), channels_last(expected)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5, rtol=0, err_msg=name)


def test_every_network_has_a_twin_but_those_on_pretrained_backbones():
    assert set(names("keras")) == set(names("networks")) - {"huggingface"}
    assert {recipe.network for recipe in RECIPES.values()} == set(names("keras"))


@pytest.mark.parametrize("maps", [NARROW, WIDE], ids=["narrow", "wide"])
@every_recipe
@torch.no_grad()
def test_the_twin_gives_the_same_maps_at_any_size(name, maps):
    model, twin = both(name, maps)
    for size_hw in ODD_SIZES:
        images = pictures(size_hw)
        expected = model(torch_normalise(torch.from_numpy(images)))
        assert_same(twin(normalise(images)), expected)
        assert all(float(values.std()) > 1e-4 for values in expected.values())


@pytest.mark.parametrize("size_hw", [(64, 96), pytest.param((37, 50), marks=pytest.mark.slow)])
@every_recipe
@torch.no_grad()
def test_so_does_one_of_a_single_size(name, size_hw):
    model, twin = both(name, NARROW, size_hw)
    images = pictures(size_hw)
    assert twin.output["class"].shape[1:] == twin(normalise(images))["class"].shape[1:]
    assert_same(twin(normalise(images)), model(torch_normalise(torch.from_numpy(images))))


def reference(model: Model, images: np.ndarray) -> dict[str, torch.Tensor]:
    """What PyTorch makes of pictures; of the lesson's networks, in double precision.

    They rectify before they normalise, so that channels that are nearly dead are enlarged up to
    300 times, and with them what PyTorch rounds: logits by 4e-5 in training, TensorFlow's by 1e-5.
    """
    normalised = torch_normalise(torch.from_numpy(images))
    return model(normalised.to(next(model.parameters()).dtype))


def noise(size_hw: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, *size_hw, 3), dtype=np.uint8)


@every_recipe
def test_in_training_it_is_the_same_model_too(name):
    model, twin = both(name, NARROW)
    is_lesson = name.startswith("lesson")
    model.to(torch.float64 if is_lesson else torch.float32).train()
    for seed in range(2):
        images = noise((33, 65), seed)
        found = as_arrays(twin(normalise(images), training=True))["class"]
        expected = channels_last(reference(model, images))["class"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 if is_lesson else 1e-5)
    found = state_of(twin)
    for key, value in state_dict(model).items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5, err_msg=key)
        assert not key.endswith("num_batches_tracked") or found[key] == 2


@every_recipe
def test_gradients_in_training_reach_every_weight_and_are_the_same(name):
    """Where rounding decides which of two pixels is larger, either may be: so, of three, two.

    PyTorch's own gradients of the lesson's networks are up to 1.4 % off those in double precision.
    """
    errors = sorted(gradient_error(name, seed) for seed in range(3))
    assert errors[1] < (1e-2 if name.startswith("lesson") else 1e-4)


def gradient_error(name: str, seed: int) -> float:
    """How far off the gradient of all weights is, as a share of its length."""
    model, twin = both(name, NARROW, seed=seed)
    model.to(torch.float64 if name.startswith("lesson") else torch.float32).train()
    images = noise((33, 49), seed)
    maps = reference(model, images)
    direction = torch.randn(maps["class"].shape, generator=torch.Generator().manual_seed(seed))
    (maps["class"] * direction).mean().backward()
    expected = {key: weight.grad.numpy() for key, weight in model.named_parameters()}
    found = gradients(twin, images, channels_last({"class": direction})["class"])
    assert found.keys() == expected.keys()
    assert all(gradient.any() for gradient in found.values())
    error = sum(np.square(found[key] - expected[key]).sum() for key in expected)
    return float(np.sqrt(error / sum(np.square(each).sum() for each in expected.values())))


def gradients(twin: Any, images: np.ndarray, direction: np.ndarray) -> dict[str, np.ndarray]:
    """Of every weight that learns, in PyTorch's layout."""
    weights = {key: value for key, value in variables(twin).items() if value.trainable}
    values = [weight.value for weight in weights.values()]
    if ON_TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(twin(normalise(images), training=True)["class"] * direction)
        found = [gradient.numpy() for gradient in tape.gradient(loss, values)]
    else:
        maps = twin(normalise(images), training=True)
        loss = (maps["class"] * torch.from_numpy(direction)).mean()
        found = [gradient.numpy() for gradient in torch.autograd.grad(loss, values)]
    return {
        key: gradient.transpose(3, 2, 0, 1) if gradient.ndim == 4 else gradient
        for key, gradient in zip(weights, found, strict=True)
    }


@every_recipe
def test_weights_come_back_to_the_bit(name):
    model, twin = both(name, WIDE)
    expected, found = state_dict(model), state_of(twin)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key].dtype == value.dtype and found[key].flags.c_contiguous
        np.testing.assert_array_equal(found[key], value)
    model.load_state_dict({key: torch.from_numpy(value) for key, value in found.items()})


def test_fresh_weights_are_drawn_as_pytorch_draws_them():
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)
    found = state_of(build_model(Recipe(data="", width=32, depth=1), {"class": 30}))
    expected = state_dict(Model(find("networks", "unet").build(32, 1), {"class": 30}))
    for key, value in expected.items():
        assert found[key].std() == pytest.approx(value.std(), rel=0.1), key
        assert abs(found[key].mean() - value.mean()) < 0.02, key


def test_the_weights_of_another_model_are_refused_and_change_nothing():
    twin = build_model(RECIPES["unet-2"], NARROW)
    before = state_of(twin)
    for other in (
        torch_model(RECIPES["unet-4"], NARROW),
        torch_model(RECIPES["unet-2"], {"class": 3}),
        torch_model(RECIPES["segnet"], NARROW),
    ):
        with pytest.raises(PixelwiseError, match="belong to another model"):
            carry(twin, state_dict(other))
    state = state_dict(torch_model(RECIPES["unet-2"], NARROW))
    del state["heads.class.bias"]
    with pytest.raises(PixelwiseError, match=r"1 of them .* heads\.class\.bias"):
        carry(twin, state)
    after = state_of(twin)
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_networks_and_shapes_that_cannot_be_are_refused():
    for lines, message in (
        ({"network": "huggingface"}, "does not exist in Keras. There are: lesson_segnet"),
        ({"network": "segnet", "stride": 2}, "stride of its own"),
        ({"network": "lesson_unet", "width": 8}, "fixed shape"),
        ({"width": 0}, "at least 1, not 0"),
    ):
        with pytest.raises(PixelwiseError, match=message):
            build_model(Recipe(data="", **lines), NARROW)


@pytest.fixture
def run(tmp_path) -> Iterator[Run]:
    """A run that has not learned, on a folder of discs."""
    root = write_folder(tmp_path / "discs", count=6)
    recipe = Recipe(data=str(root), width=4, depth=2, size_hw=(32, 64), batch=2, seed=5)
    split = {f"disc{index:03}": {"split": "train", "fingerprint": ""} for index in range(5)}
    run = Run(tmp_path / "run", recipe, CATEGORIES, split, fingerprint="")
    run.write()
    torch.manual_seed(1)
    save_weights(run.weights, torch_model(recipe, {"class": 1}).state_dict())
    yield run


@torch.no_grad()
def test_a_run_loads_and_takes_pictures_as_they_are(run):
    images = pictures((45, 70))
    for path in (NEVI, run.path):
        model, twin = load_model(open_run(path)), load(path)
        expected = model(torch_normalise(torch.from_numpy(images)))
        assert_same(twin(normalise(images)), expected)
        recipe = open_run(path).recipe
        for size_hw, is_portable in ((None, False), ((45, 70), True)):
            whole = with_normalisation(twin, recipe, size_hw, is_portable=is_portable)
            assert_same(whole(images), expected)


def test_a_cross_validation_is_loaded_fold_by_fold(run):
    replace(run, recipe=replace(run.recipe, folds=2)).write()
    with pytest.raises(PixelwiseError, match=r"several models\. Load one"):
        load(run.path)


@pytest.mark.slow
def test_what_is_portable_loads_where_this_package_is_not(run, tmp_path):
    images = pictures((45, 70))
    whole = with_normalisation(load(run), run.recipe, is_portable=True)
    whole.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys; sys.modules['pixelwise'] = None; import keras, numpy; "
        "model = keras.models.load_model('model.keras'); "
        "maps = model(numpy.load('images.npy')); "
        "numpy.save('class.npy', keras.ops.convert_to_numpy(maps['class']))"
    )
    in_torch(["-c", code], tmp_path)
    found = np.load(tmp_path / "class.npy")
    np.testing.assert_allclose(found, as_arrays(whole(images))["class"], atol=1e-5, rtol=0)


def in_torch(arguments: list[str], folder: Path) -> None:
    """Run Python in a process of its own, in which Keras computes with PyTorch."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@tensorflow_only
def test_this_holds_where_keras_computes_with_pytorch(tmp_path):
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-k", "wide or in_training_it_is"]
    in_torch(["-m", "pytest", *options, str(Path(__file__).resolve())], tmp_path)


@pytest.mark.slow
@tensorflow_only
@every_recipe
@torch.no_grad()
def test_a_graph_of_tensorflow_takes_any_size(name):
    import tensorflow as tf

    model, twin = both(name, NARROW)
    graph = tf.function(twin, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for size_hw in ODD_SIZES:
        images = pictures(size_hw)
        expected = model(torch_normalise(torch.from_numpy(images)))
        assert_same(graph(tf.constant(as_arrays({"": normalise(images)})[""])), expected)


@tensorflow_only
def test_batches_are_the_loaders_channels_last(run):
    dataset, ids = open_dataset(run.recipe.data), run.ids("train")
    samples = [dataset[index] for index in range(len(dataset)) if dataset[index].id in ids]
    store = Store(samples, run.recipe.size_hw, run.path, workers=1)
    loader = Loader(store, ids, run.recipe, build_task(run.recipe, dataset.categories), stride=2)
    batches = to_tf_dataset(dataset, recipe=run.recipe, ids=ids, start=3, steps=6)
    assert len(batches) == 3
    for _ in range(2):
        for t, (images, targets) in enumerate(batches, start=3):
            expected = loader.batch(t)
            np.testing.assert_array_equal(images, expected.images.numpy())
            np.testing.assert_array_equal(
                targets["class"], channels_last(expected.targets)["class"]
            )
            assert targets.keys() == expected.targets.keys()
        assert t == 5


@tensorflow_only
def test_a_recipe_derives_itself_where_none_is_given(run):
    batches = to_tf_dataset(run.recipe.data, "semantic", batch=3, size_hw=(64, 32), seed=1)
    images, targets = next(iter(batches))
    assert images.shape == (3, 64, 32, 3) and images.dtype == "uint8"
    assert targets["class"].shape == targets["class_weight"].shape == (3, 32, 16, 1)
    with pytest.raises(PixelwiseError, match="holds no joints"):
        to_tf_dataset(run.recipe.data, "pose")
    with pytest.raises(PixelwiseError, match="no sample 'somebody'"):
        to_tf_dataset(run.recipe.data, ids=["somebody"])


def test_without_keras_the_import_says_what_to_install():
    code = "import sys; sys.modules['keras'] = None; import pixelwise.keras"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "pixelwise[tensorflow]"' in done.stderr


@pytest.mark.slow
@tensorflow_only
def test_what_the_page_on_tensorflow_says_runs(run, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    run.path.rename(tmp_path / "runs" / "discs")
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "tensorflow.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"images": pictures((45, 70))}
    for number, block in enumerate(blocks):
        path = tmp_path / f"block{number}.py"
        # As a file, because Keras and TensorFlow look at the source of what they trace.
        path.write_text(block, encoding="utf-8")
        exec(compile(block, str(path), "exec"), names)
    assert names["maps"]["class"].shape == (5, 23, 35, 1)
    assert (tmp_path / "discs.keras").exists()
    assert np.isfinite(names["loss"].numpy())
