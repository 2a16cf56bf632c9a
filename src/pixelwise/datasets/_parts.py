"""A mask in several files: NAME_mask.png, NAME_mask_1.png, each a part of one annotation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from pixelwise.datasets._look import even_sample
from pixelwise.datasets._masks import MaskMeaning, read_labels
from pixelwise.datasets._pairs import Pair
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.types import Annotation, LabelMap, PixelwiseError
from pixelwise.words import count

_LOOKED_AT = 20
# Two drawings of one thing agree in more than this; parts of one annotation in next to nothing.
_SAME_IOU = 0.5


def read_parts(files: Sequence[Path], meaning: MaskMeaning, size_hw: tuple[int, int]) -> Annotation:
    """The files as one annotation: what is no background in any of them.

    Raises:
        PixelwiseError: they number objects, or two give one pixel different classes.
    """
    if meaning.kind == "ids":
        raise PixelwiseError(
            f"{files[0]} and {files[1]} number the objects of one image apart. Write them into one "
            "file, or pass --masks binary=NAME to outline all as one class."
        )
    labels = read_labels(files[0], meaning, size_hw)
    for file in files[1:]:
        labels = _joined(labels, read_labels(file, meaning, size_hw), files[0], file)
    return Annotation(labels)


def note_on_parts(root: Path, pairs: Sequence[Pair], meaning: MaskMeaning) -> tuple[str, ...]:
    """A sentence about the images whose mask is in several files; none where there are none.

    Raises:
        PixelwiseError: the files mark the same pixels, so they are drawings of the same thing.
    """
    found = [pair for pair in pairs if pair.more]
    if not found:
        return ()
    looked_at = [found[place] for place in even_sample(len(found), _LOOKED_AT)]
    same = [pair for pair in looked_at if _is_drawn_twice(root, pair, meaning)]
    if 2 * len(same) > len(looked_at):
        raise PixelwiseError(
            f"{same[0].mask} and {same[0].more[0]} mark the same pixels of {same[0].image}, so "
            "they are not parts of one mask. Keep one of them in the folder and move the others "
            "out."
        )
    one = found[0]
    return (
        f"{count(len(found), 'image')} with a mask in several files, such as {one.mask} and "
        f"{one.more[0]}: what any of them marks is marked.",
    )


def _is_drawn_twice(root: Path, pair: Pair, meaning: MaskMeaning) -> bool:
    try:
        size_hw = image_size_hw(root / pair.image)
        labels = [read_labels(root / mask, meaning, size_hw) > 0 for mask in pair.masks]
    except PixelwiseError:
        return False  # the check and the training name what cannot be read
    return any((a & b).sum() > _SAME_IOU * (a | b).sum() for a, b in combinations(labels, 2))


def _joined(labels: LabelMap, more: LabelMap, first: Path, file: Path) -> LabelMap:
    if ((labels > 0) & (more > 0) & (labels != more)).any():
        raise PixelwiseError(
            f"{first} and {file} give a pixel different classes. Correct one of them, or take one "
            "of them out."
        )
    joined: LabelMap = np.where(labels > 0, labels, more)
    return joined
