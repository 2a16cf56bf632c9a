"""Engines: what takes a step of learning, one module for each framework.

The module has the name that ``--framework`` takes. Each has

``check(recipe: Recipe) -> None``
    Refuses, with a `PixelwiseError`, what the framework cannot learn or this machine lacks.
``build(model: Model, recipe: Recipe, task: Task, device: torch.device) -> Engine``
    An engine that begins with the weights of ``model``, a PyTorch model, and may keep it.

Everything else about learning is written once, in `pixelwise.training`, and is therefore the same
in every framework: the first weights (drawn by PyTorch's generator), the batches, the schedule,
the clock, what is saved and when. Validation is PyTorch's for all of them, on the averaged
weights, so that scores differ only where weights do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, SupportsFloat

from torch import Tensor, nn

from pixelwise.loader import Batch

_PARTS = ("model", "average", "optimizer")


class Engine(Protocol):
    """A model being learned, its average, and its optimiser."""

    @property
    def average(self) -> nn.Module:
        """The averaged weights, in evaluation mode, as the PyTorch model that a run saves."""

    def take(self, batch: Batch, step: int, learning_rate: float) -> Mapping[str, SupportsFloat]:
        """One step of the optimiser.

        Args:
            batch: to learn from.
            step: its number, from 0; the average and the optimiser go by it.
            learning_rate: of this step, warm-up and schedule applied.

        Returns:
            the named terms of the loss before the step. Reading one may have to wait for a GPU.
        """

    def pack(self) -> dict[str, Tensor]:
        """Everything going on needs: "model/NAME" and "average/NAME", by their names in the
        PyTorch model, and "optimizer/NAME"."""

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `pack` gave."""


def join(
    model: Mapping[str, Tensor], average: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of `Engine.pack` from its three parts."""
    parts = zip(_PARTS, (model, average, optimizer), strict=True)
    return {f"{part}/{name}": value for part, values in parts for name, value in values.items()}


def split(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], ...]:
    """The three parts again."""
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = tensor
    return tuple(parts.values())
