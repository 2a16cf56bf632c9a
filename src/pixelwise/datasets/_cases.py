"""The dataset behind layouts whose annotations are no single mask file: a slim table of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pixelwise.datasets._pictures import image_size_hw, read_image
from pixelwise.types import Annotation, Category, PixelwiseError, Sample

_NO_GROUPS: Mapping[str, str] = {}

Reader = Callable[[tuple[Path, ...], tuple[int, int]], Annotation]
"""(what annotates a picture, the picture's height and width) -> its annotation."""


@dataclass(frozen=True, slots=True)
class Case:
    """A picture and the files that annotate it, as paths relative to the folder."""

    id: str
    image: str
    files: tuple[str, ...]
    split: str | None = None


@dataclass(frozen=True)
class Cases:
    """Pictures with annotations of any form. Opening it touches no picture; see `Dataset`.

    ``reader`` is a function of a module, or a partial of one, so that a sample can be sent to
    another process.
    """

    layout: str
    root: Path
    cases: tuple[Case, ...]
    categories: tuple[Category, ...]
    reader: Reader = field(repr=False)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    unpaired: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    masks: str = "auto"

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        image, files = self.root / case.image, tuple(self.root / file for file in case.files)
        return Sample(
            id=case.id,
            files=(image, *files),
            read_image=partial(read_image, image),
            read_annotation=partial(_read_annotation, self.reader, image, files),
            groups=self.groups.get(case.id, _NO_GROUPS),
            split=case.split,
        )


def settled(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Sorted by id, each id once, and with splits only where the folder declares at least two."""
    found = sorted(cases, key=lambda case: (case.id, case.image))
    counts = Counter(case.id for case in found)
    unique = [
        case if counts[case.id] == 1 else replace(case, id=case.image.rpartition(".")[0])
        for case in found
    ]
    if len({case.split for case in unique} - {None}) < 2:
        return tuple(replace(case, split=None) for case in unique)
    return tuple(unique)


def refuse_option(masks: str, root: Path, what: str) -> None:
    """``--masks`` tells what values in mask pictures mean; here nothing is left to tell.

    "auto" and "ids" pass: a run that learned from numbered objects is measured here too.

    Args:
        masks: the option. what: what holds the annotations here, for the message.

    Raises:
        PixelwiseError: any other option.
    """
    if masks != "auto" and masks.partition("=")[0] != "ids":
        raise PixelwiseError(
            f"--masks {masks} says what the values of mask pictures mean, but {root} holds {what}, "
            "which leave no doubt. Say --masks auto."
        )


def _read_annotation(reader: Reader, image: Path, files: tuple[Path, ...]) -> Annotation:
    return reader(files, image_size_hw(image))
