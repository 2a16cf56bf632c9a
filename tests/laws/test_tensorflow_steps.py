"""What TensorFlow computes in a step is what PyTorch computes: losses, optimiser, average."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pixelwise import losses
from pixelwise.engines import split
from pixelwise.engines.torch import TorchEngine
from pixelwise.loader import Batch
from pixelwise.optimise import Average, build_optimizer, clip, kept_share, rate, set_rate
from pixelwise.recipe import Recipe
from pixelwise.run import build_model, build_task
from pixelwise.types import Category
from shares import case

tf = pytest.importorskip("tensorflow", reason="needs TensorFlow")

from pixelwise.engines import _tensorflow_optimise as ours  # noqa: E402
from pixelwise.engines._tensorflow import TensorflowEngine  # noqa: E402
from pixelwise.keras import _losses as twins  # noqa: E402

# One process imports TensorFlow, which takes long; the others need not.
pytestmark = pytest.mark.xdist_group("tensorflow")

EVERY = {**losses.BY_PIXEL, **losses.BY_REGION}
TWINS = {**twins.BY_PIXEL, **twins.BY_REGION}


def last(values):
    """(B, C, h, w) of PyTorch -> (B, h, w, C) of TensorFlow."""
    return tf.constant(values.detach().movedim(1, -1).numpy())


def with_gradient(name, logits, *arguments):
    """A loss of both frameworks, and its gradient by the logits as (B, C, h, w)."""
    logits = logits.requires_grad_()
    cost = EVERY[name](logits, *arguments)
    cost.backward()
    twin = last(logits)
    others = [last(each) if each.ndim == 4 else tf.constant(each.numpy()) for each in arguments]
    with tf.GradientTape() as tape:
        tape.watch(twin)
        twin_cost = TWINS[name](twin, *others)
    slope = np.moveaxis(tape.gradient(twin_cost, twin).numpy(), -1, 1)
    return (cost.item(), logits.grad.numpy()), (float(twin_cost), slope)


def test_every_loss_has_its_twin():
    assert list(twins.BY_PIXEL) == list(losses.BY_PIXEL)
    assert list(twins.BY_REGION) == list(losses.BY_REGION)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("hw", [(6, 5), (96, 128)], ids=str)
def test_losses_and_gradients_are_pytorchs_with_ignored_pixels(name, channels, hw):
    logits, target, weight = case(channels, seed=channels, hw=hw)
    assert (weight == 0).any()
    (cost, slope), (twin_cost, twin_slope) = with_gradient(name, logits, target, weight)
    assert twin_cost == pytest.approx(cost, abs=1e-6)
    # In float32 the Lovasz gradient is a difference of neighbours of some 1e-7.
    exact = 1e-2 if name == "lovasz" else 1e-4
    assert np.abs(twin_slope - slope).max() <= exact * np.abs(slope).max()


@pytest.mark.parametrize("name", losses.BY_PIXEL)
@pytest.mark.parametrize("channels", [1, 3])
def test_class_weights_are_pytorchs_too(name, channels):
    logits, target, weight = case(channels, hw=(33, 40))
    class_weights = torch.linspace(0.2, 3.0, max(2, channels))
    found = with_gradient(name, logits, target, weight, class_weights)
    (cost, slope), (twin_cost, twin_slope) = found
    assert twin_cost == pytest.approx(cost, abs=1e-6)
    assert np.abs(twin_slope - slope).max() <= 1e-4 * np.abs(slope).max()
    unweighted = with_gradient(name, logits.detach(), target, weight)
    assert abs(unweighted[1][0] - twin_cost) > 1e-4


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 3])
def test_where_nothing_is_known_the_loss_and_its_gradient_are_pytorchs(name, channels):
    logits, target, weight = case(channels)
    (cost, slope), (twin_cost, twin_slope) = with_gradient(name, logits, target, 0 * weight)
    assert twin_cost == cost and not slope.any() and not twin_slope.any()


@pytest.mark.parametrize("name", EVERY)
def test_logits_of_100_stay_finite_with_a_finite_gradient(name):
    _, target, weight = case(1)
    for height in (100.0, -100.0):
        logits = (target.round() * 2 - 1) * height
        (cost, _), (twin_cost, slope) = with_gradient(name, logits, target, weight)
        assert twin_cost == pytest.approx(cost, rel=1e-6) and np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_twelve_steps_and_their_average_are_pytorchs(name):
    """On the same gradients: some so large that they are clipped, some small, some none."""
    recipe = Recipe(data="", optimizer=name, learning_rate=3e-2, weight_decay=0.1, average=0.5)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    weights = [tf.Variable(p.detach().numpy()) for p in model.parameters()]
    means = [tf.Variable(weight) for weight in weights]
    mean, optimizer = Average(model, recipe.average), build_optimizer(model, recipe)
    twin = ours.build_optimizer(weights, recipe)
    for step in range(12):
        slopes = [torch.randn(p.shape) * 10.0 ** (1 - step) for p in model.parameters()]
        learning_rate = recipe.learning_rate * rate(step, 12)
        set_rate(optimizer, learning_rate)
        for parameter, slope in zip(model.parameters(), slopes, strict=True):
            parameter.grad = slope.clone()
        clip(model)
        optimizer.step()
        mean.update(model, step)
        numbers = tf.constant(twin.numbers(step, learning_rate), tf.float32)
        twin.update(ours.clip([tf.constant(slope.numpy()) for slope in slopes]), numbers)
        ours.average(means, weights, kept_share(recipe.average, step))
    for expected, weight in zip(model.parameters(), weights, strict=True):
        assert np.allclose(weight, expected.detach(), rtol=0, atol=1e-6)
    for expected, weight in zip(mean.model.parameters(), means, strict=True):
        assert np.allclose(weight, expected.detach(), rtol=0, atol=1e-6)


def batch_of(recipe: Recipe, channels: int) -> Batch:
    """Random pictures at working size, with targets at half of it."""
    height, width = recipe.size_hw
    _, target, weight = case(channels, hw=(height // 2, width // 2))
    images = torch.randint(0, 256, (3, height, width, 3), dtype=torch.uint8)
    return Batch(("a", "b", "c"), images, {"class": target, "class_weight": weight})


@pytest.mark.parametrize("num_classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_whole_steps_are_pytorchs_up_to_rounding(num_classes):
    """Of pictures whose size the network has to pad."""
    names = ["ground", "disc", "ring"][:num_classes]
    categories = tuple(Category(name, (0, 0, 0)) for name in names)
    recipe = Recipe(
        data="", width=4, depth=3, size_hw=(64, 40), optimizer="sgd", average=0.5,
        loss={"cross_entropy": 1.0, "lovasz": 0.5, "boundary": 0.1},
    )  # fmt: skip
    task = build_task(recipe, categories, np.linspace(0.5, 1.5, num_classes, dtype=np.float32))
    torch.manual_seed(0)
    state = build_model(recipe, task).state_dict()
    found = []
    for kind in (TorchEngine, TensorflowEngine):
        model = build_model(recipe, task)
        model.load_state_dict(state)
        engine = kind(model, recipe, task, torch.device("cpu"))
        torch.manual_seed(1)
        batches = [batch_of(recipe, task.maps["class"]) for _ in range(3)]
        terms = [engine.take(each, step, 1e-2) for step, each in enumerate(batches)]
        found.append((terms, split(engine.pack())))
    (terms, (weights, mean, _)), (twin_terms, (twin_weights, twin_mean, _)) = found
    for expected, each in zip(terms, twin_terms, strict=True):
        assert list(each) == list(expected)
        assert [float(v) for v in each.values()] == pytest.approx(
            [float(v) for v in expected.values()], abs=1e-5
        )
    for own, twin in ((weights, twin_weights), (mean, twin_mean)):
        assert own.keys() == twin.keys()
        moved = max((own[n] - state[n]).abs().max() for n in own if own[n].is_floating_point())
        assert moved > 1e-2
        for name in own:
            torch.testing.assert_close(twin[name], own[name], rtol=0, atol=1e-5)
