"""Writing that is either done or not: to a temporary name, then renamed. Reading JSON of others."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pixelwise.types import PixelwiseError

# The longest ending is a frame's, "_000000000000_keypoints.json", and that of a temporary file.
_LONGEST_BYTES = 180


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends without an error.

    It ends as ``path`` does, because some libraries tell the format from that. The file is as
    readable as the user's umask makes it, whatever mode the library that writes it chose.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    temporary.touch()
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary place of the same name that becomes ``path`` if the block ends without an error.

    What is written there may be a file or a folder; whatever was at ``path`` is gone then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.name}.{os.getpid()}.part")
    folder.mkdir()
    try:
        yield folder / path.name
        if path.is_dir():
            shutil.rmtree(path)
        elif (folder / path.name).is_dir():
            path.unlink(missing_ok=True)
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
