"""The optimiser, its schedule, the average of the weights; and their state as plain tensors."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

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
_COLOURS = 3


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

    ``pretrained`` weights get a tenth of the learning rate; see `set_rate`. Muon is for the
    matrices between the first layer and the heads. The first and the last layer are no maps between
    features, and learn better by AdamW (Jordan et al. 2024), which takes a fifth of the rate.
    """
    is_muon = recipe.optimizer == "muon"
    known = {id(p) for p in pretrained}
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        is_matrix = is_muon and p.ndim > 1 and _is_inner(name, p)
        groups.setdefault((id(p) in known, p.ndim <= 1, is_matrix), []).append(p)
    parts = [
        {
            "params": params,
            "weight_decay": 0.0 if are_vectors else recipe.weight_decay,
            "share": (_PRETRAINED_SHARE if are_known else 1.0)
            * (_ADAM_SHARE if is_muon and not are_matrices else 1.0),
            "is_matrix": are_matrices,
        }
        for (are_known, are_vectors, are_matrices), params in sorted(
            groups.items(), key=lambda group: group[0]
        )
    ]
    if is_muon:
        return Muon(parts, lr=recipe.learning_rate)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parts, lr=recipe.learning_rate, momentum=MOMENTUM, nesterov=True)
    return torch.optim.AdamW(parts, lr=recipe.learning_rate)


def _is_inner(name: str, weight: Tensor) -> bool:
    """Whether weights lead from features to features: not from colours, not to maps."""
    return weight.shape[1] > _COLOURS and not name.startswith("heads.")


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
