"""PyTorch's AdamW and SGD, and the bound on the gradient, on TensorFlow's variables.

Keras has both names, and other updates behind them: its AdamW adds epsilon before the second
moment's bias is taken out, and its decay is not PyTorch's for SGD. Written out here, a step is
PyTorch's to 1e-6, which `tests/laws/test_tensorflow_steps.py` holds.

Numbers that change from step to step are worked out in Python, in float64, and go into the
compiled step as a vector of float32, so that it is compiled once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from pixelwise.optimise import CLIP, MOMENTUM
from pixelwise.recipe import Recipe

Tensor = Any
_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Optimizer(Protocol):
    """An optimiser over a fixed list of weights.

    ``slots``: name -> a variable beside each weight; the whole state, as the number of the step is
    the engine's to know.
    """

    slots: dict[str, list[Tensor]]

    def numbers(self, step: int, learning_rate: float) -> list[float]:
        """What `update` needs to know of a step, the first being 0."""

    def update(self, gradients: Sequence[Tensor], numbers: Tensor) -> None:
        """Change the weights and the slots."""


class AdamW:
    """Loshchilov and Hutter 2019, as ``torch.optim.AdamW``; no decay on vectors."""

    def __init__(self, weights: Sequence[Tensor], recipe: Recipe) -> None:
        self._weights, self._decay = weights, recipe.weight_decay
        self.slots = {name: _zeros(weights) for name in ("exp_avg", "exp_avg_sq")}

    def numbers(self, step: int, learning_rate: float) -> list[float]:
        """How much of the weights stays, how far to go, and the second moment's correction."""
        taken = step + 1
        return [
            1 - learning_rate * self._decay,
            learning_rate / (1 - _BETA1**taken),
            math.sqrt(1 - _BETA2**taken),
        ]

    def update(self, gradients: Sequence[Tensor], numbers: Tensor) -> None:
        """Change the weights and both moments."""
        keep, far, correction = tf.unstack(numbers)
        for weight, gradient, first, second in zip(
            self._weights, gradients, *self.slots.values(), strict=True
        ):
            first.assign(first + (1 - _BETA1) * (gradient - first))
            second.assign(_BETA2 * second + (1 - _BETA2) * tf.square(gradient))
            kept = weight * keep if weight.shape.rank > 1 else tf.identity(weight)
            weight.assign(kept - far * first / (tf.sqrt(second) / correction + _EPS))


class Sgd:
    """SGD with Nesterov momentum, as ``torch.optim.SGD``; no decay on vectors."""

    def __init__(self, weights: Sequence[Tensor], recipe: Recipe) -> None:
        self._weights, self._decay = weights, recipe.weight_decay
        self.slots = {"momentum_buffer": _zeros(weights)}

    def numbers(self, step: int, learning_rate: float) -> list[float]:
        """The learning rate."""
        return [learning_rate]

    def update(self, gradients: Sequence[Tensor], numbers: Tensor) -> None:
        """Change the weights and their momentum."""
        for weight, gradient, speed in zip(
            self._weights, gradients, *self.slots.values(), strict=True
        ):
            if weight.shape.rank > 1:
                gradient = gradient + self._decay * weight
            speed.assign(MOMENTUM * speed + gradient)
            weight.assign(weight - numbers[0] * (gradient + MOMENTUM * speed))


def build_optimizer(weights: Sequence[Tensor], recipe: Recipe) -> Optimizer:
    """The recipe's optimiser over variables, which it changes."""
    return Sgd(weights, recipe) if recipe.optimizer == "sgd" else AdamW(weights, recipe)


def clip(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Gradients whose norm together is bounded, as ``torch.nn.utils.clip_grad_norm_`` does it."""
    factor = tf.minimum(CLIP / (tf.linalg.global_norm(gradients) + 1e-6), 1.0)
    return [gradient * factor for gradient in gradients]


def average(ours: Sequence[Tensor], theirs: Sequence[Tensor], keep: Tensor) -> None:
    """Take weights and running statistics into their average, of which a share is kept."""
    for mean, value in zip(ours, theirs, strict=True):
        mean.assign(value + keep * (mean - value) if value.dtype.is_floating else value)


def _zeros(weights: Sequence[Tensor]) -> list[Tensor]:
    return [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]
