"""JSON files that people bring: read whole, or looked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pixelwise.files import read_json
from pixelwise.types import PixelwiseError

_PEEK = 65_536


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        PixelwiseError: unreadable, damaged, or a list or a number at the top.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise PixelwiseError(f"{path} holds a {type(found).__name__}; expected a JSON object.")
    return found


def mentions(path: Path, *words: str) -> bool:
    """Whether all these keys occur in the first or last 64 kilobytes; cheap, and only a hint."""
    try:
        with path.open("rb") as file:
            seen = file.read(_PEEK)
            size = path.stat().st_size
            file.seek(max(len(seen), size - _PEEK))
            seen += file.read(_PEEK)
    except OSError:
        return False
    return all(f'"{word}"'.encode() in seen for word in words)
