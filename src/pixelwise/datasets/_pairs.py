"""Which mask belongs to which image, from nothing but their names.

A file is a mask when a folder above it says so (`_roles`: masks, labels, SegmentationClass, ...) or
its own name does (`_affixes`: NAME_mask, mask_NAME, NAME_1stHO, ...). Image and mask belong
together when their names agree once those words are taken away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pixelwise.datasets._affixes import (
    CHANNEL,
    derived_from,
    hinted_core,
    inner_core,
    mask_core,
    name_of,
    names_of_image,
    names_of_mask,
)
from pixelwise.datasets._choice import choose, is_for_looking, without_fields_of_view
from pixelwise.datasets._common_affix import match_by_affix
from pixelwise.datasets._files import folder_of, pictures, stem
from pixelwise.datasets._left_over import sort_out
from pixelwise.datasets._roles import key_of_folder, role_of, split_of
from pixelwise.datasets._strays import namesakes, without_strays
from pixelwise.types import PixelwiseError

_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif")


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its mask, as paths relative to the folder.

    ``more``: further files of the same mask, where it is in several parts (NAME_mask_1).
    """

    id: str
    image: str
    mask: str
    split: str | None = None
    more: tuple[str, ...] = ()

    @property
    def masks(self) -> tuple[str, ...]:
        """All files of the mask."""
        return self.mask, *self.more


@dataclass(frozen=True)
class Pairs:
    """What was found in a folder.

    ``unpaired``: images without a mask and masks without an image. ``derived``: what was made from
    an image or a mask and is neither, with its kind ("probabilities").
    """

    pairs: tuple[Pair, ...]
    unpaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    masks: frozenset[str] = field(default=frozenset(), repr=False)
    derived: Mapping[str, str] = field(default_factory=dict, repr=False)


def pair_up(files: Iterable[str]) -> Pairs:
    """Pair the images among ``files`` with their masks.

    What is a mask is tried from the surest sign to the least: folders and words that mean nothing
    else, a lossless file beside a JPEG, then words that are parts of images' names too.

    Raises:
        PixelwiseError: two masks fit one image, or two images one mask.
    """
    found = [file for file in pictures(list(files)) if role_of(folder_of(file)) != "other"]
    derived = _derived(found)
    found = [file for file in found if file not in derived]
    first: Pairs | None = None
    for images, masks, notes in _readings(found):
        pairs = _paired(found, images, masks, (*notes, *_note_on(derived)))
        if pairs.pairs:
            return replace(pairs, derived=derived)
        first = first or pairs
    return replace(first, derived=derived) if first else Pairs((), derived=derived)


def _paired(found: list[str], images: list[str], masks: set[str], notes: tuple[str, ...]) -> Pairs:
    kept, on_fields = without_fields_of_view(masks)
    matched = _match(images, kept)
    if not matched:
        by_affix, word = match_by_affix(images, kept)
        matched = {image: [mask] for image, mask in by_affix.items()}
        notes = (*notes, *([_on_affix(by_affix, word)] if by_affix else []))
    unique = _with_unique_ids(list(_to_pairs(matched)))
    pairs = tuple(sorted(unique, key=lambda pair: pair.id))
    fitting = {mask for each in matched.values() for mask in each}
    given_up = [mask for mask in fitting if is_for_looking(mask)]
    given_up = sorted(set(given_up) - {mask for pair in pairs for mask in pair.masks})
    paired = {pair.image for pair in pairs}
    used = paired | fitting | (masks - kept)
    left = [file for file in found if file not in used]
    unpaired, on_left = sort_out(left, paired, masks, given_up)
    lone = set(unpaired)
    alike = namesakes([file for file in unpaired if file not in masks], sorted(lone & masks))
    notes = (*notes, *on_fields, *on_left, *alike)
    return Pairs(with_declared_splits(pairs), unpaired, notes, frozenset(masks))


def _on_affix(matched: Mapping[str, str], word: str) -> str:
    image, mask = min(matched.items())
    return f"Images and masks are paired without the word {word} in their names: {image}, {mask}."


def with_declared_splits(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs as they are, or without their parts where those declare nothing.

    A folder that names one part only (CamVid's test frames alone) does not say how to split it.
    """
    if len({pair.split for pair in pairs} - {None}) >= 2:
        return tuple(pairs)
    return tuple(replace(pair, split=None) for pair in pairs)


def _derived(found: Sequence[str]) -> dict[str, str]:
    """What was made from another of the files (NAME_Probabilities from NAME) -> its kind."""
    names = {name for file in found for name in _folded(names_of_image(name_of(file)))}
    told = {file: derived_from(name_of(file)) for file in found}
    return {
        file: kind[1]
        for file, kind in told.items()
        if kind and not names.isdisjoint(map(str.casefold, names_of_mask(kind[0])))
    }


def _note_on(derived: Mapping[str, str]) -> Iterator[str]:
    for kind in sorted(set(derived.values())):
        files = [file for file in derived if derived[file] == kind]
        what = f"{len(files)} files such as {files[0]}" if len(files) > 1 else files[0]
        yield f"Not read, for its name says {kind}: {what}."


# --- what is a mask ------------------------------------------------------------------------------

_CoreOf = Callable[[str], str | None]
"""A file's name -> the name of its image, if a word makes it a mask."""

_Reading = tuple[list[str], set[str], tuple[str, ...]]
"""Images, masks, and a sentence about what was taken for a mask, where that may surprise."""


def _readings(found: Sequence[str]) -> Iterator[_Reading]:
    in_folders = {file for file in found if role_of(folder_of(file)) == "mask"}
    masks = in_folders | _named(found, in_folders, mask_core, inner_core)
    if len(in_folders) == len(found):
        # A word above all files tells no mask from an image; their own names do, if any does.
        masks = _named(found, set(), mask_core, inner_core) or in_folders
    yield [file for file in found if file not in masks], masks, ()
    yield from _beside(found)
    hinted = _named(found, set(), _no_core, hinted_core)
    if hinted:
        note = f"By their names beside images, files such as {min(hinted)} are taken for the masks."
        yield [file for file in found if file not in hinted], hinted, (note,)


def _named(
    found: Sequence[str], in_folders: set[str], core_of: _CoreOf, core_beside: _CoreOf
) -> set[str]:
    """The files outside folders of masks whose own names make them masks.

    An image may be called "p1_label" or "mask_7", too: it is one if there is a mask of that name
    and no image without the word. ``core_beside``: words that make a mask only beside its image.
    """
    others = [file for file in found if file not in in_folders]
    surely = {file: core for file in others if (core := core_of(name_of(file)))}
    beside = {file: core for file in others if (core := core_beside(name_of(file)))}
    images = {name for file in others for name in _folded(names_of_image(name_of(file)))}
    exact = {name_of(file).casefold() for file in in_folders}
    own = {name for file in in_folders for name in _folded(names_of_mask(name_of(file)))}
    own |= set(_folded(surely.values()))
    here = {(folder_of(file), name_of(file)) for file in others}
    masks = set()
    for file, core in (beside | surely).items():
        name = name_of(file).casefold()
        has_image = any(each in images for each in _folded(names_of_mask(name_of(file))[1:]))
        if role_of(folder_of(file)) == "image":
            is_mask = (folder_of(file), core) in here and name not in exact
        else:
            is_mask = has_image or (file in surely and name not in own)
        if is_mask:
            masks.add(file)
    return masks


def _no_core(name: str) -> None:
    """No word makes a mask wherever it stands: those were tried before."""


def _folded(names: Iterable[str]) -> Iterator[str]:
    return (name.casefold() for name in names)


def _beside(found: Sequence[str]) -> Iterator[_Reading]:
    """NAME.jpg with NAME.png beside it: the lossless one is the mask."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in found:
        groups[folder_of(file), stem(file)].append(file)
    twins = [files for files in groups.values() if len(files) == 2 and _is_mixed(files)]
    if twins:
        taken = {file for files in twins for file in files if not file.lower().endswith(_LOSSY)}
        note = (
            "Of NAME.jpg and a lossless NAME side by side, the lossless file is taken for the mask."
        )
        yield [file for file in found if file not in taken], taken, (note,)


def _is_mixed(files: Sequence[str]) -> bool:
    return len({file.lower().endswith(_LOSSY) for file in files}) == 2


# --- matching ----------------------------------------------------------------------------------

_Key = tuple[str, str]


def _match(images: Sequence[str], masks: Collection[str]) -> dict[str, list[str]]:
    """Picture -> the masks that fit it."""
    exact: dict[_Key, list[str]] = defaultdict(list)
    for image in images:
        exact[_folder_key(image), name_of(image)].append(image)
    matched: dict[str, list[str]] = defaultdict(list)
    left = []
    for mask in sorted(masks):
        candidates = [exact.get((_folder_key(mask), name)) for name in names_of_mask(name_of(mask))]
        hits = next((hit for hit in candidates if hit), [])
        if not hits:
            left.append(mask)
        for image in _one_of(hits, mask):
            matched[image].append(mask)
    left = _match_nearby([image for image in images if image not in matched], left, matched)
    _match_loosely([image for image in images if image not in matched], left, matched)
    return without_strays(matched, images, masks)


def _match_nearby(
    images: Sequence[str], masks: Sequence[str], matched: dict[str, list[str]]
) -> list[str]:
    """In folders of one name, also where an image's name has a word more (NAME_rgb, NAME_0000).

    Returns:
        The masks that fit no image so.

    Raises:
        PixelwiseError: several images are the channels of one.
    """
    by_name: dict[_Key, list[str]] = defaultdict(list)
    for image in images:
        for name in set(_folded(names_of_image(name_of(image)))):
            by_name[_key_without_part(image), name].append(image)
    left = []
    for mask in masks:
        names = _folded(names_of_mask(name_of(mask)))
        hits = next((hit for n in names if (hit := by_name.get((_key_without_part(mask), n)))), [])
        _refuse_channels(hits, mask)
        if len(hits) == 1:
            matched[hits[0]].append(mask)
        else:
            left.append(mask)
    return left


def _key_without_part(file: str) -> str:
    """The folder, "test" and its like left out: MVTec's test/hole has its masks in truth/hole."""
    parts = key_of_folder(folder_of(file)).split("/")
    return "/".join(part for part in parts if split_of(part) is None)


def _refuse_channels(images: Sequence[str], mask: str) -> None:
    found = [CHANNEL.fullmatch(name_of(image)) for image in images]
    if len(images) < 2 or not all(found) or not any(f and int(f["channel"]) == 0 for f in found):
        return
    raise PixelwiseError(
        f"The image of {mask} is in {len(images)} files, one for each channel: {images[0]}, "
        f"{images[1]}. One file for each image is read: merge the channels (for example into "
        "RGB), or keep the files of one channel, such as _0000."
    )


def _match_loosely(
    images: Sequence[str], masks: Sequence[str], matched: dict[str, list[str]]
) -> None:
    """By bare names, in any case and any folder, where that is unique among what is left."""
    by_name: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for image in images:
        for name in set(_folded(names_of_image(name_of(image)))):
            by_name[split_of(folder_of(image)), name].append(image)
    for mask in masks:
        split = split_of(folder_of(mask))
        candidates = [
            by_name.get((split, name.casefold())) for name in names_of_mask(name_of(mask))
        ]
        hits = next((hit for hit in candidates if hit), [])
        if len(hits) == 1:
            matched[hits[0]].append(mask)


def _folder_key(file: str) -> str:
    return key_of_folder(folder_of(file))


def _one_of(images: Sequence[str], mask: str) -> Sequence[str]:
    if len(images) > 1:
        raise PixelwiseError(
            f"Two pictures fit the mask {mask}: {images[0]} and {images[1]}. Take one of them out."
        )
    return images


def _to_pairs(matched: dict[str, list[str]]) -> Iterable[Pair]:
    for image, masks in matched.items():
        mask, *more = choose(image, masks)
        key = _folder_key(image)
        name = f"{key}/{name_of(image)}" if key else name_of(image)
        yield Pair(name, image, mask, split_of(folder_of(image)), tuple(more))


def _with_unique_ids(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """Where two ids came out equal ("A/1" and "a/1"), the path says more."""
    counts = Counter(pair.id for pair in pairs)
    for pair in pairs:
        path = pair.image.rpartition(".")[0]
        yield pair if counts[pair.id] == 1 else replace(pair, id=path)
