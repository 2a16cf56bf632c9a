"""One array from a MATLAB file, without trusting the sizes that the file claims."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

MOST_BYTES = 2**28
"""A file, or what is packed in it, may be this large; tables of joints take a megabyte."""

_NUMERIC = frozenset(
    ("double", "single", "logical", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
)
_HEADER, _COMPRESSED, _CHUNK = 128, 15, 2**20


def read_variable(path: Path, name: str) -> NDArray[Any] | None:
    """The numbers called ``name``; None where the file has none of that name.

    Raises:
        ValueError: no numbers, or more of them than a table can have. Damaged files raise what
            SciPy raises, which is one of many.
    """
    listed = {each[0]: (each[1], each[2]) for each in whosmat(path)}
    if name not in listed:
        return None
    shape, kind = listed[name]
    if kind not in _NUMERIC:
        raise ValueError(f"{name} is a {kind} and holds no numbers")
    if 8 * math.prod(map(int, shape)) > MOST_BYTES or _unpacked_bytes(path) > MOST_BYTES:
        raise ValueError(f"it claims more than {MOST_BYTES:,} bytes")
    return np.asarray(loadmat(path, variable_names=[name])[name])


def _unpacked_bytes(path: Path) -> int:
    """How many bytes the largest part of a file holds; counting ends beyond the most."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
        if head[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
            return path.stat().st_size  # version 4, in which nothing is packed
        order = "<" if head.endswith(b"IM") else ">"
        return max((_size_of(file, *part) for part in _parts(file, order)), default=0)


def _parts(file: BinaryIO, order: str) -> Iterator[tuple[int, int]]:
    """Kind and length of each part at the top, the file at its data."""
    start = _HEADER
    while len(tag := _read_at(file, start, 8)) == 8:
        kind, length = struct.unpack(f"{order}II", tag)
        yield kind, length
        start += 8 + length


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _size_of(file: BinaryIO, kind: int, length: int) -> int:
    if kind != _COMPRESSED:
        return length
    total, decoder = 0, zlib.decompressobj()
    while length > 0 and total <= MOST_BYTES and (chunk := file.read(min(length, _CHUNK))):
        length -= len(chunk)
        while chunk and total <= MOST_BYTES:
            total += len(decoder.decompress(chunk, _CHUNK))
            chunk = decoder.unconsumed_tail
    return total
