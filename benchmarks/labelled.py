"""Pictures with numbered objects, as every contestant gets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image as Pillow

from contestants._job import Case
from instances._files import read_ids, read_image
from pixelwise.splits import make_folds
from pixelwise.types import Annotation, PixelwiseError, Sample

VALIDATION = 0.15
"""Share of the pictures outside the test fold that no contestant learns from, but all choose by."""
_DEPTHS = ("1", "L", "LA", "P", "RGB", "RGBA")


def read_folder(data: Path) -> tuple[Case, ...]:
    """The pictures in ``images`` that have numbered objects of the same name in ``labels``.

    Raises:
        PixelwiseError: there is none, or a pair that does not fit; the message says what to do.
    """
    labels = {path.stem: path for path in sorted((data / "labels").glob("[!.]*"))}
    pictures = [path for path in sorted((data / "images").glob("[!.]*")) if path.stem in labels]
    if not pictures:
        raise PixelwiseError(
            f"{data} holds no pictures with objects. Expected images/NAME.png and labels/NAME.png, "
            "where every object has a number of its own and 0 is none."
        )
    for path in pictures:
        _check(path, labels[path.stem])
    return tuple(
        Case(path.stem, str(path.resolve()), str(labels[path.stem].resolve()), "test")
        for path in pictures
    )


def _check(picture: Path, labels: Path) -> None:
    """Refuse what contestants might read differently."""
    try:
        with Pillow.open(picture) as image:
            mode, size = image.mode, image.size[::-1]
        shape = read_ids(labels).shape
    except (OSError, ValueError) as error:
        raise PixelwiseError(f"{picture} or its labels cannot be read: {error}") from error
    if mode not in _DEPTHS:
        raise PixelwiseError(f"{picture} is of mode {mode}. Expected 8 bits a channel; convert it.")
    if size != shape:
        raise PixelwiseError(
            f"{picture} is {size[1]} x {size[0]} pixels and its labels {shape[1]} x {shape[0]}. "
            "Both must have one size: take the pair out, or mend it."
        )


def folds_of(cases: Sequence[Case], folds: int) -> list[tuple[Case, ...]]:
    """The cases of every fold, each picture tested in one; copies of a picture stay together."""
    splits = make_folds([_sample(case) for case in cases], folds, seed=0, val=VALIDATION)
    return [tuple(replace(case, part=split.parts[case.id]) for case in cases) for split in splits]


def _sample(case: Case) -> Sample:
    """A case as what is split; its objects play no part in that."""

    def no_annotation() -> Annotation:
        raise NotImplementedError

    files = (Path(case.image), Path(case.mask))
    return Sample(case.id, files, lambda: read_image(case.image), no_annotation)
