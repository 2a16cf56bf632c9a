"""How far the training of a run got, in words and as JSON: for screens, cards, reports and exports.

A run that was killed, is still being trained or stopped early has weights like any other. Whoever
reads a number or uses a file of such a run is told.
"""

from __future__ import annotations

from typing import Any

from pixelwise.recipe import describe as describe_recipe
from pixelwise.run import Run
from pixelwise.words import count


def warning(run: Run) -> str | None:
    """A sentence about a run that did not take all planned steps; None for one that did.

    Raises:
        PixelwiseError: its files are damaged.
    """
    if run.recipe.folds:
        return _of_folds(run)
    status = run.status
    is_whole = status.is_finished and not status.is_stopped_early
    if is_whole or status.state == "unknown":
        return None
    planned = "" if status.steps is None else f" of {status.steps:,} planned"
    steps = f"{status.step:,}{planned} steps"
    if status.is_stopped_early:
        return (
            f"{run.path.name} stopped early, after {steps}, because the validation score no longer "
            f"rose.{_kept(run)}"
        )
    return (
        f"{run.path.name} is not finished: it was interrupted or is still being trained, after "
        f"{steps}.{_kept(run)} The command that began it goes on."
    )


def describe(run: Run) -> list[str]:
    """What was done, a line each: the recipe, with the steps that were taken."""
    return describe_recipe(run.recipe, length(run))


def length(run: Run) -> str | None:
    """How long a run was trained; None where its files do not say."""
    if run.recipe.folds:
        lengths = list(dict.fromkeys(length(fold) or "?" for fold in run.folds))
        return None if lengths == ["?"] else " or ".join(lengths)
    status = run.status
    if status.step == 0:
        return None
    done = count(status.step, "step")
    if status.is_stopped_early:
        return f"{done} ({status.steps:,} were planned; stopped early)"
    planned = "" if status.steps is None else f"; {status.steps:,} are planned"
    return done if status.is_finished else f"{done} so far (not finished{planned})"


def as_json(run: Run) -> dict[str, Any]:
    """The same for programs.

    "state" ("training" or "finished"), "stopped_early", "step" (taken), "steps" (planned; None:
    not known), "weights_step" (of the weights used; None: not known); of a cross-validation "state"
    and "folds", a list of these.
    """
    if run.recipe.folds:
        folds = [as_json(fold) for fold in run.folds]
        return {"state": run.status.state, "folds": folds}
    status = run.status
    return {
        "state": status.state,
        "stopped_early": status.is_stopped_early,
        "step": status.step,
        "steps": status.steps,
        "weights_step": run.kept_step,
    }


def weights_of(run: Run) -> str | None:
    """Which step the weights are of: "step 18"; None where the files do not say."""
    if run.recipe.folds:
        steps = [weights_of(fold) for fold in run.folds]
        return ", ".join(f"{k}: {step}" for k, step in enumerate(steps) if step) or None
    return None if run.kept_step is None else f"step {run.kept_step:,}"


def _kept(run: Run) -> str:
    kept = weights_of(run)
    return "" if kept is None else f" Its weights are of {kept}."


def _of_folds(run: Run) -> str | None:
    unfinished = [fold for fold in run.folds if fold.status.state == "training"]
    early = [fold for fold in run.folds if fold.status.is_stopped_early]
    if unfinished:
        names = ", ".join(fold.path.name for fold in unfinished)
        return (
            f"{run.path.name} is not finished: it was interrupted or is still being trained "
            f"({names}). The command that began it goes on."
        )
    if early:
        return f"{len(early)} of {len(run.folds)} folds of {run.path.name} stopped early."
    return None
