"""Exported models: files that other programs run, one module for each format.

The module has the name that ``--to`` takes. Each has

    PRECISIONS: tuple[str, ...]
        what it can be written in, of "float32", "float16" and "int8"; the first is the default
    SUFFIX: str
        how the file's name ends; "" where it is a folder
    IS_DYNAMIC: bool
        whether a file takes pictures of any size, any number at a time; else it takes one at a
        time at the run's working size
    write(deployed, path, precision, calibration) -> None
        write the model and nothing else; ``path`` is a temporary place that becomes the file
    attach(path, metadata: Mapping[str, str]) -> None
        put texts into the file (its own place for them where it has one)
    metadata(path) -> dict[str, str]
        read them again
    open_model(path, threads: int | None = None) -> Runner
        the file in its own runtime; it never executes anything that the file brings along

What goes in is the picture as it is: (B, H, W, 3) RGB, uint8, normalised inside the graph. What
comes out are the maps before any activation: decoding stays with `pixelwise.tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # so that a file is run without torch being loaded
    from pixelwise.model import Model
    from pixelwise.recipe import Recipe

Images = NDArray[np.uint8]
"""(B, H, W, 3) uint8 RGB."""
Maps = Mapping[str, NDArray[np.float32]]
"""{name: (B, C, h, w) float32}, before any activation, in the order of the model's heads."""


@dataclass(frozen=True)
class Deployed:
    """What is exported: a run's model in evaluation mode, and the recipe it was built by.

    ``calibration`` of `write` are pictures at working size, (B, H, W, 3) uint8 each; int8 alone
    looks at them.
    """

    model: Model
    recipe: Recipe

    @property
    def names(self) -> tuple[str, ...]:
        """The maps' names, in the order in which they come out."""
        return tuple(self.model.heads)


class Runner(Protocol):
    """An exported model in its runtime."""

    def __call__(self, images: Images) -> Maps:
        """Maps of pictures that are at working size already (any size where it is dynamic)."""
