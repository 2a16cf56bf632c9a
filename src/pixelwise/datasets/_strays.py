"""Pairs across folders that share a name by accident: an image and a mask that both lost theirs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pixelwise.datasets._affixes import name_of, names_of_image, names_of_mask
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._roles import key_of_folder, split_of

_FEW = 3
_NamesOf = Callable[[str], Iterable[str]]


def without_strays(
    matched: Mapping[str, Sequence[str]], images: Iterable[str], masks: Iterable[str]
) -> dict[str, list[str]]:
    """Image -> its masks, those left out whose folder belongs to other images.

    An image and a mask in folders of different names belong together only where their name occurs
    nowhere else, neither of the two folders has one of its own name on the other side, and not many
    more of the files in both folders belong elsewhere.
    """
    pairs = [(image, mask) for image, found in matched.items() for mask in found]
    if all(_full_key(image) == _full_key(mask) for image, mask in pairs):
        return {image: list(found) for image, found in matched.items()}
    sides = _Sides(pairs, list(images), list(masks))
    kept = (
        (image, [m for m in found if sides.agree(image, m)]) for image, found in matched.items()
    )
    return {image: found for image, found in kept if found}


def namesakes(images: Iterable[str], masks: Iterable[str]) -> Iterator[str]:
    """A sentence where an image and a mask that have no partner are called the same."""
    by_name = {name: file for file in images for name in _folded(names_of_image(name_of(file)))}
    found = []
    for mask in masks:
        names = _folded(names_of_mask(name_of(mask)))
        image = next((by_name[name] for name in names if name in by_name), None)
        if image is not None:
            found.append(f"{image} and {mask}")
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield (
            f"Called the same, but in folders that do not belong together, so they are no pair: "
            f"{found[0]}{more}."
        )


class _Sides:
    """Which folders of images and of masks belong together, as all pairs show it."""

    def __init__(
        self, pairs: Sequence[tuple[str, str]], images: Sequence[str], masks: Sequence[str]
    ) -> None:
        self.together = Counter((_key(image), _key(mask)) for image, mask in pairs)
        self.of_images = {_key(file) for file in images}
        self.of_masks = {_key(file) for file in masks}
        self.named = _places(images, names_of_image), _places(masks, names_of_mask)

    def agree(self, image: str, mask: str) -> bool:
        one, other = _key(image), _key(mask)
        splits = {split_of(folder_of(image)), split_of(folder_of(mask))} - {None}
        if len(splits) > 1:
            return False
        return one == other or not (
            self._is_settled(one, other) or self._is_rare(one, other) or self._repeats(image, mask)
        )

    def _is_settled(self, one: str, other: str) -> bool:
        """Whether a folder has a namesake on the other side; of one in the other, both."""
        found = one in self.of_masks, other in self.of_images
        return all(found) if _is_nested(one, other) else any(found)

    def _is_rare(self, one: str, other: str) -> bool:
        most = _FEW * self.together[one, other]
        pairs = self.together.items()
        with_one = [n for (image, mask), n in pairs if image == one and mask != other]
        with_other = [n for (image, mask), n in pairs if mask == other and image != one]
        return min(max(with_one, default=0), max(with_other, default=0)) >= most

    def _repeats(self, image: str, mask: str) -> bool:
        """Whether there are other images, and other masks, of the name that the two share."""
        of_image = set(_folded(names_of_image(name_of(image))))
        names = _folded(names_of_mask(name_of(mask)))
        shared = next((name for name in names if name in of_image), None)
        if shared is None:
            return False
        part = split_of(folder_of(image)) or split_of(folder_of(mask))
        folders = (
            {key for key, split in places[shared] if split in (None, part)} for places in self.named
        )
        return all(len(each) > 1 for each in folders)


def _places(files: Sequence[str], names_of: _NamesOf) -> dict[str, set[tuple[str, str | None]]]:
    found: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for file in files:
        for name in _folded(names_of(name_of(file))):
            found[name].add((_key(file), split_of(folder_of(file))))
    return found


def _key(file: str) -> str:
    """The folder, "test" and its like left out."""
    parts = _full_key(file).split("/")
    return "/".join(part for part in parts if split_of(part) is None)


def _full_key(file: str) -> str:
    return key_of_folder(folder_of(file)).casefold()


def _is_nested(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return not short or long.startswith(f"{short}/")


def _folded(names: Iterable[str]) -> Iterator[str]:
    return (name.casefold() for name in names)
