"""The dataset behind layouts whose annotations are no single mask file: a slim table of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pixelwise.datasets._files import folder_of, stem
from pixelwise.datasets._pictures import read_image
from pixelwise.datasets._roles import key_of_folder
from pixelwise.types import Annotation, Category, PixelwiseError, Sample

_NO_GROUPS: Mapping[str, str] = {}

Reader = Callable[..., Annotation]
"""(what the case holds, a picture, the files that annotate it) -> its annotation, at the picture's
size."""


@dataclass(frozen=True, slots=True)
class Case:
    """A picture and the files that annotate it, as paths relative to the folder.

    ``held``: what is known of it already, where a file is about all pictures. ``is_sized``: whether
    the annotation itself says how large the image was that it was drawn on.
    """

    id: str
    image: str
    files: tuple[str, ...]
    split: str | None = None
    held: tuple[Any, ...] = ()
    is_sized: bool = True


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
    white_level: float | None = None

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        image, files = self.root / case.image, tuple(self.root / file for file in case.files)
        return Sample(
            id=case.id,
            files=(image, *files),
            read_image=partial(read_image, image, self.white_level),
            read_annotation=partial(self.reader, *case.held, image, files),
            groups=self.groups.get(case.id, _NO_GROUPS),
            split=case.split,
            is_sized=case.is_sized,
        )


def case_id(image: str) -> str:
    """A picture's name below the folders that say no more than that it is one: "train/p1"."""
    key = key_of_folder(folder_of(image))
    return f"{key}/{stem(image)}" if key else stem(image)


def settled(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Sorted by id, each id once, and with splits only where the folder declares at least two."""
    found = sorted(cases, key=lambda case: (case.id, case.image))
    # Where two ids came out equal ("A/1" and "a/1") the path says more, and its ending all.
    paths = _unless_unique(found, [case.image.rpartition(".")[0] for case in found])
    unique = _unless_unique(paths, [case.image for case in paths])
    if len({case.split for case in unique} - {None}) < 2:
        return tuple(replace(case, split=None) for case in unique)
    return tuple(unique)


def _unless_unique(cases: Sequence[Case], ids: Sequence[str]) -> list[Case]:
    """The cases, those whose id another has too with the id given here."""
    counts = Counter(case.id for case in cases)
    return [
        case if counts[case.id] == 1 else replace(case, id=name)
        for case, name in zip(cases, ids, strict=True)
    ]


def refuse_second(root: Path, first: Case | None, file: str) -> None:
    """A picture is annotated once.

    Raises:
        PixelwiseError: ``first`` is there already.
    """
    if first is not None:
        raise PixelwiseError(
            f"{first.image} in {root} is annotated in {first.files[0]} and in {file}. Take one of "
            "the two out."
        )


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
