"""SavedModel: a folder that TensorFlow and its servers run. Any size, any number of pictures.

Signature "serving_default": "images" (B, H, W, 3) uint8 RGB -> an output for each map, with its
name, (B, h, w, C) float32, channels last as everywhere in TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise.files import write_text
from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats._library import INPUT, require
from pixelwise.formats._tensorflow import EXTRA, as_maps, order, save, tensorflow
from pixelwise.types import PixelwiseError

PRECISIONS = ("float32",)
SUFFIX = ""
IS_DYNAMIC = True

# TensorFlow's own place for what a server shall keep and not read.
_TEXTS = Path("assets.extra") / "pixelwise.json"
_SIGNATURE = "serving_default"
# All that a network here computes with. TensorFlow has operations that read and write files, and a
# graph from elsewhere may have them.
_OPERATIONS = {
    *("AddV2", "AvgPool", "BiasAdd", "BroadcastTo", "Cast", "ConcatV2", "Const", "Conv2D"),
    *("Cumsum", "Equal", "ExpandDims", "Fill", "FloorDiv", "FloorMod", "FusedBatchNormV3"),
    *("GatherV2", "Identity", "Less", "Max", "MaxPool", "Maximum", "Minimum", "MirrorPad"),
    *("Mul", "NoOp", "OnesLike", "Pack", "Pad", "PartitionedCall", "Placeholder", "RealDiv"),
    *("Relu", "Reshape", "ResizeBilinear", "Rsqrt", "SelectV2", "Shape", "Sqrt", "Squeeze"),
    *("StatefulPartitionedCall", "StridedSlice", "Sub", "Tile", "ZerosLike"),
}
# What would save and load variables, if there were any; nothing calls it.
_SAVER = "__inference__traced_"
_KINDS = ("user_object", "function", "bare_concrete_function", "constant")


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the model and nothing else.

    Raises:
        PixelwiseError: a network that has no twin in Keras, or TensorFlow is not installed.
    """
    save(deployed, path)
    attach(path, order(deployed))


def attach(path: Path, metadata: Mapping[str, str]) -> None:
    """Put texts into ``assets.extra/pixelwise.json``, in the place of those that are there."""
    write_text(path / _TEXTS, json.dumps(dict(metadata), indent=1) + "\n")


def metadata(path: Path) -> dict[str, str]:
    """The texts in ``assets.extra/pixelwise.json``."""
    place = path / _TEXTS
    return dict(json.loads(place.read_text(encoding="utf-8"))) if place.exists() else {}


class Signature:
    """A folder's signature in TensorFlow; see `open_model`."""

    def __init__(self, path: Path, threads: int | None) -> None:
        tf = tensorflow(threads)
        _check(path)
        try:
            self._loaded = tf.saved_model.load(str(path))
            self._look = self._loaded.signatures[_SIGNATURE]
        except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
            raise PixelwiseError(f"{path} is damaged: {error}. Export the run again.") from None
        self._tensor, self._texts = tf.constant, metadata(path)

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures."""
        return as_maps(self._look(**{INPUT: self._tensor(images)}), self._texts)


def open_model(path: Path, threads: int | None = None) -> Signature:
    """The folder in TensorFlow.

    Args:
        path: of the folder.
        threads: how many TensorFlow may use in this process; None leaves it to TensorFlow.

    Raises:
        PixelwiseError: no such folder, a damaged one, one that does more than to compute, or
            TensorFlow is not installed.
    """
    return Signature(path, threads)


def _check(path: Path) -> None:
    """Refuse a graph with operations that no exported network has.

    Raises:
        PixelwiseError: no such folder, a damaged one, or such a graph.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    damaged: type[Exception] = require("google.protobuf.message", EXTRA).DecodeError
    try:
        saved = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    except (OSError, damaged) as error:
        raise PixelwiseError(f"{path} is no SavedModel ({error}). Export it again.") from None
    strange = sorted({name for graph in saved.meta_graphs for name in _strange(graph)})
    if strange:
        raise PixelwiseError(
            f"{path} was not written by `pixelwise export`: it has {', '.join(strange)}, which no "
            "network needs. Export the run again."
        )


def _strange(graph: Any) -> Iterator[str]:
    """What a graph has that no exported network has."""
    functions = graph.graph_def.library.function
    savers = {each.signature.name for each in functions if each.signature.name.startswith(_SAVER)}
    for function in functions:
        if function.signature.name in savers:
            continue
        for node in function.node_def:
            called = {value.func.name for value in node.attr.values()}
            if node.op not in _OPERATIONS or called & savers:
                yield node.op
    yield from (node.op for node in graph.graph_def.node if node.op not in _OPERATIONS)
    for thing in graph.object_graph_def.nodes:
        kind = thing.WhichOneof("kind")
        if kind not in _KINDS or thing.saveable_objects or thing.registered_saver:
            yield f"a {kind or 'saver'} of its own"
