"""What a dataset's images and annotations hold, and which images some weights have seen before.

Images are the same where their files or their decoded pixels are; they are near-duplicates where
they look alike (`near_duplicates`). A run keeps all of it in ``split.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pixelwise.appearance import (
    CODE_BITS,
    SEEN_BITS,
    SEEN_BITS_TURNED,
    TURNS,
    Appearance,
    appearances_of,
    bits_of,
    code_signs,
    low_frequencies,
    signs,
    turned_frequencies,
)
from pixelwise.fingerprints import UNREADABLE, annotation_fingerprints_of, fingerprints_of
from pixelwise.near_duplicates import MOST_COMPARED, near_duplicates
from pixelwise.types import TOGETHER, Sample
from pixelwise.words import count

Entry = Mapping[str, str]
"""What a run keeps of an image: "split", "fingerprint", "annotation", "pixels", "code"."""

# Of a group with more than this share of all images no split can be made that keeps it together.
_LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class Contents:
    """The contents of a dataset by sample id.

    ``fingerprints``: of the image files. ``annotations``: of what annotates them. ``appearances``:
    of the images that could be read; empty where there are too many. ``ties``: what is known to
    keep an image together with others, see `ties_of`.
    """

    fingerprints: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    appearances: Mapping[str, Appearance] = field(default_factory=dict)
    ties: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    @property
    def same(self) -> dict[str, str]:
        """Sample id -> a key that is equal where the files or the decoded pixels are."""
        return {
            name: self.appearances[name].pixels if name in self.appearances else each
            for name, each in self.fingerprints.items()
        }

    @cached_property
    def near(self) -> tuple[tuple[str, ...], ...]:
        """Groups of images that look alike, are not the same, and are not known to be of one video,
        patient or the like, which keeps them together anyway."""
        same, nothing = self.same, frozenset[tuple[str, str]]()
        return tuple(
            group
            for group in near_duplicates(self.appearances)
            if len({same[name] for name in group}) > 1
            and not frozenset.intersection(*(self.ties.get(name, nothing) for name in group))
        )

    def together(self, fewest: int) -> tuple[dict[str, str], tuple[str, ...]]:
        """What a split must keep together, and a sentence where near-duplicates are concerned.

        Args:
            fewest: how many units a split needs; near-duplicates are parted where fewer are left.

        Returns:
            sample id -> a key that is equal for the same images and for near-duplicates.
        """
        keys = self.same
        if not self.near:
            return keys, ()
        joined = _joined(keys, self.near)
        largest = max(len(group) for group in self.near)
        if largest > _LARGEST_SHARE * len(keys) or len(set(joined.values())) < fewest:
            return keys, (_parted(self.near, len(keys)),)
        kept = "Each group is kept in one part, unless the folder's own parts say otherwise."
        return joined, (f"{near_words(self.near)} {kept}",)

    def entry(self, name: str, part: str) -> dict[str, str]:
        """What a run keeps of an image that is in this part."""
        look = self.appearances.get(name)
        return {
            "split": part,
            "fingerprint": self.fingerprints[name],
            "annotation": self.annotations.get(name, ""),
            "pixels": look.pixels if look else "",
            "code": look.code if look else "",
        }


def read_contents(
    samples: Sequence[Sample], on_progress: Callable[[int], None] = lambda done: None
) -> Contents:
    """Read every file of the samples, and decode their images once, where they are not too many."""
    is_few = len(samples) <= MOST_COMPARED
    return Contents(
        fingerprints_of(samples),
        annotation_fingerprints_of(samples),
        appearances_of(samples, on_progress) if is_few else {},
        ties_of(samples),
    )


def ties_of(samples: Iterable[Sample]) -> dict[str, frozenset[tuple[str, str]]]:
    """Sample id -> its facts that keep images together: (fact, value) of `types.TOGETHER`."""
    return {
        sample.id: frozenset(
            (fact, sample.groups[fact]) for fact in TOGETHER if sample.groups.get(fact)
        )
        for sample in samples
    }


def near_words(groups: Sequence[Sequence[str]]) -> str:
    """What near-duplicates are, with an example."""
    images = sum(len(group) for group in groups)
    verb = "looks" if len(groups) == 1 else "look"
    return (
        f"{count(len(groups), 'group')} of images {verb} alike ({images} images, for example "
        f"{' and '.join(groups[0][:2])}): one image saved again, resized or cropped, frames of one "
        "video, or follow-ups of one lesion."
    )


def _joined(keys: Mapping[str, str], groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """The keys with one for each group; what has the key of one in the group gets it too."""
    new = {keys[name]: keys[group[0]] for group in groups for name in group}
    return {name: new.get(key, key) for name, key in keys.items()}


def _parted(groups: Sequence[Sequence[str]], total: int) -> str:
    images = sum(len(group) for group in groups)
    return (
        f"{images} of {total} images look alike, for example {' and '.join(groups[0][:2])}, as "
        "frames of one video do. They are too many to be kept in one part, so that training and "
        "test show nearly the same and the scores will be too high. A table with a column 'video' "
        "(or 'patient') beside the images says which belong together."
    )


# --- what weights have seen ----------------------------------------------------------------------


class SeenImages:
    """Images that weights were trained or chosen on, by their contents.

    Args:
        entries: of runs, each with "fingerprint", and "pixels" and "code" where they are known.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        kept = list(entries)
        self._files = {entry.get("fingerprint", "") for entry in kept} - {"", UNREADABLE}
        self._pixels = {entry.get("pixels", "") for entry in kept} - {""}
        codes = sorted({entry.get("code", "") for entry in kept} - {""})
        self._codes = code_signs(codes) if codes else np.zeros((0, CODE_BITS), np.float32)

    def same_files(self, fingerprints: Mapping[str, str]) -> set[str]:
        """The ids of the files that are among them, byte for byte."""
        return {name for name, each in fingerprints.items() if each in self._files}

    def same(self, name: str, contents: Contents) -> bool:
        """Whether an image is among them, byte for byte or pixel for pixel."""
        look = contents.appearances.get(name)
        is_file = contents.fingerprints[name] in self._files
        return is_file or (look is not None and look.pixels in self._pixels)

    def looks_alike(self, look: Appearance) -> bool:
        """Whether an image, turned in any way, looks like one of them."""
        if not look.code or not len(self._codes):
            return False
        low = low_frequencies(look.thumbnail)
        turns = np.stack([turned_frequencies(low, turn) for turn in range(TURNS)])
        away = (CODE_BITS - self._codes @ signs(bits_of(turns)).T) / 2
        as_it_is, by_turns = away[:, 0].min(), away[:, 1:].min()
        return bool(as_it_is <= SEEN_BITS or by_turns <= SEEN_BITS_TURNED)

    def among(
        self,
        samples: Sequence[Sample],
        contents: Contents | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> dict[str, str]:
        """Which samples they are among: id -> "same", or "near" for a near-duplicate.

        Args:
            samples: to look for.
            contents: of these samples and maybe others, where they were read already. Otherwise
                images whose files are not among them are decoded, if that can tell more.
        """
        if contents is None:
            contents = Contents(fingerprints_of(samples))
            found = self.same_files(contents.fingerprints)
            rest = [sample for sample in samples if sample.id not in found]
            if self._pixels or len(self._codes):
                looks = appearances_of(rest, on_progress)
                contents = Contents(contents.fingerprints, {}, looks)
        ways = {sample.id: self._way(sample.id, contents) for sample in samples}
        return {name: way for name, way in ways.items() if way is not None}

    def _way(self, name: str, contents: Contents) -> str | None:
        if self.same(name, contents):
            return "same"
        look = contents.appearances.get(name)
        return "near" if look is not None and self.looks_alike(look) else None
