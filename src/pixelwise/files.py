"""Writing that is either done or not: to a temporary name, then renamed. Reading JSON of others.

A temporary name tells which process of which computer writes there, ``.NAME.HOST.PID.part.ENDING``,
so that `sweep` removes what a process that is gone has left, and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pixelwise.types import PixelwiseError

# The longest ending is a frame's, "_000000000000_keypoints.json", and that of a temporary file.
_LONGEST_BYTES = 180
_HOST = blake2b(platform.node().encode(), digest_size=3).hexdigest()
# What is staged is `manifest`'s.
_PART = re.compile(
    r"\.(?!staged\.)(?P<name>.+?)\.(?P<host>[0-9a-f]{6})\.(?P<pid>\d+)\.part(\.[^.]*)?", re.S
)
_BORN = time.time()
# What a file system answers where nothing is wrong with the program.
_REFUSALS = [
    *(errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG),
    *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else []),  # Windows has none
]
# The words of these are known in the errors of libraries, too.
_TOLD = [code for code in _REFUSALS if code not in (errno.EPERM, errno.ENOTDIR, errno.EEXIST)]
_FULL_BYTES = 2**16


class WriteError(PixelwiseError, OSError):
    """A file or folder cannot be written.

    ``place``: which. ``reason``: in the words of the operating system. ``kept``: a sentence.
    """

    def __init__(self, place: Path, reason: str, kept: str = "") -> None:
        kept = kept or "What was written whole before is kept."
        super().__init__(
            f"{place} cannot be written: {reason}. Make room there, give the right to write there, "
            f"or name another folder. {kept}"
        )
        self.place, self.reason = place, reason

    def adding(self, kept: str) -> WriteError:
        """The same with a sentence about what is kept."""
        return WriteError(self.place, self.reason, kept)


@contextmanager
def writing(place: Path, temporary: Path | None = None) -> Iterator[None]:
    """Say what could not be written, and why, where the file system refuses it.

    Args:
        place: where the result goes.
        temporary: where it is written first; a refusal there is one of ``place``.

    Raises:
        WriteError: the disk is full, read-only, somebody else's ...
    """
    try:
        yield
    except WriteError as error:
        if temporary is None or not error.place.is_relative_to(temporary):
            raise
        raise WriteError(place, error.reason) from error
    except Exception as error:
        reason = _refusal(error, place, temporary)
        if reason is None:
            raise
        raise WriteError(place, reason) from error


def _refusal(error: Exception, place: Path, temporary: Path | None) -> str | None:
    """Why a file system refused to write something; None where an error is of another kind."""
    if isinstance(error, PixelwiseError):
        return None
    if isinstance(error, OSError):
        name = error.filename
        if isinstance(name, str | os.PathLike):
            is_own = _is_about(Path(name).absolute(), place.absolute(), temporary)
        else:
            is_own = error.errno in _REFUSALS
        return (error.strerror or str(error)) if is_own else None
    # Libraries that are not written in Python have errors of their own, with the same words.
    told = [os.strerror(code) for code in _TOLD if os.strerror(code) in str(error)]
    if told:
        return told[0]
    return os.strerror(errno.ENOSPC) if _is_full(place.parent) else None


def _is_about(path: Path, place: Path, temporary: Path | None) -> bool:
    """Whether a path is where something is written, or a folder around it, or a file in it."""
    places = [place] if temporary is None else [place, temporary.absolute()]
    return any(path.is_relative_to(each) or each.is_relative_to(path) for each in places)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


def refuse_unwritable(folder: Path) -> None:
    """Find out before the work that a folder takes no files. It is not made, nor anything in it.

    Raises:
        WriteError: it does not, or the folder in which it would be made does not.
    """
    there = folder.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        # Without a name, so that it is gone with the program.
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(bytes(_FULL_BYTES))
            probe.flush()
    except OSError as error:
        raise WriteError(folder, error.strerror or str(error)) from None


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what processes that are gone were writing in a folder; what lives is left alone.

    Args:
        folder: looked through, its folders are not.
        name: of what was being written; None for everything.
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            found = _PART.fullmatch(path.name)
            if found and (name is None or found["name"] == name) and not _is_written(path, found):
                remove(path)


def _is_written(path: Path, found: re.Match[str]) -> bool:
    """Whether a process that is alive, or one of another computer, may be writing there."""
    if found["host"] != _HOST:
        return True
    if int(found["pid"]) == os.getpid():
        # In a container each start may give the same number.
        return path.lstat().st_mtime >= _BORN
    return is_alive(int(found["pid"]))


def is_alive(process: int) -> bool:
    """Whether there is a process with this number on this computer."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def temporary_path(path: Path, name: str, ending: str = "") -> Path:
    """Where a file or folder is written before it gets its name: beside it."""
    return path.with_name(f".{name}.{_HOST}.{os.getpid()}.part{ending}")


@contextmanager
def atomic(path: Path, *, is_apart: bool = False) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends without an error.

    It ends as ``path`` does, because some libraries tell the format from that. The file is as
    readable as the user's umask makes it, whatever mode the library that writes it chose.

    Args:
        path: of the file.
        is_apart: let the temporary file lie in a temporary folder, for libraries that write to
            further names beside it.

    Raises:
        WriteError: the file system refuses it.
    """
    outer = temporary_path(path, path.stem, path.suffix)
    temporary = outer / path.name if is_apart else outer
    with writing(path, outer):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if is_apart:
                outer.mkdir(exist_ok=True)
            temporary.touch()
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)
            temporary.replace(path)
        finally:
            remove(outer)


def shortened(name: str) -> str:
    """A relative POSIX path whose parts leave room for endings such as ``_keypoints.json``.

    File systems take 255 bytes a part. A longer part keeps its beginning and, since others may
    begin like it, gets a hash of the whole.
    """
    return "/".join(_short_part(part) for part in name.split("/"))


def _short_part(part: str) -> str:
    data = os.fsencode(part)
    if len(data) <= _LONGEST_BYTES:
        return part
    mark = "_" + blake2b(data, digest_size=6).hexdigest()
    # A cut through the middle of a character leaves bytes that are none.
    return data[: _LONGEST_BYTES - len(mark)].decode("utf-8", errors="ignore") + mark


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target`` that becomes it when the block ends without an error.

    A ``target`` that is there must be empty by then.

    Raises:
        WriteError: the file system refuses it.
    """
    target = target.absolute()
    temporary = temporary_path(target, target.name)
    with writing(target, temporary):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent, target.name)
        try:
            temporary.mkdir()
            yield temporary
            if target.exists():
                target.rmdir()
            temporary.rename(target)
        finally:
            remove(temporary)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary place of the same name that becomes ``path`` if the block ends without an error.

    What is written there may be a file or a folder; whatever was at ``path`` is gone then.

    Raises:
        WriteError: the file system refuses it.
    """
    folder = temporary_path(path, path.name)
    with writing(path, folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        try:
            folder.mkdir()
            yield folder / path.name
            if path.is_dir():
                shutil.rmtree(path)
            elif (folder / path.name).is_dir():
                path.unlink(missing_ok=True)
            (folder / path.name).replace(path)
        finally:
            remove(folder)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def read_json(path: Path) -> Any:
    """What a JSON file that somebody brought holds.

    Raises:
        PixelwiseError: unreadable, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PixelwiseError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise PixelwiseError(
            f"{path} is damaged or no JSON ({error}): copy or export it again, or take it out of "
            "the folder."
        ) from error
