"""Keras's own format: a file that Keras loads where this package is not installed.

It consists of Keras's own layers alone and runs on every backend. Any size, any number of
pictures: (B, H, W, 3) uint8 RGB -> {map name: (B, h, w, C) float32}, channels last.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats._library import require
from pixelwise.formats._tensorflow import EXTRA, as_maps, keras, order, tensorflow, twin
from pixelwise.formats._zipped import attach, metadata
from pixelwise.types import PixelwiseError

__all__ = ["attach", "metadata", "open_model", "write"]

PRECISIONS = ("float32",)
SUFFIX = ".keras"
IS_DYNAMIC = True

# What a network here is made of. Keras has layers that read files, and a model from elsewhere may
# have them.
_MODULES = ("keras.initializers", "keras.src.ops.numpy", "keras.src.ops.nn")
_CLASSES = frozenset(
    f"keras.layers.{name}"
    for name in (
        *("Add", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D"),
        *("Conv2DTranspose", "DepthwiseConv2D", "InputLayer", "MaxPooling2D", "Multiply"),
        *("Normalization", "ReLU", "Rescaling", "UpSampling2D", "ZeroPadding2D"),
    )
) | {
    *("keras.DTypePolicy", "keras.src.models.functional.Functional", "keras.src.ops.core.Cast"),
    *("None.__keras_tensor__", "None.__numpy__", "None.__slice__"),
}


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the model and nothing else.

    Raises:
        PixelwiseError: a network that has no twin in Keras, or Keras is not installed.
    """
    twin(deployed, is_portable=True).save(path)
    attach(path, order(deployed))


class Model:
    """A file in Keras; see `open_model`."""

    def __init__(self, path: Path, threads: int | None) -> None:
        saving = keras().saving
        _use(threads)
        _check(path)
        self._texts = metadata(path)
        # ValueError, TypeError, KeyError, ...: whatever a damaged description leads to.
        try:
            self._model = saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise PixelwiseError(f"{path} is damaged: {error}. Export the run again.") from None

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures."""
        return as_maps(self._model.predict_on_batch(images), self._texts)


def open_model(path: Path, threads: int | None = None) -> Model:
    """The file in Keras, on the backend that Keras runs on.

    Args:
        path: of the file.
        threads: how many TensorFlow or PyTorch may use in this process; None leaves it as it is.

    Raises:
        PixelwiseError: no such file, a damaged one, one with layers that no exported network has,
            or Keras is not installed.
    """
    return Model(path, threads)


def _use(threads: int | None) -> None:
    """Let the backend have so many threads in this process."""
    if threads is not None and keras().backend.backend() == "torch":
        require("torch", EXTRA).set_num_threads(threads)
    elif threads is not None:
        tensorflow(threads)


def _check(path: Path) -> None:
    """Refuse a file with anything but the layers and operations that a network is made of.

    Keras's safe mode refuses Python code in a file; it lets layers be that read other files.

    Raises:
        PixelwiseError: no such file, a damaged one, or such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            description = json.loads(archive.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise PixelwiseError(f"{path} is no Keras file ({error}). Export the run again.") from None
    strange = sorted(kind for kind in set(_classes(description)) if not _is_known(kind))
    if strange:
        raise PixelwiseError(
            f"{path} was not written by `pixelwise export`: it has {', '.join(strange)}, which no "
            "network needs. Export the run again."
        )


def _is_known(kind: str) -> bool:
    return kind in _CLASSES or kind.rpartition(".")[0] in _MODULES


def _classes(description: Any) -> Iterator[str]:
    """The names of everything that a description wants to be made, wherever in it they are."""
    if isinstance(description, dict):
        if "class_name" in description:
            yield f"{description.get('module')}.{description['class_name']}"
        for value in description.values():
            yield from _classes(value)
    elif isinstance(description, list):
        for value in description:
            yield from _classes(value)
