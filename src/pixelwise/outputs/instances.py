"""Instances as files: an id map and an overlay each, a table and COCO's results for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise import colors
from pixelwise.outputs import Picture, _segments
from pixelwise.outputs._files import shrunk, write_overlay
from pixelwise.types import Category, Image, Instances

SHARED = ("instances.csv", "coco_results.json")


def files(name: str, *, probs: bool) -> tuple[str, ...]:
    """What is written about the picture with this name."""
    return f"{name}_ids.png", f"{name}_overlay.jpg"


@dataclass(frozen=True)
class InstancesOutput:
    """Id maps go to ``folder``; ``shared`` takes what is about all pictures."""

    folder: Path
    shared: _segments.Shared

    def write(self, picture: Picture, image: Image, result: Instances) -> dict[str, Any]:
        """``NAME_ids.png``, ``NAME_overlay.jpg``, and a row and a result for each instance."""
        regions = _segments.examine(picture, image, result)
        stem, everyone = self.folder / picture.name, range(len(result))
        _segments.write_ids(stem, result)
        write_overlay(stem.with_name(f"{stem.name}_overlay.jpg"), draw(shrunk(image), result))
        self.shared.write(picture, result, regions, everyone)
        return {
            "ids": f"{picture.name}_ids.png",
            "size_hw": list(result.id_map.shape),
            "counts": _segments.counts(result, everyone),
            "instances": _segments.describe(result, regions),
        }


def draw(image: Image, result: Instances) -> Image:
    """Each instance in its colour, on the picture at any size."""
    pick = partial(colors.of_instances, count=len(result))
    # With one kind of thing, beside the background, its name says nothing.
    named = len(result.categories) > 2
    return _segments.tinted(image, result, pick, named=named, alpha=0.4)


@contextmanager
def build(
    folder: Path, categories: tuple[Category, ...], *, probs: bool
) -> Iterator[InstancesOutput]:
    """Id maps in ``folder``, and ``instances.csv`` and ``coco_results.json`` beside them.

    Raises:
        PixelwiseError: probabilities are asked for.
    """
    with _segments.open_shared(folder, probs=probs) as shared:
        yield InstancesOutput(folder, shared)
