"""The engine of `pixelwise.engines.tensorflow`, which imports TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
import torch
from torch import Tensor, nn

from pixelwise.engines import join, split
from pixelwise.engines._tensorflow_optimise import average, build_optimizer, clip
from pixelwise.keras import build_model, carry, normalise, state_of, weighted_sum
from pixelwise.loader import Batch
from pixelwise.model import Model
from pixelwise.optimise import kept_share
from pixelwise.recipe import Recipe
from pixelwise.tasks import Task
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.types import PixelwiseError


def check_backend() -> None:
    """Refuse where Keras computes with something else.

    Raises:
        PixelwiseError: see above.
    """
    if keras.backend.backend() != "tensorflow":
        raise PixelwiseError(
            f"Keras computes with '{keras.backend.backend()}' here, and --framework tensorflow "
            "needs it to compute with TensorFlow. Set KERAS_BACKEND=tensorflow."
        )


def place(device: str) -> str | None:
    """TensorFlow's name of a recipe's device; None leaves it to TensorFlow.

    Raises:
        PixelwiseError: a GPU is asked for, and TensorFlow finds none.
    """
    if device == "auto":
        return None
    if device != "cpu" and not tf.config.list_physical_devices("GPU"):
        raise PixelwiseError(
            f"TensorFlow finds no GPU here, and the device is '{device}'. Ask for --device cpu, or "
            "install a TensorFlow that knows the GPU."
        )
    return "CPU:0" if device == "cpu" else "GPU:0"


class TensorflowEngine:
    """See `pixelwise.engines.Engine`."""

    def __init__(self, model: Model, recipe: Recipe, task: Task, device: torch.device) -> None:
        assert isinstance(task, SemanticTask)
        self._losses, self._decay, self._place = recipe.loss, recipe.average, place(recipe.device)
        if self._place != "CPU:0" and tf.config.list_physical_devices("GPU"):
            # The same bits from the same numbers; the CPU gives them without asking, and in the
            # whole process draws from TensorFlow without a seed are refused from here on.
            tf.config.experimental.enable_op_determinism()
        weights = task.class_weights
        self._class_weights = None if weights is None else tf.constant(weights.numpy())
        with tf.device(self._place):
            self._model, self._average = (
                build_model(recipe, task.maps, recipe.size_hw) for _ in range(2)
            )
            self._weights = _values(self._model.trainable_variables)
            self._optimizer = build_optimizer(self._weights, recipe)
        self._carry(model.state_dict(), model.state_dict())
        self._twin: nn.Module = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._twin.eval().requires_grad_(False)
        self._step = tf.function(self._learn, autograph=False)

    @property
    def average(self) -> nn.Module:
        """The averaged weights, brought over into PyTorch anew."""
        self._twin.load_state_dict(_state(self._average))
        return self._twin

    def take(self, batch: Batch, step: int, learning_rate: float) -> Mapping[str, Any]:
        """One step of the optimiser."""
        with tf.device(self._place):
            terms: Mapping[str, Any] = self._step(
                tf.constant(batch.images.numpy()),
                {name: tf.constant(target.numpy()) for name, target in batch.targets.items()},
                tf.constant(self._optimizer.numbers(step, learning_rate), tf.float32),
                tf.constant(kept_share(self._decay, step), tf.float32),
            )
        return terms

    def _learn(
        self, images: Any, targets: Mapping[str, Any], numbers: Any, keep: Any
    ) -> Mapping[str, Any]:
        """What is compiled: images (B, H, W, 3) uint8, targets {name: (B, C, h, w) float32}."""
        target, known = (tf.transpose(targets[n], (0, 2, 3, 1)) for n in ("class", "class_weight"))
        with tf.GradientTape() as tape:
            logits = self._model(normalise(images), training=True)["class"]
            terms = weighted_sum(self._losses, logits, target, known, self._class_weights)
            total = tf.add_n(list(terms.values()))
        self._optimizer.update(clip(tape.gradient(total, self._weights)), numbers)
        average(_values(self._average.variables), _values(self._model.variables), keep)
        return terms

    def pack(self) -> dict[str, Tensor]:
        """Weights and averaged weights as PyTorch has them, moments as TensorFlow does."""
        moments = {name: torch.from_numpy(slot.numpy()) for name, slot in self._slots().items()}
        return join(_state(self._model), _state(self._average), moments)

    def unpack(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `pack` gave."""
        model, average, moments = split(tensors)
        self._carry(model, average)
        for name, slot in self._slots().items():
            slot.assign(moments[name].numpy())

    def _carry(self, model: Mapping[str, Tensor], average: Mapping[str, Tensor]) -> None:
        for twin, state in ((self._model, model), (self._average, average)):
            carry(twin, {name: tensor.cpu().numpy() for name, tensor in state.items()})

    def _slots(self) -> dict[str, Any]:
        """The optimiser's variables: "<parameter number>.<key>", as `pixelwise.optimise.pack`."""
        return {
            f"{number}.{key}": slot
            for key, slots in self._optimizer.slots.items()
            for number, slot in enumerate(slots)
        }


def _values(variables: Sequence[Any]) -> list[Any]:
    """Keras's variables as TensorFlow's."""
    return [variable.value for variable in variables]


def _state(model: Any) -> dict[str, Tensor]:
    """A Keras model's weights as a PyTorch state."""
    return {name: torch.from_numpy(array) for name, array in state_of(model).items()}
