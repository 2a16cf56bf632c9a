"""Writing the first files of a run, so that an interruption leaves nothing that stands in the way.

While they are written, ``RUN/.begun`` says that everything in the folder is the run's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelwise import lock
from pixelwise.files import remove, sweep, writing
from pixelwise.status import read_status

_MARK = ".begun"
# Written last of all.
_LAST = "recipe.json"


@contextmanager
def beginning(folder: Path) -> Iterator[None]:
    """Write a run into an empty folder: whole, or the folder is left as empty as it was."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
    try:
        yield
    except BaseException:
        tidy(folder)
        raise
    remove(folder / _MARK)


def tidy(folder: Path) -> None:
    """Empty the folder of a run that was only half begun."""
    if not (folder / _MARK).exists():
        return
    if not (folder / _LAST).exists():
        for path in folder.iterdir():
            # The mark goes last: until then the rest is known as the run's own.
            if path.name not in (lock.FILE, _MARK):
                remove(path)
    remove(folder / _MARK)


def is_empty(folder: Path) -> bool:
    """Whether there is nothing in a folder but what `train` has there for a while."""
    return all_begin(folder, lock.FILE)


def all_begin(folder: Path, *beginnings: str) -> bool:
    """Whether all names in a folder, but for the lock, begin so; True where there is no folder."""
    if not folder.exists():
        return True
    return all(path.name.startswith((*beginnings, lock.FILE)) for path in folder.iterdir())


def clear_leftovers(folder: Path) -> None:
    """Remove what an interruption left in the folder of a run, and in its folds; see `locked`."""
    tidy(folder)
    for run in (folder, *folder.glob("fold-*")):
        sweep(run)
        if read_status(run).is_finished:
            remove(run / "state")
        else:
            sweep(run / "state")
