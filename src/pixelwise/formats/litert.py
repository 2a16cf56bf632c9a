"""LiteRT (once TensorFlow Lite): a file for telephones and small computers.

One picture at a time, at the run's working size, because that is what accelerators take. Signature
"serving_default": "images" (1, H, W, 3) uint8 RGB -> an output for each map, with its name,
(1, h, w, C) float32, channels last.

float16 halves the file; int8 quantises weights and activations, from the ranges that the
calibration pictures show.
"""

from __future__ import annotations

import importlib
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats._library import INPUT
from pixelwise.formats._tensorflow import as_maps, order, save, tensorflow
from pixelwise.formats._zipped import attach, metadata
from pixelwise.types import PixelwiseError

__all__ = ["attach", "metadata", "open_model", "write"]

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".tflite"
IS_DYNAMIC = False


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the model and nothing else.

    Raises:
        PixelwiseError: a network that has no twin in Keras, or TensorFlow is not installed.
    """
    tf = tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        save(deployed, Path(folder), deployed.recipe.size_hw)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.representative_dataset = _shown(calibration)
        with _quiet():
            path.write_bytes(converter.convert())
    attach(path, order(deployed))


def _shown(calibration: Sequence[Images]) -> Callable[[], Iterator[dict[str, Images]]]:
    """What the converter asks for: pictures, one at a time, as often as it likes."""
    return lambda: ({INPUT: image[None]} for images in calibration for image in images)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without TensorFlow's word that its copy of the interpreter will leave; see `_runtime`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="tensorflow")
        yield


class Interpreter:
    """A file in LiteRT, on the CPU; see `open_model`. It looks for one thread at a time."""

    def __init__(self, path: Path, threads: int | None) -> None:
        if not path.is_file():
            raise PixelwiseError(f"{path} is missing. Export the run again.")
        try:
            with _quiet():
                interpreter = _runtime()(str(path), num_threads=threads)
            interpreter.allocate_tensors()
            self._look = interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise PixelwiseError(
                f"{path} cannot be run by LiteRT: {error}. Export the run again."
            ) from None
        self._shape = tuple(interpreter.get_input_details()[0]["shape"][1:])
        self._texts = metadata(path)
        self._lock = threading.Lock()

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures, one after the other.

        Raises:
            PixelwiseError: they have another size.
        """
        if images.shape[1:] != self._shape:
            raise PixelwiseError(
                f"This file takes pictures of {self._shape[1]} x {self._shape[0]} pixels, not "
                f"{images.shape[2]} x {images.shape[1]}."
            )
        maps = [self._one(images[number : number + 1]) for number in range(len(images))]
        return {name: np.concatenate([each[name] for each in maps]) for name in maps[0]}

    def _one(self, image: Images) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            return as_maps(self._look(**{INPUT: image}), self._texts)


def open_model(path: Path, threads: int | None = None) -> Interpreter:
    """The file in LiteRT.

    Args:
        path: of the file.
        threads: how many LiteRT may use; None leaves it to LiteRT.

    Raises:
        PixelwiseError: no such file, a damaged one, one with operations that LiteRT does not have,
            or the runtime is not installed.
    """
    return Interpreter(path, threads)


def _runtime() -> Any:
    """LiteRT's interpreter: its own package where it is installed, else TensorFlow's copy.

    Raises:
        PixelwiseError: there is neither.
    """
    try:
        return importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        return tensorflow().lite.Interpreter
