"""The program that `torch.export` makes: PyTorch without this package. Any size and number.

Takes (B, H, W, 3) uint8 RGB and gives {map name: (B, C, h, w) float32}.

Reading such a file can run what is in it: weights may be pickles, sizes are expressions that are
evaluated. `open_model` therefore looks first, and opens only what this module writes: `_archive`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixelwise.formats import Deployed, Images, Maps
from pixelwise.formats import _archive as archive
from pixelwise.formats._graph import Graph, example
from pixelwise.types import PixelwiseError

PRECISIONS = ("float32",)
SUFFIX = ".pt2"
IS_DYNAMIC = True

_TEXTS = "pixelwise.json"


class Named(Graph):
    """The graph, with the maps by their names."""

    def __init__(self, deployed: Deployed) -> None:
        super().__init__(deployed.model)
        self._names = deployed.names

    def forward(self, images: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """See `Graph`."""
        return dict(zip(self._names, super().forward(images), strict=True))


def write(deployed: Deployed, path: Path, precision: str, calibration: Sequence[Images]) -> None:
    """Write the program and nothing else: no pickle, no line of source, no path of this machine."""
    free = torch.export.Dim.DYNAMIC
    sizes = ({0: free, 1: free, 2: free},)
    with torch.no_grad(), _sizes_of_one():
        program = torch.export.export(
            Named(deployed).eval(), (example(deployed),), dynamic_shapes=sizes, strict=False
        )
    strip(program)
    torch.export.save(program, path)


@contextmanager
def _sizes_of_one() -> Iterator[None]:
    """Do not take a height, a width or a number of pictures of 1 for another program."""
    settings: Any = torch.fx.experimental._config
    with settings.patch(backed_size_oblivious=True):
        yield


def strip(program: Any) -> None:
    """Take out what only debuggers read, and conditions that hold for the example alone."""
    for node in program.graph.nodes:
        node.meta = {name: value for name, value in node.meta.items() if name == "val"}
    program.example_inputs = None
    # That there are several pictures, of many pixels: what the maps are does not depend on it.
    program._guards_code = []


def attach(path: Path, metadata: Mapping[str, str]) -> None:
    """Put texts into the archive, where `torch.export.load` finds extra files."""
    archive.write(path, f"extra/{_TEXTS}", json.dumps(dict(metadata)).encode())


def metadata(path: Path) -> dict[str, str]:
    """The texts in the archive; nothing else in it is read."""
    return dict(json.loads(archive.read(path, f"extra/{_TEXTS}")))


class Program:
    """A file in PyTorch; see `open_model`."""

    def __init__(self, path: Path, threads: int | None) -> None:
        archive.check(path)
        try:
            self._look = torch.export.load(path).module()
        # What is damaged shows as whatever stumbles over it.
        except Exception as error:
            raise PixelwiseError(
                f"{path} cannot be run by PyTorch {torch.__version__}: {error}. Export it again."
            ) from None
        if threads is not None:
            torch.set_num_threads(threads)

    @torch.inference_mode()
    def __call__(self, images: Images) -> Maps:
        """Maps of pictures."""
        maps = self._look(torch.from_numpy(images))
        return {name: values.numpy() for name, values in maps.items()}


def open_model(path: Path, threads: int | None = None) -> Program:
    """The file in PyTorch.

    Args:
        path: of the file.
        threads: how many PyTorch may use in this process; None leaves it to PyTorch.

    Raises:
        PixelwiseError: no such file, a damaged one, or one that was not written by `write`.
    """
    return Program(path, threads)
