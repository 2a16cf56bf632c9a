"""Eight bits: a model whose weights and features are whole numbers, for ONNX Runtime and OpenVINO.

Static quantisation (Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", 2018): weights by a scale for each channel that comes out,
features by a scale for each tensor, taken from the smallest and the largest value that pictures
gave. What counts in numbers of operations becomes integer; the rest stays float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pixelwise.formats import Images
from pixelwise.formats._library import EXTRA, INPUT, require
from pixelwise.types import PixelwiseError

_INTEGER = ("Conv", "MatMul", "Relu", "MaxPool", "Concat")


def quantise(source: Path, path: Path, calibration: Sequence[Images]) -> None:
    """Write the eight-bit twin of an ONNX model.

    Args:
        source: of a float32 model that takes any number of pictures.
        path: of the twin.
        calibration: (B, H, W, 3) uint8 RGB each; a few dozen pictures like those to come.

    Raises:
        PixelwiseError: no pictures, or a library is not installed.
    """
    if not calibration:
        raise PixelwiseError(
            "An int8 model needs pictures to set its scales by, and there are none. Name the "
            "folder of the run's pictures with --data."
        )
    onnx, tool = require("onnx", EXTRA), require("onnxruntime.quantization", EXTRA)
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Sizes that are free are no use to it, and its symbolic kind wants another library.
        tool.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        tool.quantize_static(
            str(prepared),
            str(path),
            _reader(tool, calibration),
            op_types_to_quantize=list(_INTEGER),
            nodes_to_exclude=_left_in_float(onnx.load(prepared).graph),
            per_channel=True,
            # Processors without instructions for it add two products in 16 bits: eight bits of
            # weight would overflow there, seven never do.
            reduce_range=True,
            activation_type=tool.QuantType.QUInt8,
            weight_type=tool.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def _reader(tool: Any, calibration: Sequence[Images]) -> Any:
    """The pictures as the tool asks for them."""
    pictures: Iterator[Images] = iter(calibration)

    class Reader(tool.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Images] | None:
            images = next(pictures, None)
            return None if images is None else {INPUT: images}

    return Reader()


def _left_in_float(graph: Any) -> list[str]:
    """The first convolution and the last: three channels in and one out cost next to nothing.

    Between the two lies all precision: colours a shade apart, and how far a logit is from 0.
    """
    first = next((node.name for node in graph.node if node.op_type == "Conv"), None)
    maps = {output.name for output in graph.output}
    heads = [node.name for node in graph.node if maps & set(node.output)]
    return [first, *heads] if first else heads
