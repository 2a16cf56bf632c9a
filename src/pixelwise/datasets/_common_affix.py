"""Masks in a folder of their own whose names all have one further word, whatever the word is.

IDRiD_01_MA.tif for IDRiD_01.jpg: where the same word is missing everywhere, no word list is needed.
Where there are two (NAME_liver, NAME_kidney) they are two masks of an image, and a question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pixelwise.datasets._affixes import mask_core, name_of
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._roles import split_of

_LOOKED_AT = 50
_FEWEST = 2
_MOST_OF_ALL = 0.8

_Key = tuple[str | None, str]
"""The part of the dataset, and a name in small letters."""


class _Affix(NamedTuple):
    """What one of two names has and the other has not."""

    of_mask: bool
    before: str
    after: str


def match_by_affix(images: Sequence[str], masks: Iterable[str]) -> tuple[dict[str, str], str]:
    """Image -> its mask, and the word they differ by; {} where it is not one word everywhere."""
    by_image, by_mask = _by_key(images), _by_key(masks, is_mask=True)
    counts: Counter[_Affix] = Counter()
    for affix in {*_affixes(by_mask, by_image, True), *_affixes(by_image, by_mask, False)}:
        counts[affix] = len(_pairs(affix, by_image, by_mask))
    needed = max(_FEWEST, _MOST_OF_ALL * min(len(by_image), len(by_mask)))
    found = [affix for affix, number in counts.items() if number >= needed]
    several = sum(number >= _FEWEST for number in counts.values()) > 1
    if len(found) != 1 or several:
        return {}, ""
    return _pairs(found[0], by_image, by_mask), (found[0].before or found[0].after).strip(" ._-")


def _by_key(files: Iterable[str], *, is_mask: bool = False) -> dict[_Key, str]:
    """The files by part and name, without the word that makes it a mask's; each name once."""
    keys = {}
    for file in files:
        name = name_of(file)
        core = (mask_core(name) or name) if is_mask else name
        keys[file] = split_of(folder_of(file)), core.casefold()
    counts = Counter(keys.values())
    return {key: file for file, key in keys.items() if counts[key] == 1}


def _affixes(
    longer: Mapping[_Key, str], shorter: Mapping[_Key, str], of_mask: bool
) -> Iterable[_Affix]:
    """What some of the longer names have before or after one of the shorter."""
    for part, name in sorted(longer, key=str)[:_LOOKED_AT]:
        for cut in re.finditer(r"(?<=[^ ._-])[ ._-]+(?=[^ ._-])", name):
            if (part, name[: cut.start()]) in shorter:
                yield _Affix(of_mask, "", name[cut.start() :])
            if (part, name[cut.end() :]) in shorter:
                yield _Affix(of_mask, name[: cut.end()], "")


def _pairs(
    affix: _Affix, by_image: Mapping[_Key, str], by_mask: Mapping[_Key, str]
) -> dict[str, str]:
    shorter, longer = (by_image, by_mask) if affix.of_mask else (by_mask, by_image)
    found = {}
    for (part, name), file in shorter.items():
        other = longer.get((part, f"{affix.before}{name}{affix.after}"))
        if other is not None:
            image, mask = (file, other) if affix.of_mask else (other, file)
            found[image] = mask
    return found
