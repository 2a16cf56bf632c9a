"""Facts about cases (diagnosis, patient, source) from the tables that lie beside the pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

_ID_COLUMNS = ("image_id", "isic_id", "image", "image_name", "images", "filename", "file", "name")
# Column -> the fact it tells. The first five tie pictures together, see `types.TOGETHER`.
_FACTS = {
    **dict.fromkeys(("patient", "patient_id", "subject", "subject_id"), "patient"),
    **dict.fromkeys(("lesion", "lesion_id"), "lesion"),
    **dict.fromkeys(("video", "video_id"), "video"),
    **dict.fromkeys(("clip", "clip_id", "sequence", "sequence_id"), "clip"),
    **dict.fromkeys(("diagnosis", "dx", "diagnosis_1"), "diagnosis"),
    **dict.fromkeys(("source", "repository"), "source"),
    **dict.fromkeys(("site", "anatom_site_general", "localization"), "site"),
}
# HAM10000, and the one-hot columns of the ISIC classification tasks.
_DIAGNOSES = {
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "mel": "melanoma",
    "nv": "nevus",
    "scc": "squamous cell carcinoma",
    "vasc": "vascular lesion",
}
_ISIC_2017 = ("melanoma", "seborrheic_keratosis")
_MOST_ROWS = 5_000_000

Facts = dict[str, dict[str, str]]
"""Picture name without folder and ending -> fact -> value."""


def read_facts(root: Path, files: Iterable[str]) -> tuple[Facts, tuple[str, ...]]:
    """Facts by picture name from every CSV among ``files`` that has a column of picture names.

    Returns:
        The facts, and a sentence for each table about what was read from it or why not.
    """
    facts: Facts = {}
    notes: list[str] = []
    for file in files:
        if file.lower().endswith((".csv", ".tsv")):
            note = _read_table(root / file, facts)
            notes += [note] if note else []
    return facts, tuple(notes)


def facts_by_id(
    facts: Facts, ids_and_names: Iterable[tuple[str, str]]
) -> Mapping[str, Mapping[str, str]]:
    """The facts of each case by its id, given (id, picture name)."""
    return {case: facts[name] for case, name in ids_and_names if name in facts}


def _read_table(path: Path, facts: Facts) -> str:
    rows = _rows(path)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((header.index(name) for name in _ID_COLUMNS if name in header), None)
    if column is None:
        headless = rows and len(rows[0]) == 2 and rows[0][1].strip() in ("0", "1")
        return f"{path.name} names no columns, so it is not read." if headless else ""
    readers = _readers(header)
    for row in rows[1:]:
        if len(row) <= column or not row[column].strip():
            continue
        name = PurePosixPath(row[column].strip().replace("\\", "/"))
        stem = name.stem if name.suffix else name.name
        told = {fact: value for fact, read in readers if (value := read(row))}
        if told:
            facts.setdefault(stem, {}).update(told)
    told_facts = sorted({fact for fact, _ in readers})
    return f"{path.name} tells {', '.join(told_facts)}." if told_facts else ""


class _Cell:
    """One column's text."""

    def __init__(self, column: int) -> None:
        self.column = column

    def __call__(self, row: Sequence[str]) -> str:
        text = row[self.column].strip() if self.column < len(row) else ""
        return _DIAGNOSES.get(text.lower(), text)


class _OneOf:
    """The name of the one column of several that holds a 1; ``otherwise`` where none does."""

    def __init__(self, columns: Mapping[int, str], otherwise: str) -> None:
        self.columns = columns
        self.otherwise = otherwise

    def __call__(self, row: Sequence[str]) -> str:
        for column, name in self.columns.items():
            if column < len(row) and row[column].strip() in ("1", "1.0"):
                return name
        return self.otherwise


def _readers(header: Sequence[str]) -> list[tuple[str, _Cell | _OneOf]]:
    found: dict[str, _Cell | _OneOf] = {}
    for name, fact in _FACTS.items():
        if name in header and fact not in found:
            found[fact] = _Cell(header.index(name))
    one_hot = {header.index(code): name for code, name in _DIAGNOSES.items() if code in header}
    if all(name in header for name in _ISIC_2017):
        # The 2017 task has three diagnoses and writes a column for two.
        columns = {header.index(name): name.replace("_", " ") for name in _ISIC_2017}
        found.setdefault("diagnosis", _OneOf(columns, "nevus"))
    elif len(one_hot) >= 2:
        found.setdefault("diagnosis", _OneOf(one_hot, ""))
    return list(found.items())


def _rows(path: Path) -> list[list[str]]:
    """All rows; a table that is no text gives none, because a table is never required."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter)
            return [row for row, _ in zip(reader, range(_MOST_ROWS), strict=False) if row]
    except (OSError, csv.Error):
        return []
