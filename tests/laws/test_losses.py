"""What every loss promises, and small sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from pixelwise import losses
from pixelwise.types import PixelwiseError
from shares import case

EVERY = {**losses.BY_PIXEL, **losses.BY_REGION}
CHANNELS = [1, 2, 4]
each_loss = pytest.mark.parametrize("name", EVERY)
each_channels = pytest.mark.parametrize("channels", CHANNELS)


def perfect_logits(target: Tensor, height: float = 100.0) -> Tensor:
    return (target * 2 - 1) * height


@each_loss
@each_channels
def test_perfect_logits_cost_nothing_and_wrong_ones_much(name, channels):
    _, target, weight = case(channels, hard=True)
    right = EVERY[name](perfect_logits(target), target, weight)
    wrong = EVERY[name](-perfect_logits(target), target, weight)
    assert 0 <= right < 1e-4
    assert wrong > 0.3


@each_loss
@each_channels
def test_unknown_pixels_change_nothing(name, channels):
    logits, target, weight = case(channels, hard=name == "lovasz")
    unknown = (weight == 0).expand_as(logits)
    assert unknown.any()
    other_logits, other_target, _ = case(channels, seed=9, hard=name == "lovasz")
    logits.requires_grad_()
    cost = EVERY[name](logits, target, weight)
    cost.backward()
    assert (logits.grad[unknown] == 0).all()
    assert logits.grad.any()
    swapped = EVERY[name](
        torch.where(unknown, other_logits, logits.detach()),
        torch.where(unknown, other_target, target),
        weight,
    )
    torch.testing.assert_close(swapped, cost.detach())


@each_loss
@each_channels
def test_a_batch_of_which_nothing_is_known_costs_0_with_a_gradient_of_0(name, channels):
    logits, target, weight = case(channels)
    logits.requires_grad_()
    cost = EVERY[name](logits, target, torch.zeros_like(weight))
    cost.backward()
    assert cost == 0
    assert (logits.grad == 0).all()


@each_loss
@each_channels
def test_the_order_of_the_batch_does_not_matter(name, channels):
    logits, target, weight = case(channels)
    order = torch.tensor([2, 0, 1])
    shuffled = EVERY[name](logits[order], target[order], weight[order])
    torch.testing.assert_close(shuffled, EVERY[name](logits, target, weight))


@each_loss
@each_channels
def test_the_gradient_is_the_derivative(name, channels):
    logits, target, weight = case(channels, dtype=torch.float64, hw=(2, 3), hard=name == "lovasz")
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: EVERY[name](z, target, weight), logits)


@each_loss
@each_channels
def test_logits_of_100_stay_finite_with_a_finite_gradient(name, channels):
    _, target, weight = case(channels)
    for logits in (perfect_logits(target.round()), -perfect_logits(target.round())):
        logits = logits.requires_grad_()
        cost = EVERY[name](logits, target, weight)
        cost.backward()
        assert cost.isfinite()
        assert logits.grad.isfinite().all()


@each_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_summed_in_float32(name, dtype):
    logits, target, weight = case(2, hw=(64, 64))
    logits = logits.to(dtype)
    exact = EVERY[name](logits.float(), target, weight)
    with torch.autocast("cpu", torch.bfloat16):
        found = EVERY[name](logits, target, weight)
    assert found.dtype == torch.float32
    assert torch.equal(found, exact)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "lovasz"])
@each_channels
def test_no_answer_to_a_share_is_better_than_the_share(name, channels):
    _, target, weight = case(channels, dtype=torch.float64)
    target = target.clamp(0.05, 0.95)
    target = target if channels == 1 else target / target.sum(dim=1, keepdim=True)
    best = torch.logit(target) if channels == 1 else target.log()
    at_best = EVERY[name](best, target, weight)
    for seed, size in enumerate([0.001, 0.01, 0.1, 1.0, 10.0]):
        noise, _, _ = case(channels, seed, torch.float64)
        assert EVERY[name](best + size * noise, target, weight) > at_best


@settings(max_examples=20, deadline=None)
@given(channels=st.sampled_from([2, 3, 5]), seed=st.integers(0, 999), is_weighted=st.booleans())
def test_cross_entropy_of_labels_is_torchs_with_its_ignored_pixels(channels, seed, is_weighted):
    logits, target, weight = case(channels, seed, hard=True)
    class_weights = torch.rand(channels) + 0.1 if is_weighted else None
    labels = target.argmax(dim=1).masked_fill(weight[:, 0] == 0, 255)
    expected = F.cross_entropy(logits, labels, weight=class_weights, ignore_index=255)
    found = losses.cross_entropy(logits, target, (weight > 0).float(), class_weights)
    torch.testing.assert_close(found, expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_binary_cross_entropy_of_shares_is_torchs_over_the_known_pixels(seed):
    logits, target, weight = case(1, seed)
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    expected = (each * weight).sum() / weight.sum()
    torch.testing.assert_close(losses.cross_entropy(logits, target, weight), expected)


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "boundary", "mse"])
def test_two_channels_and_one_say_the_same(name):
    logits, target, weight = case(1)
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    shares = torch.cat([1 - target, target], dim=1)
    torch.testing.assert_close(
        EVERY[name](two, shares, weight), EVERY[name](logits, target, weight)
    )


@pytest.mark.parametrize("name", losses.BY_PIXEL)
def test_class_weights_of_two_channels_and_one_say_the_same(name):
    logits, target, weight = case(1)
    class_weights = torch.tensor([0.2, 3.0])
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    shares = torch.cat([1 - target, target], dim=1)
    found = losses.BY_PIXEL[name](logits, target, weight, class_weights)
    torch.testing.assert_close(losses.BY_PIXEL[name](two, shares, weight, class_weights), found)
    assert not torch.isclose(found, losses.BY_PIXEL[name](logits, target, weight, None))
    scaled = losses.BY_PIXEL[name](logits, target, weight, class_weights * 10)
    torch.testing.assert_close(scaled, found)


@each_channels
def test_focal_without_focus_is_cross_entropy(channels):
    logits, target, weight = case(channels)
    found = losses.focal(logits, target, weight, gamma=0.0)
    torch.testing.assert_close(found, losses.cross_entropy(logits, target, weight))


def test_focal_by_hand():
    """Lin et al. equation 4: p = 0.9 on a foreground pixel costs 0.01 of its cross-entropy."""
    logit = math.log(9)
    found = losses.focal(torch.full((1, 1, 1, 1), logit), torch.ones(1, 1, 1, 1), ones(1, 1))
    torch.testing.assert_close(found.item(), 0.1**2 * -math.log(0.9), rtol=1e-5, atol=0)


@each_channels
def test_even_tversky_is_dice(channels):
    logits, target, weight = case(channels)
    even = losses.tversky(logits, target, weight, alpha=0.5, beta=0.5)
    assert torch.equal(even, losses.dice(logits, target, weight))


def test_dice_and_tversky_by_hand():
    """Of six pixels 3 are hit, 1 is a false alarm, 2 are missed; one pixel is added to both."""
    target = torch.tensor([1.0, 1, 1, 1, 1, 0]).view(1, 1, 2, 3)
    predicted = torch.tensor([1.0, 1, 1, 0, 0, 1]).view(1, 1, 2, 3)
    logits = perfect_logits(predicted)
    weight = ones(2, 3)
    dice = 1 - (3 + 1) / (3 + 0.5 * 1 + 0.5 * 2 + 1)
    torch.testing.assert_close(losses.dice(logits, target, weight).item(), dice)
    tversky = 1 - (3 + 1) / (3 + 0.3 * 1 + 0.7 * 2 + 1)
    torch.testing.assert_close(losses.tversky(logits, target, weight).item(), tversky)


def test_dice_of_shares_overlaps_by_the_smaller_of_the_two():
    """p = 0.5 on shares 0.25 and 1: hits 0.25 + 0.5, false alarms 0.25, misses 0.5."""
    target = torch.tensor([0.25, 1.0]).view(1, 1, 1, 2)
    found = losses.dice(torch.zeros(1, 1, 1, 2), target, ones(1, 2)).item()
    torch.testing.assert_close(found, 1 - 1.75 / (1.75 + 0.5 * 0.25 + 0.5 * 0.5))


def test_dice_of_a_class_neither_there_nor_predicted_is_0():
    nothing = torch.zeros(2, 1, 4, 4)
    assert losses.dice(perfect_logits(nothing), nothing, ones(4, 4)) < 1e-6


def test_mse_by_hand():
    logits = torch.tensor([0.0, math.log(3)]).view(1, 1, 1, 2)
    target = torch.tensor([1.0, 0.5]).view(1, 1, 1, 2)
    found = losses.mse(logits, target, ones(1, 2)).item()
    torch.testing.assert_close(found, (0.5**2 + 0.25**2) / 2)


def test_the_lovasz_hinge_by_hand():
    """Four pixels, labels 1 1 0 0, logits 2 -0.5 0.5 -3.

    Errors max(0, 1 - logit * sign) are 0, 1.5, 1.5, 0. Wrong so far: none, {2}, {2, 3}. 1 - Jaccard
    is then 0, 1 - 1/2 and 1 - 1/3, so the pixels pay 1/2 and 1/6: 1.5 * (1/2 + 1/6) = 1.
    """
    logits = torch.tensor([2.0, -0.5, 0.5, -3.0]).view(1, 1, 2, 2)
    target = torch.tensor([1.0, 1, 0, 0]).view(1, 1, 2, 2)
    torch.testing.assert_close(losses.lovasz(logits, target, ones(2, 2)).item(), 1.0)


def test_lovasz_softmax_of_a_certain_prediction_is_1_minus_the_mean_jaccard():
    """Labels 0 0 1 2, predicted 0 1 1 2: Jaccards 1/2, 1/2 and 1; the fourth class is absent."""
    labels, predicted = torch.tensor([[0, 0], [1, 2]]), torch.tensor([[0, 1], [1, 2]])
    target, logits = (F.one_hot(x, 4).movedim(-1, 0)[None].float() for x in (labels, predicted))
    found = losses.lovasz(logits * 100, target, ones(2, 2)).item()
    torch.testing.assert_close(found, 1 - (0.5 + 0.5 + 1) / 3)


@each_channels
def test_lovasz_rounds_shares_to_labels(channels):
    logits, target, weight = case(channels)
    largest = F.one_hot(target.argmax(dim=1), channels).movedim(-1, 1).float()
    labels = target.round() if channels == 1 else largest
    expected = losses.lovasz(logits, labels, weight)
    torch.testing.assert_close(losses.lovasz(logits, target, weight), expected)


def test_lovasz_leaves_pictures_of_which_nothing_is_known_out_of_the_average():
    logits, target, weight = case(1, hard=True)
    weight[1] = 0
    kept = torch.tensor([0, 2])
    expected = losses.lovasz(logits[kept], target[kept], weight[kept])
    torch.testing.assert_close(losses.lovasz(logits, target, weight), expected)


def test_nearness_to_a_border_falls_from_1_beside_it_to_0():
    """Foreground from column 8 on: three pixels' worth of bands, on both sides, by hand."""
    shares = torch.zeros(1, 1, 3, 16)
    shares[..., 8:] = 1
    near = losses.border_nearness(shares, ones(3, 16))[0, 0, 1] * 3
    expected = [0, 0, 0, 0, 1, 1, 2, 3, 3, 2, 1, 1, 0, 0, 0, 0]
    torch.testing.assert_close(near, torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("known_share", [0.0, 1.0])
def test_what_is_unknown_makes_no_border(known_share):
    shares = torch.full((1, 1, 3, 16), known_share)
    shares[..., 8:] = 1 - known_share
    weight = ones(3, 16)
    weight[..., 8:] = 0
    assert not losses.border_nearness(shares, weight).any()


def test_boundary_weighs_a_mistake_at_the_border_11_times():
    target = torch.zeros(1, 1, 3, 16)
    target[..., 8:] = 1
    costs = []
    for column in (8, 15):
        logits = perfect_logits(target, 20.0)
        logits[0, 0, 1, column] *= -1
        costs.append(losses.boundary(logits, target, ones(3, 16)))
    torch.testing.assert_close(costs[0] / costs[1], torch.tensor(11.0), rtol=1e-4, atol=0)


def test_a_weighted_sum_has_each_term_by_name_times_its_weight():
    logits, target, weight = case(1)
    class_weights = torch.tensor([1.0, 2.0])
    terms = losses.weighted_sum(
        {"cross_entropy": 0.5, "dice": 2.0}, logits, target, weight, class_weights
    )
    assert list(terms) == ["cross_entropy", "dice"]
    expected = 0.5 * losses.cross_entropy(logits, target, weight, class_weights)
    assert torch.equal(terms["cross_entropy"], expected)
    assert torch.equal(terms["dice"], 2.0 * losses.dice(logits, target, weight))


def test_an_unknown_loss_lists_the_choices():
    with pytest.raises(PixelwiseError, match=r"'dise'.*cross_entropy, focal, boundary, dice"):
        losses.weighted_sum({"dise": 1.0}, *case(1))


def test_class_weights_that_no_loss_would_use_are_refused():
    with pytest.raises(PixelwiseError, match="Class weights are for cross_entropy"):
        losses.weighted_sum({"dice": 1.0}, *case(1), class_weights=torch.ones(2))


def ones(*hw: int) -> Tensor:
    return torch.ones(1, 1, *hw)
