"""The images and videos that `predict` was given, and their names among its results."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixelwise.datasets import open_dataset
from pixelwise.datasets._files import is_picture, list_files
from pixelwise.datasets._files import pictures as pictures_among
from pixelwise.datasets._formats import foreign_notes, overlooked
from pixelwise.files import shortened
from pixelwise.manifest import own_names
from pixelwise.outputs import Picture
from pixelwise.places import did_you_mean
from pixelwise.types import PixelwiseError
from pixelwise.videos import is_video
from pixelwise.words import count


@dataclass(frozen=True)
class Inputs:
    """What to predict. ``videos``: name among the results -> file. ``notes``: what was left out."""

    images: tuple[Picture, ...]
    videos: Mapping[str, Path]
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [*(picture.path for picture in self.images), *self.videos.values()]


def gather(paths: Sequence[Path]) -> Inputs:
    """Images and videos, and those in folders; of a dataset, not its masks.

    What an earlier command of this package wrote, such as its overlays, is left out and named: a
    folder of results may lie in the folder of images.

    Raises:
        PixelwiseError: a path does not exist, or there is nothing to predict.
    """
    if not paths:
        raise PixelwiseError("There is no picture to look at. Give some, or folders of pictures.")
    refuse_missing(paths)
    results = _Results()
    found: list[tuple[Path, Path]] = []
    foreign: tuple[str, ...] = ()
    for path in paths:
        if path.is_dir():
            found += _images_in(path, results)
            foreign += _foreign_in(path)
        else:
            found.append((path, Path(path.name)))
    kept = [each for each in found if each[0] not in results]
    own = [path for path, _ in found if path in results]
    if not kept:
        raise PixelwiseError(
            f"There is no picture in {', '.join(map(str, paths))}"
            + (f" but those that an earlier command wrote, such as {own[0]}." if own else ".")
            + "".join(f" {note}" for note in foreign)
        )
    names = _named(kept)
    videos = {name: path for name, path in names.items() if is_video(path)}
    images = _numbered({name: names[name] for name in names if name not in videos})
    return Inputs(tuple(images), videos, (*_left_out(own), *foreign))


def _foreign_in(folder: Path) -> tuple[str, ...]:
    """A sentence for each format in a folder that is not read."""
    files = list_files(folder)
    return foreign_notes(overlooked(files, pictures_among(files)))


def refuse_missing(paths: Sequence[Path], *, may_be_run: bool = False) -> None:
    """Refuse what is not there.

    Args:
        paths: of images and folders.
        may_be_run: whether the first may have been meant as a run.

    Raises:
        PixelwiseError: one does not exist; it names what is called nearly so.
    """
    for number, path in enumerate(paths):
        if path.exists():
            continue
        is_file = is_picture(path.name) or is_video(path)
        runs = "a run first, then " if may_be_run and number == 0 and not is_file else ""
        raise PixelwiseError(
            f"{path} does not exist. Give {runs}pictures, or folders of pictures."
            f"{did_you_mean(path)}"
        )


def _left_out(own: Sequence[Path]) -> tuple[str, ...]:
    if not own:
        return ()
    were = "was" if len(own) == 1 else "were"
    return (
        f"{count(len(own), 'image')} that an earlier command wrote {were} left out, for example "
        f"{own[0]}.",
    )


@dataclass(frozen=True)
class _Results:
    """All files that commands of this package wrote, wherever they lie; by their manifests."""

    known: dict[Path, frozenset[str]] = field(default_factory=dict)

    def __contains__(self, path: Path) -> bool:
        place = path.absolute()
        return any(
            place.relative_to(parent).as_posix() in self._in(parent) for parent in place.parents
        )

    def _in(self, folder: Path) -> frozenset[str]:
        if folder not in self.known:
            self.known[folder] = own_names(folder)
        return self.known[folder]


def _named(found: Sequence[tuple[Path, Path]]) -> dict[str, Path]:
    """Output name -> picture or video; two of one name keep their endings apart.

    Names are the same here where a file system may take them for the same: it may mix up A and a.
    """
    stems = [shortened(name.with_suffix("").as_posix()) for _, name in found]
    numbers = Counter(map(_folded, stems))
    names: dict[str, Path] = {}
    taken: set[str] = set()
    for (path, name), stem in zip(found, stems, strict=True):
        is_one = numbers[_folded(stem)] == 1
        key = stem if is_one else f"{stem}{name.suffix.replace('.', '_')}"
        number = 2
        while _folded(key) in taken:
            key, number = f"{stem}_{number}", number + 1
        taken.add(_folded(key))
        names[key] = path
    return names


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _numbered(names: dict[str, Path]) -> list[Picture]:
    """Pictures with COCO's numbers: those in their names where all have one, else 1, 2, 3."""
    stems = [path.stem for path in names.values()]
    are_numbers = all(re.fullmatch(r"[0-9]{1,15}", stem) for stem in stems)
    numbers = [int(stem) for stem in stems] if are_numbers else []
    if len(set(numbers)) < len(stems):
        numbers = list(range(1, len(stems) + 1))
    return [Picture(*named, number) for named, number in zip(names.items(), numbers, strict=True)]


def _images_in(folder: Path, results: _Results) -> list[tuple[Path, Path]]:
    """The pictures and videos of a folder and their names; of a dataset, not its masks."""
    files = list_files(folder)
    seen = [*pictures_among(files), *(file for file in files if is_video(Path(file)))]
    everything = [(folder / file, Path(file)) for file in seen]
    try:
        dataset = open_dataset(folder, "binary")
    except PixelwiseError:
        return everything
    samples = [dataset[index] for index in range(len(dataset))]
    if any(file in results for sample in samples for file in sample.files):
        # Images and what was predicted of them look like a dataset, too.
        return everything
    named = [(sample.files[0], Path(sample.id + sample.files[0].suffix)) for sample in samples]
    # Pictures whose mask is still missing lie where those that have one do.
    places, unpaired = {path.parent for path, _ in named}, set(dataset.unpaired)
    return named + [p for p in everything if p[0] in unpaired and p[0].parent in places]
