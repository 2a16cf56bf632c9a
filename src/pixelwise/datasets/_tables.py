"""Facts about images (patient, diagnosis, source) from the tables that lie beside them.

A table is any CSV, TSV, TAB or XLSX file, or a text file with such columns, that names images in
one of its columns. Which columns tell what is found by their names (`_columns`), which image a row
means by its path (`_joins`). What a table says of a patient, a video or a clip decides what a split
keeps together, so a table that leaves a doubt about these is refused, not guessed at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelwise.datasets._columns import (
    Cell,
    Reader,
    has_meaning,
    is_folder,
    known,
    rank_of,
    readers_of,
    weak_patient,
)
from pixelwise.datasets._facts import (
    Facts,
    Groups,
    Told,
    notes_on_unknown,
    notes_on_unused,
    settled,
)
from pixelwise.datasets._files import folder_of, list_files, pictures, stem
from pixelwise.datasets._ids import TABLE
from pixelwise.datasets._joins import Images, narrowed
from pixelwise.datasets._names import is_name_file
from pixelwise.datasets._rows import SHEETS, Rows, UnusedTableError, head_rows, read_rows
from pixelwise.types import TOGETHER, PixelwiseError, Sample
from pixelwise.words import count

_TABLES = (".csv", ".tsv", ".tab", ".psv", *SHEETS)
# A table where its first lines show columns of facts; else a list of something, or no table.
_MAYBE_TABLES = (".txt", ".dat", "")
_NOT_READ = (".xls", ".xlsb", ".ods", ".numbers", ".parquet", ".feather", ".sav", ".rds")
_MOST_TABLES = 200
_MOST_LISTED = 8
_HEADER_LINES = 30
_ROWS_LOOKED_AT = 2_000
_ALIKE = 6


def facts_of(root: Path, layout: str, samples: Sequence[Sample]) -> tuple[Groups, tuple[str, ...]]:
    """What the tables below ``root`` say, as `read_facts`, by the ids of ``samples``."""
    files = [file for file in list_files(root) if not _is_read_elsewhere(root, file, layout)]
    if not _tables_among(root, files):
        return {}, ()
    images = {each.id: Path(os.path.relpath(each.files[0], root)).as_posix() for each in samples}
    groups, notes = read_facts(root, files, list(images.values()))
    return {i: groups[image] for i, image in images.items() if image in groups}, notes


def _is_read_elsewhere(root: Path, file: str, layout: str) -> bool:
    """Whether a table is about objects or classes, or of a layout that reads it itself."""
    name = file.rpartition("/")[2].lower()
    return (
        name == TABLE or is_name_file(root / file) or (layout == "ph2" and name.startswith("ph2"))
    )


def read_facts(
    root: Path, files: Sequence[str], images: Sequence[str]
) -> tuple[Groups, tuple[str, ...]]:
    """What the tables among ``files`` say of ``images``; both are paths relative to ``root``.

    Returns:
        The facts of each image, and sentences about what was read, what was not used and why, and
        of how many images a fact that a split heeds is unknown.

    Raises:
        PixelwiseError: a row may mean several images, or rows say of one image that it is of two
            patients, videos or clips.
    """
    tables = _tables_among(root, files)
    found, index = Facts(), Images(images)
    for file in tables[:_MOST_TABLES]:
        _read_table(root, file, index, found)
    groups, doubts = settled(found)
    further = len(tables) - _MOST_TABLES
    more = [f"{count(further, 'further table')} were not looked at."] if further > 0 else []
    notes = [
        *found.notes,
        *doubts,
        *notes_on_unknown(found, groups, images),
        *notes_on_unused(found),
        *more,
    ]
    return groups, tuple(notes)


# --- which files are tables ----------------------------------------------------------------------


def _tables_among(root: Path, files: Sequence[str]) -> list[str]:
    """Those near the top first, and those that are about a single image last."""
    named = {stem(file) for file in pictures(list(files))}
    # Excel keeps a file ~$NAME.xlsx beside one that is open.
    files = [file for file in files if not file.rpartition("/")[2].startswith("~$")]
    found = [file for file in files if _ending(file) in (*_TABLES, *_NOT_READ)]
    maybe = [f for f in files if _ending(f) in _MAYBE_TABLES and _stem(f) not in named]
    maybe.sort(key=lambda file: (file.count("/"), file))
    found += [file for file in maybe[:_MOST_TABLES] if _shows_facts(root / file)]
    return sorted(found, key=lambda file: (_stem(file) in named, file.count("/"), file))


def _ending(file: str) -> str:
    """In small letters; "" too where a number follows the dot: "metadata.v2"."""
    ending = Path(file).suffix.lower()
    return "" if re.fullmatch(r"\.v?\d+", ending) else ending


def _stem(file: str) -> str:
    return Path(file).stem


def _shows_facts(path: Path) -> bool:
    """Whether one of the first lines names columns, a fact among them, and the next ones fit."""
    rows = head_rows(path)[:_HEADER_LINES]
    return any(
        len(row) >= 2
        and any(rank_of(name) == -1 for name in row)
        and all(len(each) == len(row) for each in rows[number : number + _ALIKE])
        for number, row in enumerate(rows[:-1])
    )


# --- reading one ---------------------------------------------------------------------------------


def _read_table(root: Path, file: str, images: Images, found: Facts) -> None:
    try:
        if _ending(file) in _NOT_READ:
            raise UnusedTableError("it is no CSV or XLSX file; save it as one of these")
        sheets = [rows for rows in read_rows(root / file) if rows]
        if not sheets:
            raise UnusedTableError("it is empty")
        problems = [_try_sheet(file, rows, images, found) for rows in sheets]
        if all(problems):
            raise UnusedTableError(problems[0])
    except UnusedTableError as reason:
        found.unused[str(reason)].append(file)


def _try_sheet(file: str, rows: Rows, images: Images, found: Facts) -> str:
    try:
        _read_sheet(file, rows, images, found)
    except UnusedTableError as reason:
        return str(reason)
    return ""


@dataclass(frozen=True)
class _Sheet:
    """A table's rows below its header, and what its columns are."""

    file: str
    header: Sequence[str]
    rows: Rows
    first: int
    name: int
    folder: int | None
    readers: Mapping[str, Reader]
    weak: Cell | None = None

    def image(self, row: Sequence[str]) -> str:
        """The cell that names the image, behind the cell that names its folder."""
        name = row[self.name] if self.name < len(row) else ""
        folder = row[self.folder] if self.folder is not None and self.folder < len(row) else ""
        return f"{folder}/{name}" if folder and known(name) else known(name)


def _read_sheet(file: str, rows: Rows, images: Images, found: Facts) -> None:
    sheet = _sheet(file, rows, images)
    joined = _joined(sheet, images)
    used: set[str] = set()
    for number, row, image, rank in joined:
        for fact, read in sheet.readers.items():
            told = Told(read(row), file, number, rank, read is sheet.weak)
            used |= {image} if told.value else set()
            found.told[fact].setdefault(image, []).append(told)
    facts = ", ".join(sorted(sheet.readers))
    found.notes.append(f"{file} tells {facts} of {len(used)} of {len(images)} images.")


def _sheet(file: str, rows: Rows, images: Images) -> _Sheet:
    """What the columns are.

    Raises:
        UnusedTableError: no column names images, or none tells anything of them.
    """
    start = next((n for n, row in enumerate(rows[:_HEADER_LINES]) if has_meaning(row)), 0)
    header, body = rows[start], rows[start + 1 :]
    if any(images.has(cell) for cell in header if not cell.isdecimal()) or not body:
        what = "it names no columns (expected a first line such as image,patient)"
        raise UnusedTableError(what if body else "it has no rows")
    name = _name_column(header, body[:_ROWS_LOOKED_AT], images)
    folder = next((n for n, each in enumerate(header) if is_folder(each)), None)
    readers = {f: r for f, r in readers_of(header, body).items() if not _reads(r, name)}
    weak = None if "patient" in readers else weak_patient(header, name)
    readers |= {"patient": weak} if weak else {}
    if not readers:
        raise UnusedTableError(
            "it has no column such as patient, lesion, diagnosis, source or site, but "
            f"{_listed(header)}"
        )
    return _Sheet(file, header, body, start + 2, name, folder, readers, weak)


def _reads(reader: Reader, column: int) -> bool:
    return isinstance(reader, Cell) and reader.column == column


def _name_column(header: Sequence[str], rows: Rows, images: Images) -> int:
    """The column that names images: of those that sound so, the one with the most names."""
    hits = {column: _hits(column, header, rows, images) for column in range(len(header))}
    best = max(hits, key=lambda column: hits[column], default=None)
    if best is not None and hits[best][1] > 0:
        return best
    asked = [column for column in hits if rank_of(header[column]) == 2]
    if not asked:
        raise UnusedTableError(f"none of its columns names images: {_listed(header)}")
    first = next((row[asked[0]] for row in rows if len(row) > asked[0]), "")
    raise UnusedTableError(
        f"the column {header[asked[0]]} names no image that is annotated here, for example {first}"
    )


def _hits(column: int, header: Sequence[str], rows: Rows, images: Images) -> tuple[int, int, int]:
    """How much a column sounds like one of names, how many images it names, and its place."""
    rank = rank_of(header[column])
    cells = [known(row[column]) for row in rows if len(row) > column]
    cells = [cell for cell in cells if cell and (rank > 0 or not _is_number(cell))]
    named = sum(images.has(cell) for cell in cells)
    # What does not sound like names has to be names throughout.
    return (rank, named, -column) if named and (rank > 0 or 2 * named > len(rows)) else (-2, 0, 0)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.,]+(?:e[-+]?\d+)?", cell, re.IGNORECASE) is not None


def _listed(header: Sequence[str]) -> str:
    names = [name for name in header if name]
    more = ", ..." if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more


_Joined = tuple[int, list[str], str, tuple[int, ...]]
"""The number of a row, the row, the image it means, and how close they agree."""


def _joined(sheet: _Sheet, images: Images) -> list[_Joined]:
    """The rows that mean one image each.

    Raises:
        PixelwiseError: a row may mean several, and tells what a split keeps together.
    """
    found = [
        (number, row, images.find(sheet.image(row), folder_of(sheet.file)))
        for number, row in enumerate(sheet.rows, start=sheet.first)
    ]
    # Where some paths agree in their folders, one that agrees in none is of an absent image.
    has_folders = any(match.folders for _, _, match in found)
    joined = []
    for number, row, match in found:
        if has_folders and match.is_elsewhere:
            continue
        chosen = match.images
        if len(chosen) > 1:
            chosen = narrowed(chosen, _hints(sheet, row)) or chosen
        if len(chosen) > 1:
            _refuse_several(sheet, number, row, chosen)
        elif chosen:
            joined.append((number, row, chosen[0], match.rank))
    return joined


def _hints(sheet: _Sheet, row: Sequence[str]) -> list[str]:
    """What may be the name of a folder: the row's facts."""
    return [read(row) for read in sheet.readers.values() if isinstance(read, Cell)]


def _refuse_several(sheet: _Sheet, row: int, cells: Sequence[str], images: Sequence[str]) -> None:
    told = [fact for fact in TOGETHER if fact in sheet.readers and sheet.readers[fact](cells)]
    what = told[0] if told else next(iter(sheet.readers))
    raise PixelwiseError(
        f"{sheet.file}, row {row}, gives the {what} of {sheet.image(cells)}, and "
        f"{len(images)} images are called so, for example {images[0]} and {images[1]}. Write the "
        f"folder into the column {sheet.header[sheet.name]} as well (for example {images[0]}), or "
        "take the table out of the folder."
    )
