"""PH2: 200 dermoscopy pictures with lesion outlines and diagnoses, as its owners pass it on.

``PH2 Dataset images/IMD002/IMD002_Dermoscopic_Image/IMD002.bmp`` with
``IMD002/IMD002_lesion/IMD002_lesion.bmp``; regions of interest (_roi) are passed over, and a stray
_lesion.jpg beside the BMP is not the mask. The diagnosis comes from PH2_dataset.txt, its
tab-separated re-export, or PH2_dataset.xlsx, whichever is there; without any there is none.
Mendonca et al.: PH2, a dermoscopic image database for research and benchmarking, 2013.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._mixed import are_most, refuse_twins, with_others
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import Pair, Pairs, with_declared_splits
from pixelwise.datasets._roles import role_of, split_of

DIAGNOSES = ("common nevus", "atypical nevus", "melanoma")
"""By the number in the column "Clinical Diagnosis"."""

_FILE = re.compile(r"(?P<case>IMD\d{3,})(?P<mask>_lesion)?", re.IGNORECASE)
_CASE = re.compile(r"IMD\d{3,}")
_LOSSY = (".jpg", ".jpeg")
# Many times what the table of 200 cases has.
_MOST_BYTES, _MOST_ROWS, _MOST_COLUMNS = 2**26, 5_000, 64


def likeness(root: Path) -> float:
    """Sure when most images outside the roi folders are named as PH2's."""
    files = [file for file in pictures(glimpse(root)) if role_of(folder_of(file)) != "other"]
    hits = sum(_FILE.fullmatch(stem(file)) is not None for file in files)
    return 0.9 if are_most(hits, len(files)) else 0.0


def read(root: Path, masks: str) -> Paired:
    """Cases by number, with ``diagnosis`` where a table tells it.

    Raises:
        PixelwiseError: nothing pairs, or unclear mask values.
    """
    files = list_files(root)
    found = _pair_by_case(pictures(files))
    others = [file for file in pictures(files) if _FILE.fullmatch(stem(file)) is None]
    found = with_others(found, others, "PH2's")
    table, diagnoses = _first_table(root, files)
    groups = {
        pair.id: {"diagnosis": diagnoses[pair.id]} for pair in found.pairs if pair.id in diagnoses
    }
    notes = [f"Diagnoses of {len(groups)} cases from {table}."] if groups else []
    return open_paired("ph2", root, found, masks, foreground="lesion", groups=groups, notes=notes)


def _pair_by_case(files: Iterable[str]) -> Pairs:
    images: dict[str, list[str]] = defaultdict(list)
    masks: dict[str, list[str]] = defaultdict(list)
    for file in files:
        match = _FILE.fullmatch(stem(file))
        role = role_of(folder_of(file))
        if match is not None and role != "other":
            is_mask = match["mask"] is not None or role == "mask"
            (masks if is_mask else images)[match["case"].upper()].append(file)
    both = sorted(images.keys() & masks.keys())
    pairs = [_pair(case, _lossless(images[case]), _lossless(masks[case])) for case in both]
    for pair in pairs:
        refuse_twins(pair.image, images[pair.id], pair.mask)
    lone = [f for found in (images, masks) for c in found if c not in both for f in found[c]]
    every = frozenset(file for found in masks.values() for file in found)
    return Pairs(with_declared_splits(pairs), tuple(sorted(lone)), (), every)


def _pair(case: str, image: str, mask: str) -> Pair:
    return Pair(case, image, mask, split_of(folder_of(image)))


def _lossless(files: Sequence[str]) -> str:
    """The BMP (or PNG) of several: copies in circulation hold JPEGs of the masks too."""
    return min(files, key=lambda file: (file.lower().endswith(_LOSSY), file))


# --- the diagnosis tables ------------------------------------------------------------------------


def _first_table(root: Path, files: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The first table that tells a diagnosis: its name, and case -> diagnosis."""
    for file in sorted(files, key=lambda file: (not file.lower().endswith(".txt"), file)):
        name = file.rpartition("/")[2].lower()
        if "ph2" not in name or not name.endswith((".txt", ".xlsx", ".csv", ".tsv")):
            continue
        found = _from_xlsx(root / file) if name.endswith(".xlsx") else _from_text(root / file)
        if found:
            return file, found
    return "", {}


def _from_text(path: Path) -> dict[str, str]:
    """Rows separated by || or tabs, the columns by the header that names Clinical Diagnosis."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    rows = [_cells(line) for line in text.splitlines()]
    header = next((row for row in rows if "clinical diagnosis" in map(str.lower, row)), None)
    if header is None:
        return {}
    column = [cell.lower() for cell in header].index("clinical diagnosis")
    # The legend below the table has no cell that is a case's number in the first column.
    cases = [row for row in rows if row and _CASE.fullmatch(row[0]) and len(row) > column]
    return {row[0]: DIAGNOSES[int(row[column])] for row in cases if row[column] in ("0", "1", "2")}


def _cells(line: str) -> list[str]:
    has_bars = "||" in line
    parts = line.strip().strip("|").split("||") if has_bars else re.split(r"[\t,;]", line)
    return [part.strip().strip('"') for part in parts]


def _from_xlsx(path: Path) -> dict[str, str]:
    """An X in one of three columns, under a header somewhere in the first rows."""
    columns: dict[int, str] = {}
    found: dict[str, str] = {}
    for row in _xlsx_rows(path):
        cells = [str(cell).strip() if cell is not None else "" for cell in row]
        names = {i: cell.lower() for i, cell in enumerate(cells) if cell.lower() in DIAGNOSES}
        columns |= names
        case = next((cell for cell in cells if _CASE.fullmatch(cell)), None)
        crossed = [name for i, name in columns.items() if i < len(cells) and cells[i]]
        if case is not None and len(crossed) == 1:
            found[case] = crossed[0]
    return found


def _xlsx_rows(path: Path) -> Iterator[Sequence[Any]]:
    import openpyxl

    # A damaged table costs the diagnosis, never the pictures; openpyxl raises many kinds. How large
    # the table is, is not taken from what it claims.
    with suppress(Exception), ZipFile(path) as packed:
        if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
            return
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        with closing(book):
            yield from book.active.iter_rows(
                max_row=_MOST_ROWS, max_col=_MOST_COLUMNS, values_only=True
            )
