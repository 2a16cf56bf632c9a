"""A run's own images, found again by what they hold: renamed, moved, changed or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixelwise.appearance import appearances_of
from pixelwise.contents import Contents, SeenImages
from pixelwise.datasets import Dataset
from pixelwise.fingerprints import (
    UNREADABLE,
    annotation_fingerprints_of,
    dataset_fingerprint,
    fingerprints_of,
)
from pixelwise.run import Run
from pixelwise.types import Sample
from pixelwise.words import count


@dataclass(frozen=True)
class Found:
    """What a folder holds of a run's images.

    ``contents``: of the folder's images as they are now. ``recorded``: sample id -> the id that
    the run has for this content; without the images that the run has no record of.
    """

    contents: Contents
    recorded: Mapping[str, str]

    @property
    def renamed(self) -> list[str]:
        """Ids of samples that the run knows by another name."""
        return sorted(now for now, then in self.recorded.items() if now != then)


def is_own(run: Run, dataset: Dataset) -> bool:
    """Whether a folder holds the data the run was trained on, unchanged, wherever it lies now."""
    return bool(run.split) and dataset_fingerprint(dataset) == run.fingerprint


def recognise(run: Run, samples: Sequence[Sample]) -> Found:
    """Find the run's images among those of a folder: by their files, then by their pixels."""
    prints = fingerprints_of(samples)
    recorded = _by_file(run.split, prints)
    rest = [sample for sample in samples if sample.id not in recorded]
    looks = appearances_of(rest)
    by_pixels = {entry["pixels"]: name for name, entry in run.split.items() if entry.get("pixels")}
    recorded |= {
        name: _nearest(run.split, name, "pixels", look.pixels, by_pixels)
        for name, look in looks.items()
        if look.pixels in by_pixels
    }
    return Found(Contents(prints, {}, looks), recorded)


def _by_file(split: Mapping[str, Mapping[str, str]], prints: Mapping[str, str]) -> dict[str, str]:
    """Sample id -> recorded id of the same file; without a fingerprint the name has to do."""
    by_print = {entry["fingerprint"]: name for name, entry in split.items()}
    for unknown in ("", UNREADABLE):
        by_print.pop(unknown, None)
    found = {}
    for name, mark in prints.items():
        own = split.get(name, {}).get("fingerprint")
        if mark in by_print:
            found[name] = _nearest(split, name, "fingerprint", mark, by_print)
        elif own == "" or (own == UNREADABLE and mark == UNREADABLE):
            found[name] = name
    return found


def _nearest(
    split: Mapping[str, Mapping[str, str]],
    name: str,
    line: str,
    value: str,
    others: Mapping[str, str],
) -> str:
    """Of several recorded images with one content, the one of the same name."""
    return name if split.get(name, {}).get(line) == value else others[value]


def seen_of(run: Run, samples: Sequence[Sample], found: Found) -> set[str]:
    """Ids of samples that the run was trained or chosen on, whatever they are called now."""
    seen = SeenImages(run.seen)
    unknown = {sample.id for sample in samples if sample.id not in found.recorded}
    return {
        name
        for sample in samples
        if seen.same(name := sample.id, found.contents)
        or (name in unknown and name in seen.among([sample], found.contents))
    }


def changed_annotations(run: Run, samples: Sequence[Sample], found: Found) -> list[str]:
    """Ids of samples whose annotation files are not those they had when training began."""
    now = annotation_fingerprints_of(samples)
    then = {
        sample.id: run.split[found.recorded.get(sample.id, sample.id)].get("annotation", "")
        for sample in samples
        if found.recorded.get(sample.id, sample.id) in run.split
    }
    return sorted(name for name, each in then.items() if each and now[name] != each)


def some(names: Sequence[str], what: str) -> str:
    """How many there are, with the first three by name: "2 test images (a, b)"."""
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{count(len(names), what)} ({shown})"
