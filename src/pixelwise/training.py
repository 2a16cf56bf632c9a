"""Learning: the only loop.

A run that is killed and started again goes on from its last saved state and ends with the same
bits: batch t depends on (seed, t) alone, and everything else that changes is in the state file.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsFloat

import numpy as np
import torch
from torch import nn

from pixelwise import device as devices
from pixelwise.begin import clear_leftovers
from pixelwise.card import write_card
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.engines import Engine
from pixelwise.files import refuse_unwritable, write_text, writing
from pixelwise.find import find
from pixelwise.interruption import telling_what_is_kept
from pixelwise.loader import Batch, Loader, made_up
from pixelwise.lock import locked
from pixelwise.loggers import Logger
from pixelwise.optimise import rate
from pixelwise.pace import Clock, Facts
from pixelwise.plan import look, plan, refuse_task
from pixelwise.progress import Progress
from pixelwise.recipe import Recipe, derive
from pixelwise.refusals import refuse_size, refuse_unreadable
from pixelwise.run import (
    Run,
    begin_model,
    build_model,
    build_task,
    describe_backbone,
    load_weights,
    open_run,
    open_start,
    save_weights,
)
from pixelwise.splits import Split
from pixelwise.status import Status
from pixelwise.store import Store
from pixelwise.trained import warning
from pixelwise.types import PixelwiseError
from pixelwise.validate import Validation, class_weights, has_plateaued, is_as_good

_MEASURED_SHARE = 0.1
_LEAST_MEASURED = 3
_VALIDATIONS = 20
# Of the time that is left, to steps: a machine is seldom as fast later as when it was measured.
_PLANNED_SHARE = 0.95


def train(
    data: str | Path,
    *,
    out: str | Path | None = None,
    size: int | None = None,
    workers: int = 1,
    loggers: Sequence[str] = (),
    on_note: Callable[[str], None] = print,
    **asked: Any,
) -> Run:
    """Learn from a folder. Called again after an interruption, go on exactly where it was.

    Args:
        data: folder of images and masks, in any layout `open_dataset` recognises.
        out: folder of the run; ``runs/<name of data>`` unless given.
        size: long side of the working size, in pixels.
        workers: threads that prepare batches; changes nothing but the speed.
        loggers: modules of `pixelwise.loggers` that also get the history.
        on_note: gets a sentence for each thing that was decided or left out.
        **asked: lines of `pixelwise.recipe.Recipe`; what is not asked for derives itself. The
            budget is per model: a cross-validation takes it once for each fold.

    Returns:
        the finished run (of a cross-validation, the folder that holds its folds).

    Raises:
        PixelwiseError: the data or a setting is wrong, the run exists with other settings or is
            being trained by another process, the folder cannot be written to (`WriteError`), or
            the loss stopped being a number.
        KeyboardInterrupt: with a note that says what is kept.
    """
    started = time.monotonic()
    dataset = open_dataset(data, asked.get("masks", "auto"), asked.get("white_level"))
    facts = look(dataset)
    recipe = derive(facts, str(Path(data).resolve()), asked, size)
    refuse_task(recipe.task, facts, dataset)
    folder = Path(out) if out else Path("runs") / Path(data).resolve().name
    refuse_unwritable(folder)
    backbone = _try_out(recipe, dataset, folder)
    _tell_of_start(recipe, on_note)
    with locked(folder), telling_what_is_kept(folder):
        clear_leftovers(folder)
        runs = plan(dataset, recipe, folder, on_note, backbone)
        return _train_all(dataset, runs, folder, loggers, workers, on_note, started)


def _train_all(
    dataset: Dataset,
    runs: Sequence[Run],
    folder: Path,
    loggers: Sequence[str],
    workers: int,
    on_note: Callable[[str], None],
    started: float,
) -> Run:
    """Train what is not finished; give the run, or the folder that holds its folds."""
    unfinished = [run for run in runs if not run.is_finished]
    if not unfinished:
        on_note(f"{folder} is finished already. Give --out another folder to learn anew.")
        return _close(folder)
    store = read_pictures(dataset, runs, workers, on_note)
    _refuse_unreadable(store, folder, runs)
    for run in unfinished:
        logs = [find("loggers", name).build(run.path) for name in loggers]
        Learner(run, store, logs, workers, on_note, started).learn()
        started = time.monotonic()
    return _close(folder)


def _close(folder: Path) -> Run:
    """Give a finished run its last card, and a cross-validation its status; open the run.

    A run that was killed after its status was written has the card of a run that goes on.
    """
    run = open_run(folder)
    for fold in run.folds:
        write_card(fold)
    if run.recipe.folds:
        Status("finished").write(folder)
    write_card(run)
    return run


def _tell_of_start(recipe: Recipe, on_note: Callable[[str], None]) -> None:
    """Say that the initial weights are of a run that is not finished."""
    start = open_start(recipe)
    if start is not None and start.status.state == "training" and (said := warning(start)):
        on_note(said)


def _try_out(recipe: Recipe, dataset: Dataset, folder: Path) -> Mapping[str, Any] | None:
    """Refuse what cannot be built before anything is written; give the backbone's description.

    A run that goes on has all it needs in its folder: its backbone may be out of reach by now.
    """
    devices.pick(recipe.device)
    find("engines", recipe.framework).check(recipe)
    if recipe.made_up and len(dataset.categories) != 2:
        raise PixelwiseError(
            f"Made-up nevi are lesion and skin, and {dataset.root} has {len(dataset.categories)} "
            "categories. Leave 'made_up' at 0."
        )
    weights = np.ones(len(dataset.categories), np.float32) if recipe.class_weights else None
    task = build_task(recipe, dataset.categories, weights)
    if (folder / "recipe.json").exists() and (
        run := open_run(folder)
    ).recipe.network == recipe.network:
        refuse_size(build_model(recipe, task, run.backbone), recipe)
        return run.backbone
    backbone = describe_backbone(recipe)
    refuse_size(begin_model(recipe, task, backbone), recipe)
    return backbone


def read_pictures(
    dataset: Dataset, runs: Sequence[Run], workers: int, on_note: Callable[[str], None]
) -> Store:
    """Every picture that some run learns from or is validated on, decoded and shrunk.

    Made-up ones come with them where the recipe has some.
    """
    recipe = runs[0].recipe
    wanted = {name for run in runs for part in ("train", "val") for name in run.ids(part)}
    samples = [s for s in (dataset[i] for i in range(len(dataset))) if s.id in wanted]
    most_learned = max(len(run.ids("train")) for run in runs)
    samples += made_up(recipe, most_learned)
    with Progress("reading", len(samples)) as bar:
        store = Store(
            samples,
            recipe.size_hw,
            runs[0].path,
            workers=max(2, workers),
            tile_px=recipe.tile_px,
            on_progress=bar.at,
        )
    for failure in store.failures:
        on_note(f"Left out: {failure}")
    return store


def _refuse_unreadable(store: Store, folder: Path, runs: Sequence[Run]) -> None:
    """Stop where most images cannot be read, and leave no folder in which nothing was trained."""
    try:
        for run in runs:
            parts = {name: entry["split"] for name, entry in run.split.items()}
            refuse_unreadable(store.failures, store.ids, Split(parts))
    except PixelwiseError:
        if not any((run.path / "history.jsonl").exists() for run in runs):
            shutil.rmtree(folder)
        raise


class Learner:
    """One run being learned: the engine that takes its steps, and how far it is.

    ``on_step`` gets the averaged model after every step, for whoever measures learning while it
    happens.
    """

    def __init__(
        self,
        run: Run,
        store: Store,
        loggers: Sequence[Logger],
        workers: int,
        on_note: Callable[[str], None],
        started: float,
        on_step: Callable[[nn.Module], None] | None = None,
    ) -> None:
        self.run, self.recipe = run, run.recipe
        self._loggers, self._workers, self._note, self._started = loggers, workers, on_note, started
        self._on_step = on_step
        self._device = devices.pick(self.recipe.device)
        devices.make_exact(self._device)
        there = set(store.ids)
        own_ids = [name for name in run.ids("train") if name in there]
        train_ids = own_ids + sorted(there - run.split.keys())
        val_ids = [name for name in run.ids("val") if name in there]
        weights = class_weights(store, train_ids, run) if self.recipe.class_weights else None
        self._task = build_task(self.recipe, run.categories, weights)
        torch.manual_seed(self.recipe.seed)
        # What goes on needs no pretrained weights, and may not find them any more.
        start = build_model if run.state.exists() else begin_model
        model = start(self.recipe, self._task, run.backbone)
        stride = model.stride
        engine = find("engines", self.recipe.framework)
        self.engine: Engine = engine.build(model, self.recipe, self._task, self._device)
        self._loader = Loader(store, train_ids, self.recipe, self._task, stride)
        self._validation = Validation(store, val_ids, self.recipe, self._task)
        self._pending: list[tuple[int, tuple[str, ...], Mapping[str, SupportsFloat]]] = []
        self._learning_rate = 0.0
        self.facts = Facts()

    def learn(self) -> None:
        """Take every step that is left; then write the weights and the card."""
        self._resume()
        clock = Clock(self.facts.step, self.recipe.batch)
        # Killed after its last step, a run has none left: its end must not depend on that.
        last = self.facts.step if self._is_over() else self.recipe.steps
        batches = self._loader.stream(self.facts.step, last, self._workers)
        with Progress("learning", self.recipe.steps) as bar, closing(batches):
            for batch in batches:
                self._take(batch)
                clock.tick(self.facts.step)
                if self._on_step:
                    self._on_step(self.engine.average)
                if self.recipe.steps is None:
                    self._measure(clock)
                elif self._is_due():
                    self._validate(clock)
                    self._save()
                elif clock.is_time_to_save():
                    self._save()
                bar.at(self.facts.step, total=self.recipe.steps, words=self._words(clock))
                if self._is_over():
                    break
        self._finish()

    def _take(self, batch: Batch) -> None:
        """One step of the optimiser."""
        step = self.facts.step
        self._learning_rate = self.recipe.learning_rate * rate(step, self.recipe.steps)
        terms = self.engine.take(batch, step, self._learning_rate)
        self._pending.append((step, batch.ids, terms))
        # Reading a number waits for the GPU: there, ten steps at a time.
        if self._device.type == "cpu" or len(self._pending) == 10:
            self._read_losses()
        self.facts.step += 1

    def _read_losses(self) -> None:
        """Add the pending losses to the sums, and stop where one is no number."""
        for step, ids, terms in self._pending:
            values = {name: float(value) for name, value in terms.items()}
            if not all(math.isfinite(value) for value in values.values()):
                raise PixelwiseError(
                    f"The loss stopped being a number at step {step} ({values}), on the pictures "
                    f"{', '.join(ids)}. Learn more slowly (--learning-rate "
                    f"{self.recipe.learning_rate / 4:g}), and look at these pictures with "
                    "`pixelwise check`."
                )
            self.facts.add(values)
        self._pending.clear()

    def _measure(self, clock: Clock) -> None:
        """Fix the number of steps once a tenth of the budget has gone into steps."""
        assert self.recipe.budget_s is not None
        if (
            clock.taken < _LEAST_MEASURED
            or clock.elapsed_s < _MEASURED_SHARE * self.recipe.budget_s
        ):
            return
        before = time.monotonic()
        self._validation.scores(self.engine.average, self._device)
        now = time.monotonic()
        left_s = self.recipe.budget_s - (now - self._started) - (_VALIDATIONS - 1) * (now - before)
        steps = max(
            self.facts.step * 10,
            self.facts.step + int(_PLANNED_SHARE * left_s / clock.seconds_per_step),
        )
        self.recipe = replace(self.recipe, steps=steps)
        self.run = replace(self.run, recipe=self.recipe)
        self.run.write_recipe()
        self._tell("training")
        size = max(self.recipe.size_hw)
        self._note(f"{steps} steps fit the budget; --steps {steps} --size {size} repeats this run.")

    @property
    def _validate_every(self) -> int:
        assert self.recipe.steps is not None
        return max(1, -(-self.recipe.steps // _VALIDATIONS))

    def _is_due(self) -> bool:
        return self.facts.step % self._validate_every == 0 or self.facts.step == self.recipe.steps

    def _validate(self, clock: Clock) -> None:
        """Score the averaged weights, keep them unless they got worse, write a line of history."""
        self._read_losses()
        average = self.engine.average
        scores = self._validation.scores(average, self._device)
        if is_as_good(scores, self.facts.best_scores):
            self.facts.kept_step = self.facts.step
            step = str(self.facts.step)
            save_weights(self.run.weights, average.state_dict(), step=step)
        self.facts.scores.append(float(scores.mean()))
        if not self.facts.best_scores or scores.mean() > np.mean(self.facts.best_scores):
            self.facts.best_scores = scores.tolist()
        line = {
            "step": self.facts.step,
            **self.facts.take_losses(),
            "learning_rate": self._learning_rate,
            "val_score": float(scores.mean()),
            "pictures_per_s": round(clock.pictures_per_s, 2),
        }
        path = self.run.path / "history.jsonl"
        with writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for logger in self._loggers:
            logger(line)

    def _is_over(self) -> bool:
        return self.facts.step == self.recipe.steps or self._has_plateaued()

    def _has_plateaued(self) -> bool:
        if self.recipe.steps is None:
            return False
        every = self._validate_every
        kept, planned = (-(-steps // every) for steps in (self.facts.kept_step, self.recipe.steps))
        return has_plateaued(self.facts.scores, kept, planned, self.recipe.patience)

    def _words(self, clock: Clock) -> str:
        scores = self.facts.best_scores
        best = f"  val {np.mean(scores):.3f}" if scores else ""
        return f"loss {self.facts.loss:.3f}{best}  {clock.pictures_per_s:.1f} pictures/s"

    def _save(self) -> None:
        """Everything going on needs, in one file, whole or not at all."""
        self._read_losses()
        save_weights(self.run.state, self.engine.pack(), facts=self.facts.write())
        self._tell("training")

    def _resume(self) -> None:
        """Go back to the saved state, where there is one; drop history that came after it."""
        lines: list[str] = []
        if self.run.state.exists():
            tensors, texts = load_weights(self.run.state)
            self.engine.unpack(tensors)
            self.facts = Facts.read(texts["facts"])
            lines = [
                json.dumps(line) for line in self.run.history if line["step"] <= self.facts.step
            ]
            self._note(f"Going on from step {self.facts.step} of {self.recipe.steps}.")
        write_text(self.run.path / "history.jsonl", "".join(f"{line}\n" for line in lines))

    def _tell(self, state: str) -> None:
        """Write how far training is: for programs, and where there are weights in the card."""
        Status(state, self.facts.step, self.recipe.steps).write(self.run.path)
        if self.run.weights.exists():
            write_card(self.run)

    def _finish(self) -> None:
        """The last weights and the card; the state is not needed any more."""
        weights = self.engine.average.state_dict()
        save_weights(self.run.path / "last.safetensors", weights, step=str(self.facts.step))
        for logger in self._loggers:
            logger.close()
        self._tell("finished")
        if said := warning(self.run):
            self._note(said)
        shutil.rmtree(self.run.state.parent, ignore_errors=True)
