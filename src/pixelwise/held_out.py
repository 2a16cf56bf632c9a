"""Which pictures a run may be measured on: those it neither learned from nor was chosen by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pixelwise.contents import SeenImages
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.fingerprints import fingerprints_of
from pixelwise.joints import skeleton_of
from pixelwise.own_data import Found, changed_annotations, is_own, recognise, seen_of, some
from pixelwise.progress import Progress
from pixelwise.run import Run
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError, Sample

_PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Chosen:
    """The pictures to measure a run on, and how they were come by.

    ``runs``: sample id -> the run that predicts it (the fold that did not see it, for a
    cross-validation's own data; all folds as one elsewhere). ``where``: for
    a sentence, "the run's test part". ``is_unseen``: whether nothing was learned from them and the
    weights were not chosen by them. ``part``: "train", "val" or "test" of the run's own data; None
    for another folder. ``left_out``: ids the run had seen. ``fingerprints``: id -> content hash of
    the image file as it is now, of those left out too. ``notes``: sentences a reader of the numbers
    must know.
    """

    samples: tuple[Sample, ...]
    runs: Mapping[str, Run]
    where: str
    is_unseen: bool
    default_out: Path
    data: Path
    fingerprints: Mapping[str, str]
    part: str | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def run_of(self, sample_id: str) -> Run:
        """The run that predicts a sample."""
        return self.runs[sample_id]


def choose(run: Run, data: str | Path | None, split: str | None, masks: str) -> Chosen:
    """The held-out part of the run's own data, or what is new to it in another folder.

    Args:
        run: the run. data: a folder; None for the run's own.
        split: "train", "val" or "test" of the run's own data, instead of what is held out.
        masks: what the other folder's mask values mean.

    Raises:
        PixelwiseError: the run's data is gone, the part is empty, the categories do not match, or
            the run has seen every picture of the folder.
    """
    if split is not None and split not in _PARTS:
        raise PixelwiseError(f"There is no part '{split}'. There are: {', '.join(_PARTS)}.")
    own = Path(run.recipe.data)
    place = own if data is None else Path(data)
    if data is None and not own.is_dir():
        raise PixelwiseError(
            f"The run was trained on {own}, which is not there any more. Say where it is now: "
            f"pixelwise evaluate {run.path} DATA. Images it was trained on are recognised."
        )
    is_named = place.resolve() == own.resolve()
    dataset = open_dataset(place, run.recipe.masks if is_named else masks, run.recipe.white_level)
    if is_named or is_own(run, dataset):
        return _from_own(run, dataset, split)
    if split is not None:
        raise PixelwiseError(
            f"Only the data the run learned from has a '{split}' part, and {data} is another "
            f"folder. Leave out the part, or the folder."
        )
    return _from_elsewhere(run, dataset)


def _from_own(run: Run, dataset: Dataset, split: str | None) -> Chosen:
    runs, own = run.folds or (run,), dataset.root
    held_out = "test" if any(each.ids("test") for each in runs) else "val"
    part = split or held_out
    there = _samples(dataset)
    found = recognise(run, there)
    _refuse_strangers(run, own, found)
    owner = {sample_id: each for each in runs for sample_id in each.ids(part)}
    then = {sample.id: found.recorded.get(sample.id, sample.id) for sample in there}
    of_part = [sample for sample in there if then[sample.id] in owner]
    runs_of = {sample.id: owner[then[sample.id]] for sample in of_part}
    left_out: set[str] = set()
    if part == "test":
        # By their names some were test images, and hold an image from another part now.
        replaced = {name for name in then if name in owner and then[name] not in owner}
        left_out = _left_out(of_part, runs_of, found) | replaced
    samples = tuple(sample for sample in of_part if sample.id not in left_out)
    if not samples:
        raise PixelwiseError(
            f"No picture of the run's {part} part is in {own}. "
            "Choose another part, or give a folder of other pictures."
        )
    notes = [_PART_NOTES[part]] if part in _PART_NOTES else []
    notes += _changes(run, part, of_part, owner, found, left_out)
    altered = changed_annotations(run, samples, found)
    if altered:
        notes.append(
            f"The annotation files of {some(altered, 'image')} changed since the run was begun; "
            "the scores are for the annotations as they are now."
        )
    where = f"the run's {_PART_NAMES[part]} part"
    if len(runs) > 1:
        where = f"the {_PART_NAMES[part]} parts of {len(runs)} folds"
    return Chosen(
        # By fold, so that each fold's pictures come together.
        samples=tuple(sorted(samples, key=lambda sample: str(runs_of[sample.id].path))),
        runs=runs_of,
        where=where,
        is_unseen=part == "test",
        # The report of what is held out is the run's; no other part may take its place.
        default_out=run.path if part == held_out else run.path / f"part-{part}",
        data=own,
        part=part,
        fingerprints=found.contents.fingerprints,
        left_out=tuple(sorted(left_out)),
        notes=tuple(notes),
    )


def _refuse_strangers(run: Run, own: Path, found: Found) -> None:
    """Where the data lay there can be something else by now.

    Raises:
        PixelwiseError: not one file is as it was.
    """
    if run.split and not found.recorded:
        raise PixelwiseError(
            f"Not one image in {own} is as it was when {run.path} was begun. If the data lies "
            f"elsewhere, say where: pixelwise evaluate {run.path} DATA."
        )


def _left_out(samples: Sequence[Sample], runs: Mapping[str, Run], found: Found) -> set[str]:
    """Ids of test images that the run which predicts them was trained or chosen on."""
    by_run: dict[Path, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_run[runs[sample.id].path].append(sample)
    return {name for group in by_run.values() for name in seen_of(runs[group[0].id], group, found)}


def _changes(
    run: Run,
    part: str,
    samples: Sequence[Sample],
    owner: Mapping[str, Run],
    found: Found,
    left_out: Collection[str],
) -> list[str]:
    """A sentence for each way in which the folder is not what it was when training began."""
    now = {found.recorded.get(sample.id, sample.id) for sample in samples}
    gone = len(set(owner) - now)
    changed = [each.id for each in samples if each.id not in found.recorded]
    renamed = [name for name in found.renamed if found.recorded[name] in owner]
    new = [
        name for name in found.contents.fingerprints if name not in {*found.recorded, *run.split}
    ]
    notes = []
    if gone:
        notes.append(f"{gone} pictures of the {part} part are no longer in the folder.")
    if renamed:
        notes.append(
            f"{some(renamed, 'image')} had another name when the run was begun, and "
            f"{'was' if len(renamed) == 1 else 'were'} recognised by content."
        )
    if kept := [name for name in changed if name not in left_out]:
        notes.append(f"{some(kept, 'image')} changed since the run was begun; measured as now.")
    if left_out:
        notes.append(
            f"{some(sorted(left_out), 'image')} left out: the run was trained or chosen on the "
            "same image, or on one much like it."
        )
    if new:
        notes.append(f"{some(sorted(new), 'image')} new since the run was begun: not measured.")
    return notes


_PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
_PART_NOTES = {
    "val": "These pictures chose the weights that were kept (and when to stop): the numbers lean "
    "high. Measure on pictures that had no say in it before publishing.",
    "train": "The model learned from these very pictures: the numbers say how well it remembers, "
    "not how well it works.",
}


def _from_elsewhere(run: Run, dataset: Dataset) -> Chosen:
    data = dataset.root
    match = matched_by_joints if run.recipe.task == "pose" else matched
    mapping, notes = match(dataset.categories, run.categories)
    # A cross-validation predicts other folders by all its folds together: what any of them saw.
    there = _samples(dataset)
    prints = fingerprints_of(there)
    with Progress("comparing", len(there)) as bar:
        known = SeenImages(run.seen).among(there, on_progress=bar.at)
    fresh = [sample for sample in there if sample.id not in known]
    left_out = tuple(name for name in prints if name in known)
    if not fresh:
        raise PixelwiseError(
            f"The run has seen all {len(prints)} pictures of {data} while learning. "
            "Give a folder with other pictures, or leave the folder out for the run's test part."
        )
    if left_out:
        notes.append(f"{len(left_out)} pictures that the run had learned from were left out.")
    if near := sorted(name for name, way in known.items() if way == "near"):
        notes.append(
            f"Of those left out, {some(near, 'image')} "
            f"{'is' if len(near) == 1 else 'are'} not the same file or pixels and "
            f"{'looks' if len(near) == 1 else 'look'} like one that the run was trained on: saved "
            "again, resized, or a frame of the same video."
        )
    return Chosen(
        samples=tuple(_renumbered(sample, mapping) for sample in fresh),
        runs={sample.id: run for sample in fresh},
        where=f"the folder {data.name}",
        is_unseen=True,
        default_out=run.path / f"on-{data.resolve().name}",
        data=data,
        fingerprints=prints,
        left_out=left_out,
        notes=tuple(notes),
    )


def matched(
    theirs: Sequence[Category], ours: Sequence[Category]
) -> tuple[tuple[int, ...], list[str]]:
    """How a folder's category indices become the run's: by name, or else by place.

    Returns:
        index in ``ours`` for each of ``theirs``, and a sentence where names had to be overlooked.

    Raises:
        PixelwiseError: neither the names nor their number match.
    """
    places = {category.name: place for place, category in enumerate(ours)}
    names = [category.name for category in theirs]
    if set(names) <= set(places):
        return tuple(places[name] for name in names), []
    if len(theirs) == len(ours):
        pairs = [f"{a} as {b.name}" for a, b in zip(names, ours, strict=True) if a != b.name]
        return tuple(range(len(ours))), [f"Categories were matched by place: {', '.join(pairs)}."]
    raise PixelwiseError(
        f"The folder has the categories {', '.join(names)}; the run knows {', '.join(places)}. "
        "Give a folder with the same categories, or train a run on this one."
    )


def matched_by_joints(
    theirs: Sequence[Category], ours: Sequence[Category]
) -> tuple[tuple[int, ...], list[str]]:
    """`matched` for poses, of which the joints alone have to be the same.

    What has no joints in the folder becomes the run's first category without any.

    Raises:
        PixelwiseError: other joints.
    """
    place, skeleton = skeleton_of(ours)
    joints = skeleton_of(theirs)[1].joints
    if joints != skeleton.joints:
        raise PixelwiseError(
            f"The folder has the joints {', '.join(joints)}; the run finds "
            f"{', '.join(skeleton.joints)}. Give a folder with the same joints, or train a run on "
            "this one."
        )
    beside = next(k for k, category in enumerate(ours) if category.skeleton is None)
    has_them = [each.skeleton is not None and each.skeleton.joints == joints for each in theirs]
    return tuple(place if each else beside for each in has_them), []


def _renumbered(sample: Sample, mapping: tuple[int, ...]) -> Sample:
    """The sample with its annotation in the run's category indices; 255 stays 255."""
    if mapping == tuple(range(len(mapping))):
        return sample
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[: len(mapping)] = mapping

    def read() -> Annotation:
        found = sample.read_annotation()
        return replace(
            found,
            semantic=table[found.semantic],
            labels=np.array([mapping[label] for label in found.labels], np.int64),
        )

    return replace(sample, read_annotation=read)


def _samples(dataset: Dataset) -> list[Sample]:
    return [dataset[index] for index in range(len(dataset))]
