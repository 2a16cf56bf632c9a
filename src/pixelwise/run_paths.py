"""Folders that a recipe names: in its file they are relative to the run, so that both can move."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pixelwise.recipe import BUILT_IN, Recipe

# Lines of a recipe that can name a folder; "start" and "backbone" can name something else, too.
_LINES = ("data", "start", "backbone")


def portable(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe as a run's folder keeps it: paths relative to it, beginning with "./" or "../"."""
    hints = {name: _hint(path, folder) for name in _LINES if (path := _folder_in(recipe, name))}
    return _with(recipe, hints)


def located(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe that a run's folder keeps, with absolute paths in place of relative ones."""
    texts = {name: getattr(recipe, name) or "" for name in _LINES}
    paths = {
        name: os.path.normpath(folder.resolve() / text)
        for name, text in texts.items()
        if text.startswith(("./", "../"))
    }
    return _with(recipe, paths)


def _with(recipe: Recipe, texts: Mapping[str, str]) -> Recipe:
    changed: dict[str, Any] = dict(texts)
    return replace(recipe, **changed)


def same_lines(then: Recipe, now: Recipe) -> set[str]:
    """The lines that can name a folder and say the same in both, as far as can be known.

    The data is known by its content. A run to initialise from, or a backbone, that is not where
    it was counts as the same under the same name: the weights came from it already.
    """
    found = {"data"}
    for name in _LINES[1:]:
        a, b = getattr(then, name), getattr(now, name)
        if a and b and (Path(a).resolve() == Path(b).resolve() or _is_moved(a, b)):
            found.add(name)
    return found


def _is_moved(then: str, now: str) -> bool:
    return (
        Path(then).is_absolute() and not Path(then).exists() and Path(then).name == Path(now).name
    )


def _folder_in(recipe: Recipe, name: str) -> Path | None:
    """The folder that a line of the recipe names; None where it names no folder."""
    text = getattr(recipe, name)
    if not text or text in ("none", *BUILT_IN):
        return None
    path = Path(text)
    return path if path.is_absolute() or path.is_dir() else None


def _hint(path: Path, folder: Path) -> str:
    """The way from one folder to another, with forward slashes on every system."""
    try:
        way = Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows: the name is all that can be kept
        return f"./{path.name}"
    return way if way.startswith("..") else f"./{way}"
