"""What a run will be, written down before anything is learned: recipe, categories, split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise.begin import all_begin, beginning, is_empty
from pixelwise.datasets import Dataset
from pixelwise.fingerprints import dataset_fingerprint, fingerprints_of
from pixelwise.recipe import Facts, Recipe
from pixelwise.refusals import refuse_errors
from pixelwise.run import Run, open_run, open_start
from pixelwise.splits import (
    Split,
    group_values,
    make_folds,
    make_group_folds,
    make_split,
)
from pixelwise.status import Status
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError

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
        return run.folds or (run,)
    # Folds without a whole are what an interruption of an earlier version leaves behind.
    if not (is_new := is_empty(folder)) and not all_begin(folder, "fold-"):
        raise PixelwiseError(f"{folder} is not empty and not a run. Give --out another folder.")
    prints = fingerprints_of(samples)
    if recipe.folds:
        splits = (
            make_group_folds(samples, recipe.leave_out, recipe.seed, fingerprints=prints)
            if recipe.leave_out
            else make_folds(samples, recipe.folds, recipe.seed, fingerprints=prints)
        )
        # Of the whole, every picture is tested: by the fold that did not see it.
        whole_split = Split(dict.fromkeys(prints, "test"), splits[0].warnings)
    else:
        splits = ()
        whole_split = make_split(samples, recipe.seed, fingerprints=prints)
    for warning in whole_split.warnings:
        on_note(warning)
    _refuse_seen(recipe, splits or (whole_split,), prints)
    refuse_errors(dataset, samples, splits or (whole_split,), prints)

    def begun(path: Path, recipe: Recipe, split: Split) -> Run:
        entries = {i: {"split": split.parts[i], "fingerprint": prints[i]} for i in sorted(prints)}
        run = Run(path, recipe, dataset.categories, entries, digest, backbone)
        # Before the recipe: a folder with a recipe.json is complete.
        Status("training", 0, recipe.steps).write(path)
        run.write()
        return run

    with beginning(folder) if is_new else nullcontext():
        runs = [begun(folder / f"fold-{k}", recipe.part(k), part) for k, part in enumerate(splits)]
        # The whole is written last: a folder with a recipe.json is complete.
        whole = begun(folder, recipe, whole_split)
    return tuple(runs) or (whole,)


def _refuse_seen(recipe: Recipe, splits: Sequence[Split], prints: Mapping[str, str]) -> None:
    """No picture that taught the model a run starts from may test that run."""
    start = open_start(recipe)
    if start is None:
        return
    taught = {each["fingerprint"] for each in start.split.values() if each["split"] != "test"}
    tested = {name for split in splits for name in split.ids("test") if prints[name] in taught}
    if tested:
        raise PixelwiseError(
            f"{len(tested)} test pictures, such as {min(tested)}, taught {start.path}, so starting "
            "from it would flatter the numbers. Start from a run on other pictures, or give "
            "--start none."
        )


def _same_or_refuse(run: Run, recipe: Recipe, digest: str) -> None:
    """A run goes on only as what it was begun as."""
    if digest != run.fingerprint:
        raise PixelwiseError(
            f"The data in {recipe.data} changed since {run.path} was begun. "
            "Give --out another folder to learn from it as it is now."
        )
    then, now = asdict(run.recipe), asdict(recipe)
    # A budget fixes the number of steps by itself; one that is asked for must be the same.
    changed = [name for name in now if now[name] != then[name] and now[name] is not None]
    if changed:
        lines = ", ".join(f"{name} was {then[name]}, is {now[name]}" for name in changed)
        raise PixelwiseError(
            f"{run.path} was begun with other settings ({lines}). Ask for the same to go on, "
            "or give --out another folder."
        )
