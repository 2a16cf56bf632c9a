"""What is kept when training is interrupted, or the disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixelwise.files import WriteError
from pixelwise.pace import Facts
from pixelwise.run import Run, open_run, read_facts
from pixelwise.types import PixelwiseError


@contextmanager
def telling_what_is_kept(folder: Path) -> Iterator[None]:
    """Add a note to what ends training from outside: what a run's folder keeps.

    Raises:
        WriteError: as it was raised, with that in its message.
        KeyboardInterrupt: the same one, with that as a note.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        stop.add_note(kept(folder))
        raise
    except WriteError as error:
        raise error.adding(kept(folder)) from error


def kept(folder: Path) -> str:
    """What there is in the folder of a run that is not finished, a sentence or two."""
    with suppress(PixelwiseError, OSError):
        if not (folder / "recipe.json").exists():
            return "Training had not begun; nothing is kept."
        run = open_run(folder)
        done = [fold.path.name for fold in run.folds if fold.is_finished]
        finished = f" and the finished {', '.join(done)}" if done else ""
        last = next((each for each in run.folds or (run,) if not each.is_finished), run)
        return f"{last.path} keeps {_state(last)}{finished}. The same command resumes from there."
    return f"What {folder} keeps cannot be read now."


def _state(run: Run) -> str:
    if not run.state.exists():
        return "the recipe and the split, and no step yet"
    step = Facts.read(read_facts(run.state)["facts"]).step
    planned = f" of {run.recipe.steps}" if run.recipe.steps else ""
    return f"the state after step {step}{planned}"
