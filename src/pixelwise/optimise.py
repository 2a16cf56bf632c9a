"""The optimiser, its schedule, the average of the weights; and their state as plain tensors."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.muon import Muon
from pixelwise.recipe import Recipe

_WARM_UP = 20
_FLAT_SHARE = 0.1
_FLOOR = 0.01
CLIP = 5.0
MOMENTUM = 0.9
# Of the learning rate, for pretrained weights: they know already most of what they need.
_PRETRAINED_SHARE = 0.1
# Of Muon's learning rate, for what AdamW learns beside it.
_ADAM_SHARE = 0.2


def rate(step: int, steps: int | None) -> float:
    """Share of the peak learning rate at a step: linear warm-up, flat, cosine to 1 %.

    Warm-up and the flat tenth do not look at ``steps``, so that a run whose length is still being
    measured (None) takes the very steps that it takes when the length is given.
    """
    warm = min(1.0, (step + 1) / _WARM_UP)
    if steps is None:
        return warm
    flat = steps * _FLAT_SHARE
    done = min(1.0, max(0.0, (step - flat) / max(1.0, steps - flat)))
    return warm * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))


def build_optimizer(
    model: nn.Module, recipe: Recipe, pretrained: Sequence[Tensor] = ()
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019), SGD with Nesterov momentum, or Muon; no decay on vectors.

    ``pretrained`` weights get a tenth of the learning rate; see `set_rate`.
    """
    if recipe.optimizer == "muon":
        return _muon(model, recipe)
    known = {id(p) for p in pretrained}
    fresh = [p for p in model.parameters() if id(p) not in known]
    groups = [
        {"params": params, "weight_decay": decay, "share": share}
        for weights, share in ((fresh, 1.0), (pretrained, _PRETRAINED_SHARE))
        for params, decay in (
            ([p for p in weights if p.ndim > 1], recipe.weight_decay),
            ([p for p in weights if p.ndim <= 1], 0.0),
        )
        if params
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=MOMENTUM, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _muon(model: nn.Module, recipe: Recipe) -> Muon:
    """Muon for the matrices between the first layer and the heads, and AdamW for the rest.

    The first and the last layer are no maps between features, and learn better by AdamW (Jordan et
    al. 2024), which takes a fifth of the learning rate.
    """
    named = list(model.named_parameters())
    inner = {
        name for name, p in named if p.ndim > 1 and p.shape[1] > 3 and not name.startswith("heads.")
    }
    groups: list[dict[str, Any]] = [
        {
            "params": [p for name, p in named if name in inner],
            "weight_decay": recipe.weight_decay,
            "share": 1.0,
            "is_matrix": True,
        },
        {
            "params": [p for name, p in named if p.ndim > 1 and name not in inner],
            "weight_decay": recipe.weight_decay,
            "share": _ADAM_SHARE,
            "is_matrix": False,
        },
        {
            "params": [p for _, p in named if p.ndim <= 1],
            "weight_decay": 0.0,
            "share": _ADAM_SHARE,
            "is_matrix": False,
        },
    ]
    return Muon([group for group in groups if group["params"]], lr=recipe.learning_rate)


def set_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give each group of weights its share of the learning rate of this step."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["share"]


def clip(model: nn.Module) -> None:
    """Bound the gradient's norm, so that one odd batch cannot throw the weights away."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP, foreach=True)


def kept_share(decay: float, step: int) -> float:
    """Share of the average that stays when the weights after a step are taken in.

    Early on the average is short, min(decay, (1 + t) / (10 + t)), so that the first weights are
    forgotten.
    """
    return min(decay, (1 + step) / (10 + step)) if decay else 0.0


class Average:
    """The exponential moving average of a model's weights and running statistics."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step."""
        keep = kept_share(self._decay, step)
        ours, theirs = self.model.state_dict(), model.state_dict()
        floating = [name for name, value in ours.items() if value.is_floating_point()]
        torch._foreach_lerp_([ours[n] for n in floating], [theirs[n] for n in floating], 1 - keep)
        for name in ours.keys() - set(floating):
            ours[name].copy_(theirs[name])


def pack(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as named tensors: "<parameter number>.<key>"."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{key}": value
        for number, entry in state.items()
        for key, value in entry.items()
        if isinstance(value, Tensor)
    }


def unpack(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `pack` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
