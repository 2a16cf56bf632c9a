"""What a run will be, written down before anything is learned: recipe, categories, split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.begin import all_begin, beginning, is_empty
from pixelwise.contents import Contents, SeenImages, read_contents
from pixelwise.datasets import Dataset
from pixelwise.fingerprints import dataset_fingerprint
from pixelwise.near_duplicates import MOST_COMPARED
from pixelwise.progress import Progress
from pixelwise.recipe import Facts, Recipe
from pixelwise.refusals import refuse_errors
from pixelwise.run import Run, open_run, open_start
from pixelwise.run_paths import same_lines
from pixelwise.splits import (
    FEWEST,
    Split,
    group_values,
    make_folds,
    make_group_folds,
    make_split,
)
from pixelwise.status import Status
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError, Sample
from pixelwise.words import count

_LOOKED_AT = 32


def look(dataset: Dataset) -> Facts:
    """The facts that a recipe derives itself from; reads up to 32 pictures.

    Raises:
        PixelwiseError: there is no picture, or none of them can be read.
    """
    sizes, things, told = [], [], []
    task = task_of(dataset.categories)
    for index in np.linspace(0, len(dataset) - 1, min(_LOOKED_AT, len(dataset))).astype(int):
        try:
            sizes.append(dataset[int(index)].read_image().shape[:2])
            if task != "semantic":
                annotation = dataset[int(index)].read_annotation()
                things.append(_things(annotation))
                told.append((_has_outlines(annotation), _has_joints(annotation)))
        except PixelwiseError:
            continue
    if not sizes:
        raise PixelwiseError(
            f"{dataset.root} holds no picture that can be read. `pixelwise check` says why."
        )
    height, width = np.median(np.array(sizes), axis=0)
    numbers, things_px = np.array(things or [(0.0, 0.0)]).T
    things_px = things_px[~np.isnan(things_px)]
    shows_joints = any(joints for _, joints in told)
    is_more = len(dataset) > _LOOKED_AT and any(each.skeleton for each in dataset.categories)
    return Facts(
        dataset.layout,
        len(dataset),
        len(dataset.categories),
        (int(height), int(width)),
        task,
        float(np.median(numbers)),
        float(np.median(things_px)) if len(things_px) else 0.0,
        any(outlines for outlines, _ in told) or not shows_joints,
        shows_joints or is_more,
        dataset.white_level,
    )


def task_of(categories: Sequence[Category]) -> str:
    """What annotations with these categories are for: joints, things, things and stuff, or classes.

    The first category of things alone is their background. Where all things have joints, these are
    what the annotations are for; where some have, things are.
    """
    things = [category for category in categories if category.is_thing]
    if not things:
        return "semantic"
    if all(category.skeleton is not None for category in things):
        return "pose"
    return "instance" if all(category.is_thing for category in categories[1:]) else "panoptic"


def _things(annotation: Annotation) -> tuple[float, float]:
    """How many things there are, and the median root of their area in pixels."""
    area = annotation.areas_px
    seen = area[(area > 0) & ~annotation.crowd]
    return float(len(seen)), float(np.median(np.sqrt(seen))) if len(seen) else np.nan


def _has_outlines(annotation: Annotation) -> bool:
    is_known = annotation.semantic != IGNORE
    return bool(annotation.layers.any() or (annotation.semantic[is_known] > 0).any())


def _has_joints(annotation: Annotation) -> bool:
    return annotation.keypoints is not None and bool((annotation.keypoints[..., 2] > 0).any())


def refuse_task(task: str, facts: Facts, dataset: Dataset) -> None:
    """Refuse to learn what the data does not show.

    Raises:
        PixelwiseError: there are no joints, instances or outlines where the task needs them.
    """
    if task == "pose" and not facts.has_joints:
        raise PixelwiseError(
            f"{dataset.root} holds no joints, which the task 'pose' needs. Leave out --task, or "
            "give a folder with joints (COCO keypoints, YOLO pose, LSP, MPII)."
        )
    if task not in ("semantic", "pose") and not any(each.is_thing for each in dataset.categories):
        raise PixelwiseError(
            f"{dataset.root} has classes and no instances, which the task '{task}' needs. "
            "Leave out --task; or, if the masks number their objects, say --masks ids=NAME."
        )
    if task != "pose" and facts.has_joints and not facts.has_outlines:
        raise PixelwiseError(
            f"{dataset.root} holds joints and no outlines, which the task '{task}' needs. Leave "
            "out --task to learn poses."
        )


def plan(
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    on_note: Callable[[str], None],
    backbone: Mapping[str, Any] | None = None,
) -> tuple[Run, ...]:
    """The run, or the runs of a cross-validation: begun now, or found to go on with.

    Raises:
        PixelwiseError: the folder holds a run with other settings or of other data.
    """
    digest = dataset_fingerprint(dataset)
    samples = [dataset[index] for index in range(len(dataset))]
    if recipe.leave_out:
        recipe = replace(recipe, folds=len(group_values(samples, recipe.leave_out)))
    if (folder / "recipe.json").exists():
        run = open_run(folder)
        _same_or_refuse(run, recipe, digest)
        return _at(run, recipe.data)
    # Folds without a whole are what an interruption of an earlier version leaves behind.
    if not (is_new := is_empty(folder)) and not all_begin(folder, "fold-"):
        raise PixelwiseError(f"{folder} is not empty and not a run. Give --out another folder.")
    contents, notes = _read(samples)
    keys, more = contents.together(max(FEWEST, recipe.folds))
    if recipe.folds:
        splits = (
            make_group_folds(samples, recipe.leave_out, recipe.seed, fingerprints=keys)
            if recipe.leave_out
            else make_folds(samples, recipe.folds, recipe.seed, fingerprints=keys)
        )
        # Of the whole, every picture is tested: by the fold that did not see it.
        whole_split = Split(dict.fromkeys(keys, "test"), splits[0].warnings)
    else:
        splits = ()
        whole_split = make_split(samples, recipe.seed, fingerprints=keys)
    for warning in (*notes, *more, *whole_split.warnings):
        on_note(warning)
    seen_before = _seen_before(recipe, samples, splits or (whole_split,), contents)
    refuse_errors(dataset, samples, splits or (whole_split,), contents.same)

    def begun(path: Path, recipe: Recipe, split: Split) -> Run:
        entries = {name: contents.entry(name, split.parts[name]) for name in sorted(keys)}
        run = Run(path, recipe, dataset.categories, entries, digest, backbone, seen_before)
        # Before the recipe: a folder with a recipe.json is complete.
        Status("training", 0, recipe.steps).write(path)
        run.write()
        return run

    with beginning(folder) if is_new else nullcontext():
        runs = [begun(folder / f"fold-{k}", recipe.part(k), part) for k, part in enumerate(splits)]
        # The whole is written last: a folder with a recipe.json is complete.
        whole = begun(folder, recipe, whole_split)
    return tuple(runs) or (whole,)


def _read(samples: Sequence[Sample]) -> tuple[Contents, list[str]]:
    """What the files hold, and a sentence where there are too many to compare their images."""
    with Progress("comparing", len(samples)) as bar:
        contents = read_contents(samples, bar.at)
    if len(samples) <= MOST_COMPARED:
        return contents, []
    return contents, [
        f"With more than {MOST_COMPARED:,} images only files that are equal byte for byte are "
        "kept in one part; images saved again or resized were not looked for."
    ]


def _seen_before(
    recipe: Recipe, samples: Sequence[Sample], splits: Sequence[Split], contents: Contents
) -> tuple[Mapping[str, str], ...]:
    """Contents of all images that the initial weights, and theirs, were trained or chosen on.

    Raises:
        PixelwiseError: some of them would test the run.
    """
    start = open_start(recipe)
    seen = () if start is None else start.seen
    tested = {name for split in splits for name in split.ids("test")}
    found = SeenImages(seen).among([each for each in samples if each.id in tested], contents)
    if start is not None and found:
        raise PixelwiseError(
            f"{count(len(found), 'test image')}, for example {min(found)}, "
            f"{'is' if len(found) == 1 else 'are'} among the images that {start.path}, or a run it "
            "was initialised from, was trained or chosen on, so initialising from it would "
            "inflate the scores. Initialise from a run on other images, or give --start none."
        )
    return seen


def _at(run: Run, data: str) -> tuple[Run, ...]:
    """The run or its folds, to go on with the data where it lies now."""
    for each in (*run.folds, run):
        if each.recipe.data != data and not each.is_finished:
            replace(each, recipe=replace(each.recipe, data=data)).write_recipe()
    run = open_run(run.path)
    _refuse_other_start(run)
    return run.folds or (run,)


def _refuse_other_start(run: Run) -> None:
    """Where initial weights are still to be read they must be those that the record is of.

    Raises:
        PixelwiseError: the run that they are of was trained anew on other images.
    """
    waiting = [
        each for each in run.folds or (run,) if not (each.is_finished or each.state.exists())
    ]
    if not waiting:
        return
    start = open_start(run.recipe)
    if start is not None and start.seen != run.seen_before:
        raise PixelwiseError(
            f"{start.path} was trained on other images since {run.path} was begun. Give --out "
            "another folder."
        )


def _same_or_refuse(run: Run, recipe: Recipe, digest: str) -> None:
    """A run goes on only as what it was begun as; the data may lie elsewhere by now."""
    if digest != run.fingerprint:
        raise PixelwiseError(
            f"The data in {recipe.data} changed since {run.path} was begun. "
            "Give --out another folder to learn from it as it is now."
        )
    then, now = asdict(run.recipe), asdict(recipe)
    same = same_lines(run.recipe, recipe)
    # A budget fixes the number of steps by itself; one that is asked for must be the same.
    changed = [
        name
        for name in now
        if now[name] != then[name] and now[name] is not None and name not in same
    ]
    if changed:
        lines = ", ".join(f"{name} was {then[name]}, is {now[name]}" for name in changed)
        raise PixelwiseError(
            f"{run.path} was begun with other settings ({lines}). Ask for the same to go on, "
            "or give --out another folder."
        )
