"""Datasets: a folder the user brings, recognised by looking at it.

Every module in here is one layout. It has two functions:

``likeness(root: Path) -> float``
    0 when the folder is something else, up to 1 when it can be nothing else. Cheap: it looks at
    names, not at pixels.
``read(root: Path, masks: str) -> Dataset``
    The folder as a dataset. ``masks`` is the user's answer to what mask values mean ("auto" when
    the user said nothing, see `pixelwise.datasets._masks`).

`open_dataset` asks every module and takes the one that is surest. Adding a layout adds a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pixelwise.datasets._files import glimpse
from pixelwise.datasets._formats import foreign_notes, overlooked
from pixelwise.datasets._remarks import remarks
from pixelwise.datasets._roles import says_what_it_holds
from pixelwise.datasets._tables import facts_of
from pixelwise.datasets._white import channel_notes, settle_white
from pixelwise.datasets._wrapping import folders_within
from pixelwise.find import find, names
from pixelwise.places import did_you_mean, is_run_folder
from pixelwise.types import Category, PixelwiseError, Sample


class Dataset(Protocol):
    """Categories and samples. A dataset knows no task."""

    @property
    def layout(self) -> str:
        """Which layout it was recognised as: the name of a module in this folder."""

    @property
    def root(self) -> Path:
        """The folder it was read from."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Index -> category; the first is the background where there is one."""

    @property
    def masks(self) -> str:
        """What mask values mean, as the option that reads another folder the same way."""

    @property
    def white_level(self) -> float | None:
        """The number that is white in images of more than 8 bits; None where there are none."""

    @property
    def unpaired(self) -> tuple[Path, ...]:
        """Pictures without a mask and masks without a picture: left out, never guessed at."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that was decided while reading."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def open_dataset(
    path: str | Path, masks: str = "auto", white_level: float | None = None
) -> Dataset:
    """Open a folder of images with masks or outlines, recognising its layout.

    Args:
        path: the folder.
        masks: what mask values mean; "auto" looks at them and stops where they could mean two
            things. See `pixelwise.datasets._masks`.
        white_level: the number that is white in images of more than 8 bits, such as 4095 of a
            12-bit camera; None looks at them.

    Raises:
        PixelwiseError: no such folder, nothing recognised in it, or masks that could mean two
            things; the message says what to do.
    """
    root = Path(path)
    if not root.is_dir():
        kind = "is a file, not a folder" if root.exists() else "does not exist"
        raise PixelwiseError(
            f"{root} {kind}. Give the folder that holds the images and masks."
            f"{'' if root.exists() else did_you_mean(root)}"
        )
    if is_run_folder(root):
        raise PixelwiseError(
            f"{root} is a run, where a folder of images and masks is expected. "
            f"`pixelwise evaluate {root}` measures a run, and `--start {root}` trains from one."
        )
    place, best = _recognise(root)
    dataset = _completed(best.read(place, masks), white_level, root)
    return dataset if place == root else _with_note(dataset, place, root)


def _recognise(root: Path) -> tuple[Path, Any]:
    """The folder in which the dataset begins, and the module that is surest of it.

    Raises:
        PixelwiseError: nothing is recognised.
    """
    modules = [find("datasets", name) for name in names("datasets")]
    chosen, surest, best = root, 0.0, None
    for folder in folders_within(root):
        likeness = [module.likeness(folder) for module in modules]
        most = max(likeness)
        is_wrapped = folder.parent == chosen and not says_what_it_holds(folder.name)
        if most > surest or (is_wrapped and most == surest):
            # Of equally likely layouts the first by name.
            chosen, surest, best = folder, most, modules[likeness.index(most)]
    if best is None:
        foreign = "".join(f" {note}" for note in foreign_notes(glimpse(root)))
        raise PixelwiseError(
            f"{root} holds no pictures (jpg, png, bmp, tif, webp, gif).{foreign} Expected, for "
            "example, images/NAME.jpg with masks/NAME.png, or NAME.jpg beside NAME_mask.png."
        )
    return chosen, best


def _with_note(dataset: Any, place: Path, root: Path) -> Dataset:
    """The dataset, saying that it does not begin in the folder that was given."""
    note = f"Read from {place.relative_to(root)}, the only folder in {root}."
    noted: Dataset = replace(dataset, notes=(note, *dataset.notes))
    return noted


def _completed(dataset: Any, white_level: float | None, root: Path) -> Dataset:
    """With what is alike in every layout: facts, what to know of it, and which number is white.

    What a layout knows itself of an image goes before what tables say.
    """
    samples = [dataset[index] for index in range(len(dataset))]
    images = [sample.files[0] for sample in samples]
    notes = remarks(dataset.root, dataset.categories, samples)
    notes += channel_notes(images)
    notes += foreign_notes(_overlooked(dataset.root, images))
    if white_level is None:
        white_level, more = settle_white(images)
        notes += more
    facts, told = facts_of(root, dataset.layout, samples)
    notes += told
    groups = {**facts, **{i: {**facts.get(i, {}), **own} for i, own in dataset.groups.items()}}
    notes = (*dataset.notes, *notes)
    done: Dataset = replace(dataset, white_level=white_level, groups=groups, notes=notes)
    return done


def _overlooked(root: Path, images: Sequence[Path]) -> list[str]:
    """Files of foreign formats in the folders of the images."""
    places = {image.parent for image in images}
    read = [image.relative_to(root).as_posix() for image in images if image.is_relative_to(root)]
    return [file for file in overlooked(glimpse(root), read) if (root / file).parent in places]
