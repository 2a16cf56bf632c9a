"""Which file of a folder a name inside an annotation file means.

Files are moved after they were annotated, and tools write names with other folders in front, or
none. So the last part of the name decides, and the rest tells apart what is called the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pixelwise.datasets._files import folder_of
from pixelwise.datasets._roles import role_of, split_of
from pixelwise.types import PixelwiseError


class Locator:
    """Files by their names. ``files``: relative POSIX paths below one folder."""

    def __init__(self, files: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()
        for file in files:
            self._folders.add(_last(folder_of(file)).casefold())
            self._by_name[_last(file).casefold()].append(file)

    def find(self, name: str, source: str, *, is_mask: bool = False) -> str | None:
        """The file that ``name`` in the annotation file ``source`` means; None where it is missing.

        Preferred is what agrees in more folders, then what lies in a folder called like the
        source (panoptic_val2017 beside panoptic_val2017.json), then, for a picture, what lies
        where no masks do, then what lies beside the source, or in a folder its name mentions.

        Raises:
            PixelwiseError: two files fit equally well.
        """
        found = self._by_name.get(_last(name).casefold(), [])
        ranked = sorted(
            ((_rank(file, name, source, is_mask), file) for file in found), reverse=True
        )
        ranked = [
            each
            for each in ranked
            if not _is_of_another_part(each[1], name) and not self._is_elsewhere(each[1], name)
        ]
        if not ranked:
            return None
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise PixelwiseError(
                f"{source} names {name}, and both {ranked[1][1]} and {ranked[0][1]} are called so. "
                "Take one of them out of the folder, or write its path into the file."
            )
        return ranked[0][1]

    def _is_elsewhere(self, file: str, name: str) -> bool:
        """p0/1.jpg is not p1/1.jpg, where there is a folder p1 that lacks it."""
        asked = _last(folder_of(name)).casefold()
        return asked in self._folders and asked not in folder_of(file).casefold().split("/")


def _rank(file: str, name: str, source: str, is_mask: bool) -> tuple[int, ...]:
    folder, called = folder_of(file), _last(source).rpartition(".")[0].casefold()
    last = _last(folder).casefold()
    is_own = last == called
    aside = role_of(folder) in ("mask", "other") or is_own
    return (
        _common(file, name),
        int(is_own == is_mask),
        int(aside == is_mask),
        int(folder == folder_of(source)),
        int(bool(last) and last in called),
        int(_last(file) == _last(name)),
    )


def _common(file: str, name: str) -> int:
    """How many parts, counted from the end, two paths have in common."""
    pairs = zip(reversed(file.split("/")), reversed(name.split("/")), strict=False)
    count = 0
    for one, other in pairs:
        if one.casefold() != other.casefold():
            break
        count += 1
    return count


def _is_of_another_part(file: str, name: str) -> bool:
    """train/1.jpg is not val/1.jpg, even where it is the only one left."""
    there, asked = split_of(folder_of(file)), split_of(folder_of(name))
    return None not in (there, asked) and there != asked


def _last(path: str) -> str:
    return path.rpartition("/")[2]
