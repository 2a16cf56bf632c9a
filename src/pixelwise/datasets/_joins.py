"""Which image a row of a table means: the one whose path agrees with the row's the longest."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pixelwise.datasets._affixes import mask_core
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._pictures import SUFFIXES
from pixelwise.datasets._roles import key_of_folder, split_of

# Forms that images had before they were converted, as tables go on calling them.
_ENDINGS = (*sorted(SUFFIXES), ".nii.gz", ".nii", ".dcm", ".dicom", ".jp2", ".heic", ".avif")
_PERSON = re.compile(r"(?:patient|pat|pt|p|subject|subj|sub|s|case)?[\s_-]*0*(\d+)")


@dataclass(frozen=True, slots=True)
class Match:
    """The images that a name may mean, all equally well.

    ``folders``: how many folders agree, counted from the end, those aside that say no more than
    that they hold images. ``is_elsewhere``: the name has folders, and so has the image, and not
    even the innermost are equal. ``rank``: larger is closer.
    """

    images: tuple[str, ...]
    folders: int = 0
    is_elsewhere: bool = False
    rank: tuple[int, ...] = ()


class Images:
    """Images by their names. ``images``: relative POSIX paths below one folder."""

    def __init__(self, images: Iterable[str]) -> None:
        self._all = tuple(images)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_number: dict[int, list[str]] = defaultdict(list)
        for image in self._all:
            name = _last(image).casefold()
            name = unicodedata.normalize("NFC", name)
            stem = without_ending(name)
            for key in {name, stem}:
                self._by_name[key].append(image)
            if stem.isdecimal():
                self._by_number[int(stem)].append(image)

    def __len__(self) -> int:
        return len(self._all)

    def has(self, text: str) -> bool:
        """Whether any image is called so."""
        parts = _parts(text)
        return bool(parts) and bool(self._called(parts[-1].casefold()))

    def find(self, text: str, table: str = "") -> Match:
        """The images that a cell of the table in the folder ``table`` may mean."""
        parts = _parts(text)
        found = self._called(parts[-1].casefold()) if parts else []
        around = table.split("/") if table else []
        # Further up a path says where somebody once kept the images, not which part they are of.
        split = split_of("/".join([*around, *parts[-3:-1]]))
        if split is not None:
            found = [image for image in found if split_of(folder_of(image)) in (None, split)]
        if table and self._has_below(table):
            found = [image for image in found if image.startswith(f"{table}/")]
        if not found:
            return Match(())
        ranks = {image: _rank(image, parts, around) for image in found}
        best = max(ranks.values())
        chosen = tuple(image for image in found if ranks[image] == best)
        own = _key("/".join(parts[:-1]))
        folders = _in_common(_key(folder_of(chosen[0])), own)
        is_elsewhere = bool(own) and bool(_key(folder_of(chosen[0]))) and not folders
        return Match(chosen, folders, is_elsewhere, best)

    @lru_cache(maxsize=256)  # noqa: B019 - lives as long as a folder is read
    def _has_below(self, folder: str) -> bool:
        return any(image.startswith(f"{folder}/") for image in self._all)

    def _called(self, name: str) -> list[str]:
        """By the whole name, with or without its ending; else a mask's; else by number."""
        stem = without_ending(name)
        found = [*self._by_name.get(name, ()), *self._by_name.get(stem, ())]
        if not found:
            core = mask_core(stem)
            found = self._by_name.get(core, []) if core else []
        if not found and (number := re.fullmatch(r"(\d{1,18})(?:\.0)?", stem)):
            # Spreadsheets write 007 as 7.
            found = self._by_number.get(int(number[1]), [])
        return list(dict.fromkeys(found))


def narrowed(images: Sequence[str], hints: Collection[str]) -> tuple[str, ...]:
    """Of several images those in a folder that is called like one of the row's cells: "p03", 3."""
    wanted = {_person(hint) for hint in hints if hint}
    found = [
        image for image in images if wanted & {_person(p) for p in folder_of(image).split("/") if p}
    ]
    return tuple(found)


def without_ending(name: str) -> str:
    """A file's name without the ending of an image; other dots are part of the name."""
    low = name.lower()
    ending = next((each for each in _ENDINGS if low.endswith(each) and len(low) > len(each)), "")
    return name[: len(name) - len(ending)] if ending else name


def _parts(text: str) -> list[str]:
    """The folders and the name in a cell: a path of any system, or an address."""
    plain = unicodedata.normalize("NFC", text.strip().strip("\"'"))
    if "://" in plain:
        plain = re.split(r"[?#]", plain.partition("://")[2])[0]
    parts = plain.replace("\\", "/").split("/")
    return [p.strip() for p in parts if p.strip() not in ("", ".", "..") and p[1:] != ":"]


def _rank(image: str, parts: Sequence[str], around: Sequence[str]) -> tuple[int, int, int]:
    """Folders in common, first without the words that only mean "images", then as they stand."""
    folder, asked = folder_of(image), [*around, *parts[:-1]]
    name, own = unicodedata.normalize("NFC", _last(image).casefold()), parts[-1].casefold()
    exact = 2 if name == own else int(without_ending(name) == own)
    plain = [part for part in folder.casefold().split("/") if part]
    written = [part.casefold() for part in asked]
    return _in_common(_key(folder), _key("/".join(asked))), _in_common(plain, written), exact


@lru_cache(maxsize=65_536)
def _key(folder: str) -> tuple[str, ...]:
    return tuple(part for part in key_of_folder(folder).casefold().split("/") if part)


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts, counted from the end, are equal."""
    count = 0
    for mine, its in zip(reversed(one), reversed(other), strict=False):
        if mine != its:
            break
        count += 1
    return count


def _person(text: str) -> str:
    """ "p03", "Patient 3" and "3" are one person's folder."""
    text = text.casefold().strip()
    match = _PERSON.fullmatch(text)
    return match[1] if match else text


def _last(path: str) -> str:
    return path.rpartition("/")[2]
