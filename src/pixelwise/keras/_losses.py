"""The losses of `pixelwise.losses`, for Keras: channels last, on whatever backend Keras has.

===========  ===============================================================================
logits       (B, h, w, C) float, before any activation; C = 1 is a two-class problem
target       (B, h, w, C) float in [0, 1]: the share of each class in each map pixel's area;
             with C = 1 the share of the foreground
weight       (B, h, w, 1) float: the known share of each pixel; 0 = ignore
result       () float32 (float64 for float64 logits)
===========  ===============================================================================

What each of them is, and its source, stands in `pixelwise.losses`; on the same logits the two
agree to 1e-6, which `tests/laws/test_tensorflow_steps.py` holds. ``class_weights`` are (C,) float,
or (2,) for C = 1: background, then foreground.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from pixelwise.losses import terms_of

Tensor = Any
"""A tensor of Keras's backend."""

_EPS = 1e-6


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, class_weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy: softmax for C >= 2, binary for C = 1. In nats per pixel."""
    return _class_average(
        -_log_probs(logits), _shares(logits, target), _like(weight, logits), class_weights
    )


def focal(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Focal loss: cross-entropy that cares less the closer a pixel already is."""
    log_probs, shares = _log_probs(logits), _shares(logits, target)
    distance = ops.abs(shares - ops.exp(log_probs))
    costs = -ops.power(distance, gamma) * log_probs
    return _class_average(costs, shares, _like(weight, logits), class_weights)


def boundary(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
    strength: float = 10.0,
) -> Tensor:
    """Cross-entropy that weighs pixels at the target's borders up to 1 + ``strength`` times."""
    weight = _like(weight, logits)
    near = border_nearness(_shares(logits, target), weight)
    return cross_entropy(logits, target, weight * (1 + strength * near), class_weights)


def border_nearness(shares: Tensor, weight: Tensor) -> Tensor:
    """How near the border between classes is: (B, h, w, 1) in [0, 1]; 0 beyond 4 map pixels."""
    known = weight > 0
    spans = []
    for radius in (1, 2, 4):
        highest = _highest(ops.where(known, shares, -1.0), radius)
        lowest = 1 - _highest(ops.where(known, 1 - shares, -1.0), radius)
        spans.append(ops.max(highest - lowest, axis=-1, keepdims=True))
    return sum(spans) / len(spans) * ops.cast(known, shares.dtype)


def mse(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error between probabilities and shares, over pixels and channels."""
    probs = _probs(logits)
    squares = ops.mean(ops.square(probs - _like(target, logits)), axis=-1, keepdims=True)
    weight = _like(weight, logits)
    return _total(squares * weight) / ops.maximum(_total(weight), _EPS)


def dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Soft Dice loss: `tversky` with alpha = beta = 0.5."""
    return tversky(logits, target, weight, alpha=0.5, beta=0.5)


def tversky(
    logits: Tensor, target: Tensor, weight: Tensor, alpha: float = 0.3, beta: float = 0.7
) -> Tensor:
    """Tversky loss, 1 - TP / (TP + alpha FP + beta FN) over the batch, the mean over channels."""
    probs, shares, weight = _probs(logits), _like(target, logits), _like(weight, logits)
    hits = _over_pixels(ops.minimum(probs, shares) * weight)
    false_alarms = _over_pixels(ops.relu(probs - shares) * weight)
    misses = _over_pixels(ops.relu(shares - probs) * weight)
    return 1 - ops.mean((hits + 1) / (hits + alpha * false_alarms + beta * misses + 1))


def lovasz(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Lovasz hinge (C = 1) or Lovasz softmax of each picture, then averaged over the known ones."""
    logits, weight = _precise(logits), _like(weight, logits)
    if logits.shape[-1] == 1:
        labels = ops.cast(target > 0.5, logits.dtype)
        errors = ops.relu(1 - logits * (2 * labels - 1))
        counts = ops.any(_flat(weight) > 0, axis=2)
    else:
        labels = ops.one_hot(ops.argmax(target, axis=-1), logits.shape[-1], dtype=logits.dtype)
        errors = ops.abs(labels - ops.softmax(logits, axis=-1))
        counts = ops.any(_flat(labels * weight) > 0, axis=2)
    counts = ops.cast(counts, logits.dtype)
    costs = _lovasz_extension(_flat(errors), _flat(labels), _flat(weight))
    pictures = ops.sum(costs * counts, axis=1) / ops.maximum(ops.sum(counts, axis=1), 1)
    return ops.sum(pictures) / ops.maximum(ops.sum(ops.max(counts, axis=1)), 1)


def _lovasz_extension(errors: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """(B, C) from errors and labels (B, C, N) and weight (B, 1, N)."""
    order = ops.argsort(-errors, axis=-1)
    errors = ops.take_along_axis(errors, order, axis=-1)
    weight = ops.take_along_axis(ops.broadcast_to(weight, ops.shape(labels)), order, axis=-1)
    labels = ops.take_along_axis(labels, order, axis=-1)
    inside, outside = _running_sum(labels * weight), _running_sum((1 - labels) * weight)
    area = inside[..., -1:]
    jaccard_loss = 1 - (area - inside) / ops.maximum(area + outside, _EPS)
    added = jaccard_loss - ops.pad(jaccard_loss[..., :-1], [(0, 0), (0, 0), (1, 0)])
    return ops.sum(errors * added * ops.cast(weight > 0, errors.dtype), axis=-1)


BY_PIXEL: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "boundary": boundary,
}
"""Losses that take class weights."""

BY_REGION: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "dice": dice,
    "tversky": tversky,
    "lovasz": lovasz,
    "mse": mse,
}
"""Losses that do not."""


def weighted_sum(
    names: Mapping[str, float],
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    class_weights: Tensor | None = None,
) -> dict[str, Tensor]:
    """The terms of a weighted sum of losses, as `pixelwise.losses.weighted_sum` gives them."""
    return terms_of(BY_PIXEL, BY_REGION, names, (logits, target, weight), class_weights)


def _precise(values: Tensor) -> Tensor:
    """At least float32: sums over pixels overflow float16 and round away in bfloat16."""
    is_double = ops.dtype(values) == "float64"
    return values if is_double else ops.cast(values, "float32")


def _like(values: Tensor, logits: Tensor) -> Tensor:
    return ops.cast(values, ops.dtype(_precise(logits)))


def _log_probs(logits: Tensor) -> Tensor:
    """(B, h, w, C or 2) log-probabilities, from the logits."""
    logits = _precise(logits)
    if logits.shape[-1] == 1:
        return ops.concatenate([ops.log_sigmoid(-logits), ops.log_sigmoid(logits)], axis=-1)
    return ops.log_softmax(logits, axis=-1)


def _probs(logits: Tensor) -> Tensor:
    """(B, h, w, C) probabilities; for one channel, the foreground's."""
    logits = _precise(logits)
    return ops.sigmoid(logits) if logits.shape[-1] == 1 else ops.softmax(logits, axis=-1)


def _shares(logits: Tensor, target: Tensor) -> Tensor:
    """(B, h, w, C or 2) class shares, in step with `_log_probs`."""
    target = _like(target, logits)
    return ops.concatenate([1 - target, target], axis=-1) if logits.shape[-1] == 1 else target


def _class_average(
    costs: Tensor, shares: Tensor, weight: Tensor, class_weights: Tensor | None
) -> Tensor:
    """The average over known pixels of what each class costs times its share there."""
    if class_weights is not None:
        shares = shares * _like(class_weights, costs)
    total = _total(weight if class_weights is None else shares * weight)
    return _total(costs * shares * weight) / ops.maximum(total, _EPS)


def _over_pixels(values: Tensor) -> Tensor:
    """(B, h, w, C) -> (C,), an axis at a time.

    All at once TensorFlow adds a channel's pixels one after the other, and the sum of a hundred
    thousand of them loses the sixth digit.
    """
    return ops.sum(ops.sum(ops.sum(values, axis=2), axis=1), axis=0)


def _total(values: Tensor) -> Tensor:
    return ops.sum(_over_pixels(values))


def _highest(values: Tensor, radius: int) -> Tensor:
    """The highest of each channel within a square around each pixel."""
    side = 2 * radius + 1
    return ops.max_pool(values, side, 1, padding="same", data_format="channels_last")


def _flat(values: Tensor) -> Tensor:
    """(B, h, w, C) -> (B, C, h * w)."""
    batch, height, width, channels = ops.shape(values)
    rows = ops.reshape(values, (batch, height * width, channels))
    return ops.transpose(rows, (0, 2, 1))


def _running_sum(values: Tensor) -> Tensor:
    """Along the pixels; in float64, because each next pixel is small against the sum so far."""
    return ops.cast(ops.cumsum(ops.cast(values, "float64"), axis=-1), ops.dtype(values))
