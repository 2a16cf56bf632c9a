"""What every writer of the Keras twin begins with, and what runs in TensorFlow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.formats import Deployed
from pixelwise.formats._library import INPUT, require
from pixelwise.types import PixelwiseError

EXTRA = "tensorflow"
"""The extra of this package that installs what these formats need."""


def twin(
    deployed: Deployed, size_hw: tuple[int, int] | None = None, *, is_portable: bool = False
) -> Any:
    """The Keras twin of a model.

    Args:
        deployed: the model.
        size_hw: the size of every picture; None = of any.
        is_portable: of Keras's own layers alone.

    Returns:
        A Keras model, (B, H, W, 3) uint8 RGB -> {map name: (B, h, w, C) float32}.

    Raises:
        PixelwiseError: a network that has no twin, or Keras is not installed.
    """
    keras()
    from pixelwise.keras import build_model, carry, with_normalisation

    model = build_model(deployed.recipe, deployed.model.maps, size_hw)
    carry(model, {name: each.cpu().numpy() for name, each in deployed.model.state_dict().items()})
    return with_normalisation(model, deployed.recipe, size_hw, is_portable=is_portable)


def save(deployed: Deployed, folder: Path, size_hw: tuple[int, int] | None = None) -> None:
    """Write the twin as a SavedModel with its weights as constants and one signature.

    Constants are what TensorFlow can fold into the layers before, and LiteRT needs.

    Args:
        deployed: the model.
        folder: to write to.
        size_hw: the size of every picture, one at a time; None = any of both.
    """
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as freeze,
    )

    model = twin(deployed, size_hw)
    shape = (1, *size_hw, 3) if size_hw else (None, None, None, 3)
    images = tf.TensorSpec(shape, tf.uint8, INPUT)
    look = tf.function(lambda images: model(images, training=False))
    frozen = freeze(look.get_concrete_function(images))
    names = sorted(deployed.names)
    module = tf.Module()
    module.look = tf.function(
        lambda images: dict(zip(names, frozen(images), strict=True)), input_signature=[images]
    )
    tf.saved_model.save(module, str(folder), signatures=module.look)


def tensorflow(threads: int | None = None) -> Any:
    """TensorFlow itself, as Keras's backend.

    Args:
        threads: how many it may use from now on in this process; None leaves it as it is.

    Raises:
        PixelwiseError: not installed, another backend is chosen, or it has begun with other
            threads.
    """
    chosen = keras().backend.backend()
    if chosen != "tensorflow":
        raise PixelwiseError(
            f"This needs Keras with TensorFlow, and it runs on {chosen} here: set the "
            "environment variable KERAS_BACKEND to tensorflow."
        )
    tf = require("tensorflow", EXTRA)
    if threads is not None:
        _limit(tf.config.threading, threads)
    return tf


def keras() -> Any:
    """Keras, with a backend that does not tell what it does in a hundred lines.

    Raises:
        PixelwiseError: not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return require("keras", EXTRA)


def _limit(threading: Any, threads: int) -> None:
    try:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        if threading.get_intra_op_parallelism_threads() != threads:
            raise PixelwiseError(
                "TensorFlow takes a number of threads only before it has begun to compute, and it "
                "has in this process. Ask for it in a fresh one."
            ) from None


def order(deployed: Deployed) -> dict[str, str]:
    """What a writer attaches by itself: TensorFlow hands maps out in the order of their names."""
    return {"maps": json.dumps(deployed.model.maps)}


def as_maps(outputs: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
    """What a file gave, (B, h, w, C) each, as (B, C, h, w), in the order its texts tell."""
    names = json.loads(texts["maps"]) if "maps" in texts else outputs
    return {
        name: np.ascontiguousarray(np.moveaxis(np.asarray(outputs[name], np.float32), -1, 1))
        for name in names
    }
