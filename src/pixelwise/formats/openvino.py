"""OpenVINO: often the fastest on a processor of a laptop. Any size, any number of pictures.

A folder with ``model.xml``, the graph, and ``model.bin``, its weights, as OpenVINO reads them.
Input "images" (B, H, W, 3) uint8 RGB; an output for each map, with its name, (B, C, h, w) float32.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats import onnx as exact
from pixelwise.formats._library import EXTRA, require
from pixelwise.types import PixelwiseError

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".openvino"
IS_DYNAMIC = True

_GRAPH = "model.xml"
# Where the file's own texts are, beside those of OpenVINO.
_TEXTS = "pixelwise"


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the model and nothing else, by way of ONNX. Whatever the precision, maps are float32.

    In float16 it keeps half the size; what it computes in is the device's choice. In int8 it is
    the graph that ONNX Runtime has too.

    Raises:
        PixelwiseError: int8 without pictures to calibrate with; a library is not installed.
    """
    openvino = require("openvino", EXTRA)
    with TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        exact.write(deployed, source, "int8" if precision == "int8" else "float32", calibration)
        model = _core(openvino).read_model(source)
    _save(openvino, model, path, is_half=precision == "float16")


def _core(openvino: Any) -> Any:
    """OpenVINO without its habit of keeping a file open, which may be written again."""
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    return core


def _read(core: Any, path: Path) -> Any:
    """The graph with its weights.

    Raises:
        PixelwiseError: not there, or damaged.
    """
    try:
        return core.read_model(path / _GRAPH)
    except RuntimeError as error:
        *_, reason = str(error).strip().splitlines()
        raise PixelwiseError(
            f"{path} cannot be read by OpenVINO: {reason.strip()}. Export it again."
        ) from None


def _save(openvino: Any, model: Any, path: Path, *, is_half: bool = False) -> None:
    path.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, path / _GRAPH, compress_to_fp16=is_half)


def attach(path: Path, metadata: Mapping[str, str]) -> None:
    """Put texts into the graph's own information, in the place of those that are there."""
    openvino = require("openvino", EXTRA)
    model = _read(_core(openvino), path)
    model.set_rt_info(dict(metadata), [_TEXTS])
    _save(openvino, model, path)


def metadata(path: Path) -> dict[str, str]:
    """The texts in the graph's information."""
    model = _read(_core(require("openvino", EXTRA)), path)
    if not model.has_rt_info([_TEXTS]):
        return {}
    found = model.get_rt_info([_TEXTS]).astype(dict)
    return {key: text.astype(str) for key, text in found.items()}


class Session:
    """A file in OpenVINO, on the CPU; see `open_model`. One object serves many threads.

    Pictures of the size that came first, and as many at a time, have a model of their own, which
    took 7 % less time than the one that takes any.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        core = _core(require("openvino", EXTRA))
        # In float32 where a processor would round to half of it by itself.
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self._settings = settings | ({} if threads is None else {"INFERENCE_NUM_THREADS": threads})
        self._core, self._model = core, _read(core, path)
        self._names = [output.any_name for output in self._model.outputs]
        self._first: tuple[int, ...] | None = None
        self._compiled: dict[bool, Any] = {}
        self._lock = threading.Lock()
        self._mine = threading.local()

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures."""
        maps = self._request(images.shape).infer({0: images})
        return {name: maps[place] for place, name in enumerate(self._names)}

    def _request(self, shape: tuple[int, ...]) -> Any:
        """This thread's own place to compute in; two threads in one would mix their pictures."""
        with self._lock:
            self._first = self._first or shape
            is_first = shape == self._first
            if is_first not in self._compiled:
                self._compiled[is_first] = self._compile(shape if is_first else None)
        name = "fixed" if is_first else "free"
        if not hasattr(self._mine, name):
            setattr(self._mine, name, self._compiled[is_first].create_infer_request())
        return getattr(self._mine, name)

    def _compile(self, shape: tuple[int, ...] | None) -> Any:
        model = self._model.clone()
        if shape is not None:
            model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._settings)


def open_model(path: Path, threads: int | None = None) -> Session:
    """The file in OpenVINO.

    Args:
        path: of the folder.
        threads: how many the runtime may use; None leaves it to the runtime.

    Raises:
        PixelwiseError: no such file, a damaged one, or the runtime is not installed.
    """
    return Session(path, threads)
