"""What a user named: runs in the wrong place, and what was meant by a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from pixelwise.recipe import BUILT_IN
from pixelwise.types import PixelwiseError

# Of a folder with more entries not all are compared with a name.
_MOST = 10_000


def is_run_folder(path: Path) -> bool:
    """Whether a folder is a run, or what is left of one."""
    return (path / "recipe.json").is_file() and any(
        (path / name).exists() for name in ("categories.json", "status.json", "model.safetensors")
    )


def is_run(path: Path) -> bool:
    """Whether a path names a run: a folder, or a built-in model."""
    return is_run_folder(path) or (str(path) in BUILT_IN and not path.exists())


def refuse_runs(paths: Iterable[Path], run: object, command: str, expected: str) -> None:
    """Refuse a run where images are expected: the built-in model would be used in its place.

    Args:
        paths: what was given for images.
        run: what was given for the run; None where nothing was, or what was is no run.
        command: such as "predict".
        expected: what belongs there, such as "IMAGES...".

    Raises:
        PixelwiseError: one of the paths is a run; it shows the right order.
    """
    for path in paths:
        if not is_run(path):
            continue
        if run is None:
            raise PixelwiseError(
                f"{path} is a run, and the run comes first: pixelwise {command} {path} {expected}"
            )
        raise PixelwiseError(
            f"{path} is a run, where {expected} is expected; {command} takes one run: "
            f"pixelwise {command} {run} {expected}"
        )


def did_you_mean(path: Path) -> str:
    """A sentence with names close to one that does not exist; empty, or begins with a space.

    They are looked for beside it, and among the runs in ``runs``.
    """
    beside = [path.parent / name for name in _names_in(path.parent)]
    runs = [Path("runs") / name for name in _names_in(Path("runs"))]
    by_name: dict[str, Path] = {}
    for each in (*(run for run in runs if is_run_folder(run)), *beside):
        by_name[each.name.casefold()] = each
    close = get_close_matches(path.name.casefold(), by_name, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(str(by_name[name]) for name in close)}?" if close else ""


def known_runs() -> str:
    """A sentence with runs in ``runs``; empty, or begins with a space."""
    runs = [name for name in sorted(_names_in(Path("runs"))) if is_run_folder(Path("runs") / name)]
    if not runs:
        return ""
    more = ", ..." if len(runs) > 3 else ""
    return f" There is {', '.join(f'runs/{name}' for name in runs[:3])}{more}."


def _names_in(folder: Path) -> list[str]:
    with suppress(OSError):
        visible = (path.name for path in folder.iterdir() if not path.name.startswith("."))
        return list(islice(visible, _MOST))
    return []
