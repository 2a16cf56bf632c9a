"""Results as files: one module for each kind of result.

The module has the name of the result's type: `Instances` are written by ``instances.py``. Each has

    build(folder, categories, *, probs) -> a context that gives an `Output`
    draw(image, result) -> the picture, at any size, with the result on it
    files(name, *, probs) -> the files about the picture with this name, relative to the folder
    SHARED: the files about all pictures

Files about all pictures are written while the context is open and appear when it ends.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from pixelwise.find import find
from pixelwise.types import Image


@dataclass(frozen=True)
class Picture:
    """One picture: its name among the outputs, its file, and its number in COCO's files."""

    name: str
    path: Path
    number: int

    @property
    def file_name(self) -> str:
        """As COCO's files call it: relative to the folder that was given."""
        return (PurePosixPath(self.name).parent / self.path.name).as_posix()


class Output(Protocol):
    """Where results of one kind go."""

    def write(self, picture: Picture, image: Image, result: Any) -> dict[str, Any]:
        """Write what belongs to one picture.

        Returns:
            What was found, as a line of ``predictions.jsonl`` without the picture's path.

        Raises:
            PixelwiseError: the result does not fit into the files; nothing of it was written.
        """


def open_output(result: Any, folder: Path, *, probs: bool) -> AbstractContextManager[Output]:
    """The output for results like this one.

    Args:
        result: any result of the run.
        folder: where to write.
        probs: whether probabilities are asked for.

    Raises:
        PixelwiseError: results of this kind have no probabilities.
    """
    module = find("outputs", type(result).__name__.lower())
    output: AbstractContextManager[Output] = module.build(folder, result.categories, probs=probs)
    return output
