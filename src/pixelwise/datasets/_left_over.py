"""What is left when images have found their masks: missed, or of no use and said so in a note."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pixelwise.datasets._affixes import hinted_core, name_of, names_of_image
from pixelwise.datasets._files import folder_of
from pixelwise.datasets._roles import split_of


def sort_out(
    left: Sequence[str], paired: Collection[str], masks: Collection[str], given_up: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files without a partner, and sentences about the others.

    Args:
        left: files that are in no pair. paired: the images that have a mask.
        masks: files that are masks by their names. given_up: masks that another goes before.
    """
    blind = _blind_test(left, paired, masks)
    aside = _aside(left, paired, masks)
    notes = []
    if blind:
        notes.append(f"{len(blind)} test images without masks are left out.")
    if aside:
        notes.append(f"Not read, as their images have other masks: {_shown(aside)}.")
    if given_up:
        notes.append(f"Masks drawn in colours are not read beside others: {_shown(given_up)}.")
    return tuple(file for file in left if file not in blind | aside), tuple(notes)


def _blind_test(
    left: Iterable[str], paired: Collection[str], masks: Collection[str]
) -> frozenset[str]:
    """The images of the test part where challenges keep its truth to themselves: all of them."""
    test = frozenset(file for file in left if split_of(folder_of(file)) == "test")
    has_truth = any(split_of(folder_of(image)) == "test" for image in paired)
    return frozenset() if has_truth or not paired or not test.isdisjoint(masks) else test


def _aside(left: Iterable[str], paired: Collection[str], masks: Collection[str]) -> frozenset[str]:
    """NAME_predict beside NAME, which has a mask. One letter (NAME_L) may be another image's."""
    names = {name.casefold() for image in paired for name in names_of_image(name_of(image))}
    found = {file: hinted_core(name_of(file)) for file in left if file not in masks}
    return frozenset(
        file
        for file, core in found.items()
        if core and core.casefold() in names and len(name_of(file)) - len(core) > 2
    )


def _shown(files: Collection[str]) -> str:
    return f"{len(files)} files such as {min(files)}" if len(files) > 1 else min(files)
