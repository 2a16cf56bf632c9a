"""Listing a folder: one scan, no file touched, leftovers of operating systems skipped."""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path

from pixelwise.datasets._pictures import SUFFIXES
from pixelwise.types import PixelwiseError

_SKIPPED = frozenset(("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"))
# Enough to recognise a layout; a folder with a million files is not read for that.
_GLIMPSE_PER_FOLDER = 500
_GLIMPSE = 5_000


def list_files(root: Path) -> list[str]:
    """All files below ``root`` as relative POSIX paths, sorted; hidden files are skipped."""
    return sorted(_walk(root, None, None))


def glimpse(root: Path) -> list[str]:
    """Some of the files below ``root``, from every folder near the top: enough to recognise it."""
    return sorted(_walk(root, _GLIMPSE_PER_FOLDER, _GLIMPSE))


def entries_of(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the folders and of the files in a folder; hidden ones are skipped."""
    folders, files = _entries(folder, None)
    return [name for name, _ in folders], files


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; bytes that are no UTF-8 are replaced.

    Raises:
        PixelwiseError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise PixelwiseError(f"{path} cannot be read: {error.strerror or error}.") from error


def is_picture(file: str) -> bool:
    """Whether the name of a file ends as a picture's does, in any case."""
    return os.path.splitext(file)[1].lower() in SUFFIXES  # noqa: PTH122 - a million times


def pictures(files: list[str]) -> list[str]:
    """Those of ``files`` that are pictures by their names."""
    return [file for file in files if is_picture(file)]


def stem(file: str) -> str:
    """The name without folder and ending."""
    name = file.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def folder_of(file: str) -> str:
    """The folder, relative and POSIX; "" at the top."""
    return file.rpartition("/")[0]


def _walk(root: Path, per_folder: int | None, total: int | None) -> list[str]:
    """Breadth first, so that a glimpse sees every folder at the top."""
    found: list[str] = []
    waiting: deque[tuple[Path, str]] = deque([(root, "")])
    seen = {os.path.realpath(root)}
    while waiting and (total is None or len(found) < total):
        folder, prefix = waiting.popleft()
        folders, files = _entries(folder, per_folder)
        found += [prefix + name for name in files]
        for name, is_link in folders:
            real = os.path.realpath(folder / name) if is_link else ""
            if real in seen:  # a link back up would never end
                continue
            seen |= {real} - {""}
            waiting.append((folder / name, f"{prefix}{name}/"))
    return found


def _entries(folder: Path, limit: int | None) -> tuple[list[tuple[str, bool]], list[str]]:
    """Sub-folders (with whether they are links) and file names, at most ``limit`` of the latter."""
    folders: list[tuple[str, bool]] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if limit is not None and number > 10 * limit:
                    break
                if entry.name.startswith(".") or entry.name.lower() in _SKIPPED:
                    continue
                if _is_folder(entry):
                    folders.append((entry.name, entry.is_symlink()))
                elif (limit is None or len(files) < limit) and not _is_endless(entry):
                    files.append(entry.name)
    except PermissionError as error:
        raise PixelwiseError(
            f"The folder {folder} may not be read: ask for permission to read it."
        ) from error
    return sorted(folders), files


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which is named when it is read
        return False


def _is_endless(entry: os.DirEntry[str]) -> bool:
    """Whether it is a pipe, a device or a socket, or a link to one: reading it may never end."""
    if entry.is_file(follow_symlinks=False):
        return False
    try:
        return not stat.S_ISREG(entry.stat().st_mode)
    except OSError:  # a link to nothing, which is named when it is read
        return False
