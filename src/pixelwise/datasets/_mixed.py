"""Folders in which some images are named as a published dataset's and some are not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from pixelwise.datasets._files import folder_of, stem
from pixelwise.datasets._pairs import Pairs, pair_up, with_declared_splits
from pixelwise.types import PixelwiseError


def are_most(hits: int, total: int) -> bool:
    """Whether files of one kind decide what a folder is.

    More than half do, so that a few other images change nothing; `note_on_mixed` says of the others
    how they are read.
    """
    return 2 * hits > total


def with_others(found: Pairs, others: Sequence[str], whose: str) -> Pairs:
    """The pairs, with those among the files that are not named as the dataset's.

    Args:
        whose: whose names the pairs found so far have, as in "ISIC's".

    Raises:
        PixelwiseError: two masks fit one of the others, or two of them one mask.
    """
    rest = pair_up(others)
    if not rest.pairs and not rest.unpaired:
        return found
    pairs = with_declared_splits((*found.pairs, *rest.pairs))
    note = note_on_mixed(len(found.pairs), len(pairs), whose)
    return replace(
        found,
        pairs=pairs,
        unpaired=(*found.unpaired, *rest.unpaired),
        notes=(*found.notes, *note, *rest.notes),
        masks=found.masks | rest.masks,
    )


def note_on_mixed(hits: int, total: int, whose: str) -> tuple[str, ...]:
    """A sentence where some images are named as a dataset's and others are not."""
    if hits == total:
        return ()
    return (
        f"{hits} of {total} images are named as {whose}, so the folder is read as such; the other "
        f"{total - hits} are paired with their masks by name.",
    )


def refuse_twins(image: str, images: Collection[str], mask: str) -> None:
    """Of a.png beside a.jpg nobody knows which one the mask was drawn on.

    Raises:
        PixelwiseError: among the images is another of this name in the same folder.
    """
    place = folder_of(image), stem(image)
    twin = next((f for f in images if f != image and (folder_of(f), stem(f)) == place), None)
    if twin is not None:
        raise PixelwiseError(
            f"Two images fit the mask {mask}: {image} and {twin}. Take one of them out."
        )
