"""What the columns of a table of images are, by their names in any common spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

_NUMBER = r"(?:s|ids?|no|nr|num|number|code|name|key|uid|uuid|identifier|index|hash|pseudonym)*"
_AHEAD = r"(?:id)?(?:the|anon|anonymi[sz]ed|deidentified|pseudonymi[sz]ed|pseudo|unique|study)?"


def _called(words: str) -> re.Pattern[str]:
    """Columns that are called by one of the words, with or without "id", "number" and the like."""
    return re.compile(f"{_AHEAD}(?:{words}){_NUMBER}")


# Fact -> how its columns are called, without blanks, underscores and capitals.
_FACTS: Mapping[str, re.Pattern[str]] = {
    "patient": _called(
        "patient|patienten|patienti|paciente|paziente|pat|pt|pid|mrn|subject|subj|participant|"
        "volunteer|proband|donor|individual|animal|mouse"
    ),
    "lesion": _called("lesion|polyp|nodule|tumou?r|wound|mole|nevus|naevus"),
    "video": _called("video|movie|videofile"),
    "clip": _called("clip|sequence|seq"),
    "diagnosis": re.compile(
        r"(?:final|primary|main)?(?:diagnosis|diagnostic|diagnose|dx)(?:1|name|label)?"
    ),
    "source": _called("source|repository|hospital|cent(?:er|re)|institut(?:e|ion)|clinic"),
    "site": re.compile(
        r"site|anatomsite(?:general)?(?:challenge)?|locali[sz]ation|bodysite|bodypart|"
        r"(?:anatomical|anatomic)(?:site|location|region)"
    ),
}
# A person where another column names the images. Rows may be about things in an image, though.
_WEAK_PATIENT = _called("case|person")
_IMAGE = re.compile(
    r"(?:id)?(?:original|orig|relative|rel|absolute|abs|full|source|src|input)?"
    r"(?:image|img|picture|pic|photo|photograph|bild|foto|frame|slice|scan|tile|patch|isic|"
    r"dermoscopy|file|path|fname|basename|dcm|dicom)+s?"
    r"(?:file|name|id|path|no|nr|num|number|key|uid|index|url|base|full|relative|s)*"
)
_MAYBE_IMAGE = re.compile(r"names?|id|ids|key|uid|no|nr|item|sample(?:id|name)?|case(?:id|name)?")
_FOLDER = re.compile(r"(?:sub|parent|image|img|file)?(?:folder|directory|dir)(?:name|path)?")
_UNKNOWN = frozenset(
    (
        *("", "-", "--", "---", "?", "??", ".", "x?", "nan", "none", "null", "nil", "<na>", "na"),
        *("n/a", "n.a.", "n.a", "#n/a", "#na", "unknown", "unk", "unkn", "missing", "undefined"),
        *("not available", "not applicable", "not known", "not given", "not specified"),
        *("unspecified", "unidentified", "no data", "tbd", "(null)", "(none)", "(unknown)"),
        *("unbekannt", "keine angabe", "inconnu", "desconocido", "sconosciuto"),
        *("-1", "-9", "-99", "-999", "-9999"),
    )
)
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
"""Codes of HAM10000 and of the one-hot columns of the ISIC classification tasks."""
_ISIC_2017 = ("melanoma", "seborrheickeratosis")


@lru_cache(maxsize=4096)
def squash(name: str) -> str:
    """A column's name in small letters and digits alone: "Patient ID (new)" is "patientid"."""
    plain = unicodedata.normalize("NFKD", re.sub(r"\(.*?\)|\[.*?\]", "", name)).casefold()
    return re.sub(r"[^a-z0-9]", "", plain)


def fact_of(name: str) -> str | None:
    """The fact that a column tells by its name; None where it tells none that is known."""
    squashed = squash(name)
    return next((fact for fact, called in _FACTS.items() if called.fullmatch(squashed)), None)


def is_weak_patient(name: str) -> bool:
    """Whether a column may tell of persons: "case", "person"."""
    return _WEAK_PATIENT.fullmatch(squash(name)) is not None


def rank_of(name: str) -> int:
    """How much a column sounds like one of image names: 2 surely, 1 maybe, 0 no, -1 a fact."""
    squashed = squash(name)
    if _IMAGE.fullmatch(squashed):
        return 2
    if _MAYBE_IMAGE.fullmatch(squashed):
        return 1
    return -1 if fact_of(name) else 0


def is_folder(name: str) -> bool:
    """Whether a column names the folder that an image lies in."""
    return _FOLDER.fullmatch(squash(name)) is not None


def has_meaning(header: Sequence[str]) -> bool:
    """Whether a row can be the names of a table's columns."""
    squashed = [squash(name) for name in header]
    return any(rank_of(name) in (2, -1) for name in header) or len(_one_hot(squashed)) >= 2


def known(text: str) -> str:
    """A cell's value; "" where it says that nothing is known. 12.0, as pandas writes it, is 12."""
    text = text.strip()
    text = re.sub(r"(-?\d+)\.0+", r"\1", text) if re.fullmatch(r"-?\d+\.0+", text) else text
    return "" if text.casefold() in _UNKNOWN else text


class Cell:
    """One column's text."""

    def __init__(self, column: int, *, is_diagnosis: bool = False) -> None:
        self.column = column
        self.is_diagnosis = is_diagnosis

    def __call__(self, row: Sequence[str]) -> str:
        text = known(row[self.column]) if self.column < len(row) else ""
        return _DIAGNOSES.get(text.lower(), text) if self.is_diagnosis else text


class OneOf:
    """The name of the one column of several that holds a 1; ``otherwise`` where none does."""

    def __init__(self, columns: Mapping[int, str], otherwise: str) -> None:
        self.columns = columns
        self.otherwise = otherwise

    def __call__(self, row: Sequence[str]) -> str:
        for column, name in self.columns.items():
            if column < len(row) and row[column].strip() in ("1", "1.0"):
                return name
        return self.otherwise


Reader = Cell | OneOf


def readers_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Reader]:
    """Fact -> what reads it from a row. Of several columns for one fact the fullest counts."""
    found: dict[str, Reader] = {}
    for fact in _FACTS:
        columns = [place for place, name in enumerate(header) if fact_of(name) == fact]
        if columns:
            cells = [Cell(place, is_diagnosis=fact == "diagnosis") for place in columns]
            found[fact] = max(cells, key=lambda cell: sum(bool(cell(row)) for row in rows))
    squashed = [squash(name) for name in header]
    if all(name in squashed for name in _ISIC_2017):
        # The 2017 task has three diagnoses and writes a column for two.
        names = ("melanoma", "seborrheic keratosis")
        columns_of = {squashed.index(c): n for c, n in zip(_ISIC_2017, names, strict=True)}
        found.setdefault("diagnosis", OneOf(columns_of, "nevus"))
    elif len(one_hot := _one_hot(squashed)) >= 2:
        found.setdefault("diagnosis", OneOf(one_hot, ""))
    return found


def weak_patient(header: Sequence[str], besides: int) -> Cell | None:
    """The column of cases or persons, other than the one that names the images."""
    places = (place for place, name in enumerate(header) if place != besides)
    place = next((place for place in places if is_weak_patient(header[place])), None)
    return None if place is None else Cell(place)


def _one_hot(squashed: Iterable[str]) -> dict[int, str]:
    return {place: _DIAGNOSES[name] for place, name in enumerate(squashed) if name in _DIAGNOSES}
