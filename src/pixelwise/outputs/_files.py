"""What the outputs have in common: files beside each other, and lists that grow on disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from pixelwise.draw import fit
from pixelwise.files import atomic
from pixelwise.types import Image
from pixelwise.words import cell

# An overlay is for looking at; the masks carry the full size.
_OVERLAY_PX = 1600


def shrunk(image: Image) -> Image:
    """A picture at the size of an overlay."""
    return fit(image, _OVERLAY_PX)


def write_overlay(path: Path, drawn: Image) -> None:
    """Write a picture for looking at."""
    with atomic(path) as temporary:
        Pillow.fromarray(drawn).save(temporary, format="JPEG", quality=90)


@contextmanager
def growing_table(path: Path, header: Sequence[str]) -> Iterator[Callable[[Sequence[Any]], None]]:
    """A CSV file to which rows are added; it is there when the block ends without an error."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")

        def add(row: Sequence[Any]) -> None:
            writer.writerow([cell(value) for value in row])

        add(header)
        yield add


@contextmanager
def growing_list(
    path: Path, before: str = "", after: Callable[[], str] = str
) -> Iterator[Callable[[Any], None]]:
    """A JSON list to which values are added; it is there when the block ends without an error.

    Args:
        path: the file.
        before: text before the list's bracket.
        after: gives the text behind it, asked when the list is complete.
    """
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        separator = f"{before}[\n"

        def add(value: Any) -> None:
            nonlocal separator
            stream.write(separator + json.dumps(value))
            separator = ",\n"

        yield add
        stream.write(("\n" if separator == ",\n" else separator) + "]" + after() + "\n")
