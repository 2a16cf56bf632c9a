"""The rows of a table file, however a spreadsheet, a statistics program or a database wrote it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

Rows = list[list[str]]
"""Cells as text, without blanks around them; lines without any text are left out."""

SHEETS = (".xlsx", ".xlsm")
_DELIMITERS = "\t;,|"
_SEP_LINE = re.compile(r"\s*\"?sep=(?P<mark>.)\"?[^\n]*\n", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_HEAD_BYTES = 16_384
_MOST_BYTES = 2**28
_TOO_LARGE = f"it is larger than {_MOST_BYTES // 2**20} MB"
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 256
_LINES_LOOKED_AT = 20
# Longest first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnusedTableError(Exception):
    """Why a file is not used as a table; the text completes "X is not used: "."""


def read_rows(path: Path) -> list[Rows]:
    """All rows of each sheet of a table; a text file is one sheet.

    Raises:
        UnusedTableError: it cannot be read.
    """
    try:
        if path.suffix.lower() in SHEETS:
            return _sheets(path)
        if path.stat().st_size > _MOST_BYTES:
            raise UnusedTableError(_TOO_LARGE)
        return [_split(_decode(path.read_bytes()), path.suffix)]
    except OSError as error:
        raise UnusedTableError(f"it cannot be read ({error.strerror})") from error


def head_rows(path: Path) -> Rows:
    """The first rows of a text file; none where it is no text."""
    try:
        with path.open("rb") as file:
            return _split(_decode(file.read(_HEAD_BYTES)), path.suffix)
    except (OSError, UnusedTableError):
        return []


def _decode(data: bytes) -> str:
    """Text by its byte order mark, else UTF-16 by its zeros, else UTF-8, else Windows' own."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    head = data[:2_000]
    if b"\0" in head:
        odd, even = head[1::2].count(0), head[::2].count(0)
        if max(odd, even) < len(head) // 4 or min(odd, even) > len(head) // 50:
            raise UnusedTableError("it is not text")
        return data.decode("utf-16-le" if odd > even else "utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A head may end in the middle of a character.
        is_cut = error.start >= len(data) - 3
        return data.decode("utf-8", errors="ignore") if is_cut else data.decode("cp1252", "replace")


def _split(text: str, ending: str) -> Rows:
    named = _SEP_LINE.match(text)
    text = text[named.end() :] if named else text
    mark = named["mark"] if named else _delimiter(text)
    if mark is None and ending.lower() != ".csv":
        return [line.split() for line in text.splitlines() if line.strip()]
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark or ",")
        return _stripped(reader)
    except csv.Error as error:
        raise UnusedTableError(f"it is damaged ({error})") from error


def _stripped(rows: Iterable[Sequence[str]]) -> Rows:
    found = ([cell.strip() for cell in row] for row in rows)
    return [row for row in found if any(row)]


def _delimiter(text: str) -> str | None:
    """What separates the cells: the mark that most lines hold equally often; None without one."""
    lines = [_QUOTED.sub("", line) for line in text.split("\n", _LINES_LOOKED_AT + 1)]
    lines = [line for line in lines[:_LINES_LOOKED_AT] if line.strip()]

    def regularity(mark: str) -> tuple[int, int]:
        counts = Counter(line.count(mark) for line in lines if mark in line)
        most = max(counts.items(), key=lambda each: (each[1], each[0]), default=(0, 0))
        return most[1], most[0]

    best = max(_DELIMITERS, key=regularity)
    return best if regularity(best)[0] else None


def _sheets(path: Path) -> list[Rows]:
    """A spreadsheet's sheets; how large one is, is not taken from what it claims.

    Raises:
        UnusedTableError: damaged, or too large.
    """
    import openpyxl

    try:
        with ZipFile(path) as packed:
            too_large = sum(part.file_size for part in packed.infolist()) > _MOST_BYTES
        if too_large:
            raise UnusedTableError(_TOO_LARGE)
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            return [_stripped(map(_texts, _cells(sheet))) for sheet in book.worksheets]
    except UnusedTableError:
        raise
    # openpyxl raises many kinds of errors on damaged files.
    except Exception as error:
        raise UnusedTableError("it is no readable spreadsheet") from error


def _cells(sheet: Any) -> Iterable[Sequence[object]]:
    found: Iterable[Sequence[object]] = sheet.iter_rows(
        max_row=_MOST_ROWS, max_col=_MOST_COLUMNS, values_only=True
    )
    return found


def _texts(row: Sequence[object]) -> list[str]:
    return ["" if cell is None else str(cell) for cell in row]
