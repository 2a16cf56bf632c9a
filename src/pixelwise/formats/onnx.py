"""ONNX: what most runtimes read, here run by ONNX Runtime. Any size, any number of pictures.

Input "images" (B, H, W, 3) uint8 RGB; an output for each map, with its name, (B, C, h, w) float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats._library import EXTRA, INPUT, require
from pixelwise.formats._quantise import quantise
from pixelwise.types import PixelwiseError

PRECISIONS = ("float32", "float16", "int8")
SUFFIX = ".onnx"
IS_DYNAMIC = True

_OPSET = 17
_ERRORS_ONLY = 3
_SPIN_US = "20"


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the model and nothing else. Whatever the precision, maps come out in float32.

    Raises:
        PixelwiseError: int8 without pictures to calibrate with; a library is not installed.
    """
    if precision == "float32":
        _trace(deployed, path)
        return
    with TemporaryDirectory() as folder:
        exact = Path(folder) / "exact.onnx"
        _trace(deployed, exact)
        if precision == "int8":
            quantise(exact, path, calibration)
        else:
            _halve(exact, path)


def _trace(deployed: Deployed, path: Path) -> None:
    """Write the model in float32.

    It is traced, not exported by `torch.export`: tracing takes a second, keeps the sizes free, and
    works with every version of torch that this package does.
    """
    import torch

    from pixelwise.formats._graph import example, graph

    require("onnx", EXTRA)
    sizes = {0: "batch", 1: "height", 2: "width"}
    grid = {0: "batch", 2: "rows", 3: "columns"}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            graph(deployed),
            (example(deployed),),
            path,
            input_names=[INPUT],
            output_names=list(deployed.names),
            dynamic_axes={INPUT: sizes} | dict.fromkeys(deployed.names, grid),
            opset_version=_OPSET,
            dynamo=False,
        )


def _halve(source: Path, path: Path) -> None:
    """Write a model in float16: half the size. A processor without it computes in float32."""
    onnx = require("onnx", EXTRA)
    half = require("onnxruntime.transformers.float16", EXTRA)
    with _quiet():
        model = half.convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.save(model, path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracer's warnings: it fears constants, which a normalisation is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def attach(path: Path, metadata: Mapping[str, str]) -> None:
    """Put texts into the file's own table of metadata, in the place of those that are there."""
    onnx = require("onnx", EXTRA)
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)


def metadata(path: Path) -> dict[str, str]:
    """The file's table of metadata."""
    onnx = require("onnx", EXTRA)
    found = onnx.load(path, load_external_data=False).metadata_props
    return {entry.key: entry.value for entry in found}


class Session:
    """A file in ONNX Runtime, on the CPU; see `open_model`."""

    def __init__(self, path: Path, threads: int | None) -> None:
        runtime = require("onnxruntime", EXTRA)
        options = runtime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        # A thread that waits spins, which beside other programs takes the processor from the one
        # it waits for: 1.8 times as long as with short spins, on two cores that others kept busy.
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_US)
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session: Any = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        # The runtime has an exception of its own for every kind of failure, and no common one.
        except Exception as error:
            raise PixelwiseError(
                f"{path} cannot be run by ONNX Runtime: {error}. Export it again."
            ) from None
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures."""
        return dict(zip(self._names, self._session.run(None, {INPUT: images}), strict=True))


def open_model(path: Path, threads: int | None = None) -> Session:
    """The file in ONNX Runtime.

    Args:
        path: of the file.
        threads: how many the runtime may use; None leaves it to the runtime.

    Raises:
        PixelwiseError: no such file, a damaged one, or the runtime is not installed.
    """
    return Session(path, threads)
