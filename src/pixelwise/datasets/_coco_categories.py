"""The categories that COCO's files name, as one list for all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelwise.datasets._coco_entries import Key
from pixelwise.datasets._coco_json import Document
from pixelwise.datasets._joints import skeleton_in
from pixelwise.draw import palette
from pixelwise.types import Category, PixelwiseError

_MOST_CATEGORIES = 255
_BACKGROUND = re.compile(r"_*background_*", re.IGNORECASE)


def categories_of(
    documents: Sequence[Document], is_panoptic: bool
) -> tuple[tuple[Category, ...], list[dict[Key, int]]]:
    """All categories that the files name, and for each file its ids as indices into them.

    Files number their categories as they like (train and validation of two exports); what has one
    name is one category. Of instances the background comes first, whether it is listed or not.

    Raises:
        PixelwiseError: more than 255, or a panoptic category that says not whether it is a thing.
    """
    entries: dict[str, Mapping[str, Any]] = {} if is_panoptic else {"background": {}}
    names = [_names(document, is_panoptic) for document in documents]
    for document, named in zip(documents, names, strict=True):
        for category in document.categories:
            name = named[category["id"]]
            entries[name] = {**category, **entries.get(name, {})}
    if len(entries) > _MOST_CATEGORIES:
        raise PixelwiseError(
            f"{documents[0].path} names {len(entries)} categories (with the background); "
            f"{_MOST_CATEGORIES} can be told apart at most. Keep those you need, and the "
            "annotations of these."
        )
    places = {name: place for place, name in enumerate(entries)}
    labels = [{key: places[name] for key, name in named.items()} for named in names]
    return _categories(entries, is_panoptic, documents[0].path), labels


def _names(document: Document, is_panoptic: bool) -> dict[Key, str]:
    """Category id -> name; two of one name are told apart by their ids."""
    counts = Counter(category["name"] for category in document.categories)
    named: dict[Key, str] = {}
    for category in document.categories:
        name = category["name"]
        if not is_panoptic and _BACKGROUND.fullmatch(name):
            name = "background"
        elif counts[name] > 1:
            name = f"{name} ({category['id']})"
        named[category["id"]] = name
    return named


def _categories(
    entries: Mapping[str, Mapping[str, Any]], is_panoptic: bool, path: Path
) -> tuple[Category, ...]:
    colors = _colors(entries, is_panoptic)
    if is_panoptic:
        unsaid = [name for name, entry in entries.items() if "isthing" not in entry]
        if unsaid:
            raise PixelwiseError(
                f"{path} does not say whether {unsaid[0]} is counted one by one: give every "
                'category "isthing": 1 (a sheep) or 0 (a meadow).'
            )
    return tuple(
        Category(
            name,
            color,
            bool(entry["isthing"]) if is_panoptic else place > 0,
            skeleton_in(entry),
            _number(entry.get("id")),
        )
        for place, ((name, entry), color) in enumerate(zip(entries.items(), colors, strict=True))
    )


def _number(found: Any) -> int | None:
    """The id as result files can give it again; an id in letters cannot be one."""
    return int(found) if isinstance(found, int) or str(found).isdecimal() else None


def _colors(
    entries: Mapping[str, Mapping[str, Any]], is_panoptic: bool
) -> Sequence[tuple[int, int, int]]:
    """The files' own where every category has one, else the palette's."""
    given = [entry.get("color") for name, entry in entries.items() if name != "background"]
    own = [(color[0], color[1], color[2]) for color in given if color and _is_color(color)]
    has_background = "background" in entries
    if len(own) < len(given) or not own:
        return palette(len(entries) + is_panoptic)[int(is_panoptic) :]
    rest = iter(own)
    black = (0, 0, 0)
    return [black if has_background and name == "background" else next(rest) for name in entries]


def _is_color(color: Any) -> bool:
    return (
        isinstance(color, list)
        and len(color) == 3
        and all(isinstance(each, int) and 0 <= each <= 255 for each in color)
    )
