"""Learning in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pixelwise import device as devices
from pixelwise.engines import join, split
from pixelwise.loader import Batch
from pixelwise.model import Model, normalise
from pixelwise.optimise import Average, build_optimizer, clip, pack, set_rate, unpack
from pixelwise.recipe import Recipe
from pixelwise.tasks import Task


def check(recipe: Recipe) -> None:
    """It learns everything."""


class TorchEngine:
    """See `pixelwise.engines.Engine`."""

    def __init__(self, model: Model, recipe: Recipe, task: Task, device: torch.device) -> None:
        self._model: Model = model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self._average = Average(self._model, recipe.average)
        self._optimizer = build_optimizer(self._model, recipe, self._model.pretrained())
        self._forward = torch.compile(self._model) if recipe.compile else self._model
        self._task, self._device, self._seed = task, device, recipe.seed

    @property
    def average(self) -> nn.Module:
        """The averaged model itself."""
        return self._average.model

    def take(self, batch: Batch, step: int, learning_rate: float) -> Mapping[str, Tensor]:
        """One step of the optimiser."""
        torch.manual_seed(self._seed * 1_000_003 + step)
        set_rate(self._optimizer, learning_rate)
        images = normalise(batch.images.to(self._device, non_blocking=True))
        targets = {n: t.to(self._device, non_blocking=True) for n, t in batch.targets.items()}
        with devices.autocast(self._device):
            maps = self._forward(images)
        terms = self._task.loss({name: m.float() for name, m in maps.items()}, targets)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        clip(self._model)
        self._optimizer.step()
        self._average.update(self._model, step)
        return {name: term.detach() for name, term in terms.items()}

    def pack(self) -> dict[str, Tensor]:
        """Weights, averaged weights and moments."""
        return join(self._model.state_dict(), self.average.state_dict(), pack(self._optimizer))

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `pack` gave."""
        model, average, optimizer = split(tensors)
        self._model.load_state_dict(model)
        self.average.load_state_dict(average)
        unpack(self._optimizer, optimizer)


build = TorchEngine
