"""What can be wrong with a folder of pictures and masks: one function for each thing.

An *error* means that training would be wrong: nothing to learn from, or a test that is known
beforehand. A *warning* names pictures that are left out or look wrong, a *note* what was mended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pixelwise.contents import Contents, near_words
from pixelwise.fingerprints import UNREADABLE
from pixelwise.scan import Seen
from pixelwise.splits import FEWEST, Leak, leaks
from pixelwise.types import Category, Sample
from pixelwise.words import count, plural

Severity = Literal["error", "warning", "note"]

_TINY_PX = 32
# Foreground along nearly the whole edge and less of it in the middle: the reverse of a picture
# taken of something. A lesion that fills the field fills the middle too.
_EDGE = 0.9
_MIDDLE = 0.95
# Frames of one film on two sides flatter the numbers, but published splits are made so; one
# patient or one lesion on two sides makes them wrong.
_SERIOUS = ("picture", "patient", "lesion")


@dataclass(frozen=True)
class Finding:
    """Something wrong: how badly, one or two sentences, and the files it is about."""

    severity: Severity
    message: str
    files: tuple[Path, ...] = ()


def unpaired(files: Sequence[Path], root: Path) -> Iterable[Finding]:
    """Pictures without masks and the reverse."""
    if files:
        one = files[0].relative_to(root)
        yield Finding(
            "warning",
            f"{count(len(files), 'file')} without a partner (a picture without an annotation "
            f"or the reverse) {_are(files)} left out, for example {one}.",
            tuple(files),
        )


def unreadable(seen: Sequence[Seen]) -> Iterable[Finding]:
    """Pictures that training would leave out, by reason; too many of them is an error."""
    bad = [each for each in seen if each.problem]
    if not bad:
        return
    usable = len(seen) - len(bad)
    files = tuple(each.sample.files[0] for each in bad)
    severity: Severity = "error" if len(bad) > usable or usable < FEWEST else "warning"
    yield Finding(
        severity,
        f"{len(bad)} of {len(seen)} cannot be used and {_are(bad)} left out. {bad[0].problem}",
        files,
    )
    for each in bad[1:10]:
        yield Finding("warning", each.problem or "", (each.sample.files[0],))
    if len(bad) > 10:
        yield Finding("warning", f"And {len(bad) - 10} more of this kind.", files[10:])


def too_few(count: int) -> Iterable[Finding]:
    """Not enough to split."""
    if count < FEWEST:
        yield Finding(
            "error",
            f"{count} usable annotated pictures are too few to learn from and to test on: at "
            f"least {FEWEST} are needed.",
        )


def labels(seen: Sequence[Seen], categories: Sequence[Category]) -> Iterable[Finding]:
    """Masks that are empty, full or turned inside out; categories that never occur."""
    total = np.sum([each.pixels for each in seen], axis=0)
    present = [category.name for category, n in zip(categories, total, strict=True) if n]
    if len(present) <= 1:
        name = present[0] if present else "nothing"
        yield Finding(
            "error",
            f"Every mask shows {name} alone: there is nothing to tell apart. Check that the masks "
            "are the right files, and what their values mean (--masks).",
        )
        return
    if len(categories) == 2 and not any(each.is_thing for each in categories):
        yield from _two_category_masks(seen, categories[1].name)
    # People may be known by their joints and have no pixel.
    jointed = [each.name for each in categories if each.skeleton and any(s.people for s in seen)]
    missing = [each.name for each in categories if each.name not in (*present, *jointed)]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        yield Finding(
            "note", f"{len(missing)} of {len(categories)} categories never occur: {shown}."
        )


def _two_category_masks(seen: Sequence[Seen], name: str) -> Iterable[Finding]:
    empty = [each for each in seen if each.pixels[1] == 0]
    if empty:
        yield about(empty, "warning", f"mask{_s(empty)} without any {name}")
    full = [each for each in seen if sum(each.pixels) and each.pixels[0] == 0]
    if full:
        yield about(full, "warning", f"mask{_s(full)} where every pixel is {name}")
    inside_out = [each for each in seen if is_inside_out(each)]
    if inside_out and len(inside_out) >= 0.5 * len(seen):
        yield about(
            inside_out,
            "warning",
            f"of {len(seen)} masks look inverted ({name} along the edge, background in the middle)",
            "If background and foreground are changed over, invert the masks.",
        )
    elif inside_out:
        yield about(
            inside_out,
            "warning",
            f"mask{_s(inside_out)} unlike the others, as if inverted ({name} along the edge, "
            "background in the middle)",
            "Look at the contact sheet (--out), and invert what is wrong.",
        )


def is_inside_out(each: Seen) -> bool:
    """Whether the mask of a two-category picture looks inverted."""
    return each.border > _EDGE and each.middle < min(_MIDDLE, each.border)


def sizes(seen: Sequence[Seen]) -> Iterable[Finding]:
    """Tiny pictures, and masks that had to be brought to their pictures' size."""
    tiny = [each for each in seen if min(each.image_hw) < _TINY_PX]
    if tiny:
        yield about(tiny, "warning", f"picture{_s(tiny)} less than {_TINY_PX} pixels wide or high")
    other = [each for each in seen if each.image_hw != each.mask_hw]
    if other:
        (h, w), (H, W) = other[0].mask_hw, other[0].image_hw
        yield about(
            other,
            "note",
            f"mask{_s(other)} of another size than the picture, resized by nearest neighbour "
            f"({w} x {h} to {W} x {H} in the first)",
        )


def copies(seen: Sequence[Seen], prints: Mapping[str, str]) -> Iterable[Finding]:
    """The same picture more than once, all the worse annotated differently."""
    groups: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        if prints.get(each.sample.id, UNREADABLE) != UNREADABLE:
            groups[prints[each.sample.id]].append(each)
    twice = [group for group in groups.values() if len(group) > 1]
    unlike = [group for group in twice if len({each.mask_print for each in group}) > 1]
    if unlike:
        first = [each.sample.id for each in unlike[0]]
        yield Finding(
            "warning",
            f"{count(len(unlike), 'picture')} more than once and annotated differently, for "
            f"example {' and '.join(first[:2])}: keep the right one.",
            tuple(each.sample.files[0] for group in unlike for each in group),
        )
    same = [group for group in twice if group not in unlike]
    if same:
        first = [each.sample.id for each in same[0]]
        yield Finding(
            "note",
            f"{count(len(same), 'picture')} more than once, for example {' and '.join(first[:2])}; "
            "the split keeps copies together.",
            tuple(each.sample.files[0] for group in same for each in group),
        )


def near_duplicates(samples: Sequence[Sample], contents: Contents) -> Iterable[Finding]:
    """Images that look alike: in the folder's own parts, too many to keep together, or any."""
    if not contents.near:
        return
    files = {sample.id: sample.files[0] for sample in samples}
    parts = {sample.id: sample.split for sample in samples if sample.split is not None}
    apart = [
        group
        for group in contents.near
        if len({parts[name] for name in group if name in parts}) > 1 and "train" in parts.values()
    ]
    words = contents.together(FEWEST)[1][0]
    is_kept = words.startswith(near_words(contents.near))
    named = tuple(files[name] for group in contents.near for name in group)
    yield Finding("note" if is_kept else "warning", words, named)
    if apart:
        yield Finding(
            "warning",
            f"{count(len(apart), 'group')} of these images {_are(apart)} in more than one of the "
            f"folder's own parts, for example {' and '.join(apart[0][:2])}: where they are one "
            "image, a test on it measures memory. Move each group to one side.",
            tuple(files[name] for group in apart for name in group),
        )


def leaked(samples: Sequence[Sample], prints: Mapping[str, str]) -> Iterable[Finding]:
    """What the folder's own train, val and test share."""
    declared = {sample.id: sample.split for sample in samples if sample.split is not None}
    if "train" not in declared.values():
        return
    files = {sample.id: sample.files[0] for sample in samples}
    by_fact: dict[str, list[Leak]] = defaultdict(list)
    for leak in leaks(samples, declared, prints):
        by_fact[leak.fact].append(leak)
    for fact, found in by_fact.items():
        first = found[0]
        parts = sorted({declared[name] for name in first.ids if name in declared})
        example = " and ".join(first.ids[:2]) if fact == "picture" else first.value
        yield Finding(
            "error" if fact in _SERIOUS else "warning",
            f"{count(len(found), fact)} in more than one of the folder's own parts, for example "
            f"{example} in {' and '.join(parts)}: a test on what was learned from measures memory. "
            "Move each to one side.",
            tuple(files[name] for leak in found for name in leak.ids),
        )


def about(seen: Sequence[Seen], severity: Severity, what: str, cure: str = "") -> Finding:
    """A finding about pictures: how many, what, the first three, and what to do."""
    names = ", ".join(each.sample.id for each in seen[:3]) + (", ..." if len(seen) > 3 else "")
    message = f"{len(seen)} {what}: {names}. {cure}".strip()
    return Finding(severity, message, tuple(each.sample.files[-1] for each in seen))


def found_in(seen: Sequence[Seen], severity: Severity, what: str, cure: str) -> Finding:
    """As `about`, where what was found is counted by itself and not by pictures."""
    names = ", ".join(each.sample.id for each in seen[:3]) + (", ..." if len(seen) > 3 else "")
    message = f"{what[0].upper()}{what[1:]}, in {count(len(seen), 'picture')}: {names}. {cure}"
    return Finding(severity, message, tuple(each.sample.files[0] for each in seen))


def _s(found: Sequence[object]) -> str:
    return plural(len(found))


def _are(found: Sequence[object]) -> str:
    return "is" if len(found) == 1 else "are"
