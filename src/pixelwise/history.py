"""Reading ``RUN/history.jsonl``: a line of numbers per validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pixelwise.types import PixelwiseError

_ALWAYS = ("step", "val_score")


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of a history; a last one that was cut off by an interruption is left out.

    Raises:
        PixelwiseError: the file cannot be read, or a line is something else.
    """
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    *whole, cut_off = text.split("\n")
    if cut_off and not cut_off.endswith("}"):
        cut_off = ""
    lines = enumerate([*whole, cut_off], start=1)
    return [_read_line(path, number, line) for number, line in lines if line.strip()]


def _read_line(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or not found.keys() >= set(_ALWAYS):
            raise ValueError(f"not a table with {' and '.join(_ALWAYS)}")
        if not isinstance(found["step"], int):
            raise ValueError("its step is not a whole number")
        for value in found.values():
            float(value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _damaged(path, f"line {number}: {error}") from None
    return found


def _damaged(path: Path, why: str) -> PixelwiseError:
    return PixelwiseError(
        f"{path} is damaged ({why}). Restore it from a copy, or delete it: the weights do not "
        "depend on it."
    )
