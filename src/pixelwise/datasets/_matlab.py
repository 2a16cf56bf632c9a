"""Reading MATLAB files; what cannot be read is a sentence that says how to save it."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from scipy.io.matlab import MatReadError

from pixelwise.datasets._mat_sizes import read_variable
from pixelwise.types import PixelwiseError

# What a damaged file makes the reader say, by what is damaged.
_DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, EOFError, NameError),
    *(MemoryError, OverflowError, NotImplementedError, zlib.error, MatReadError),
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER_BYTES = 512


def read_mat(path: Path, name: str) -> Any:
    """The numbers called ``name``; None where the file has no such variable.

    Raises:
        PixelwiseError: no MATLAB file, damaged, or of version 7.3.
    """
    refuse_newer(path)
    try:
        return read_variable(path, name)
    except _DAMAGE as error:
        raise PixelwiseError(
            f"{path} is damaged or no MATLAB file ({error}): copy it again from the dataset."
        ) from error


def refuse_newer(path: Path) -> None:
    """Files of version 7.3 are HDF5, another format under the same ending.

    Raises:
        PixelwiseError: it is one; the message says how to save it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES + len(_HDF5))
    except OSError:
        return  # whoever reads it says so
    # MATLAB's own text stands before HDF5's mark; other writers of the format leave it out.
    if head.startswith((b"MATLAB 7.3", _HDF5)) or head[_HEADER_BYTES:] == _HDF5:
        raise PixelwiseError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which is not read. Save it again as "
            "version 7: in MATLAB, x = load(FILE); save(FILE, '-struct', 'x', '-v7')."
        )
