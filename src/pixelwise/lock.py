"""One `train` at a time in the folder of a run: ``RUN/.lock`` while a process trains there.

The operating system holds the lock (flock) and lets it go when the process ends, however that ends;
the file tells people who has it. Where a file system has no such locks, the file alone decides.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pixelwise.files import is_alive, writing
from pixelwise.types import PixelwiseError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = ".lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder, which is made for it, and removed if it stays empty.

    Raises:
        PixelwiseError: another process trains there; it says which.
        WriteError: the file system refuses it.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _take(folder)
        try:
            yield
        finally:
            _release(folder / FILE, descriptor)
    finally:
        for each in made:
            with suppress(OSError):
                each.rmdir()


def _take(folder: Path) -> int:
    """An open file that holds the lock."""
    path = folder / FILE
    with writing(path):
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if not _is_free(descriptor, path):
                    raise PixelwiseError(_held(folder, path))
                # Between opening and locking, its owner may have removed the file.
                if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                    os.truncate(descriptor, 0)
                    os.write(descriptor, json.dumps(_own()).encode())
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)


def _is_free(descriptor: int, path: Path) -> bool:
    """Lock an open file; False where another process has it."""
    if fcntl is None:
        return _is_stale(_read(path))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
            return _is_stale(_read(path))
        raise
    return True


def _release(path: Path, descriptor: int) -> None:
    if fcntl is None:  # Windows removes no open file
        os.close(descriptor)
        path.unlink(missing_ok=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(descriptor)


def _own() -> dict[str, Any]:
    started = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return {"pid": os.getpid(), "host": platform.node(), "boot": _boot(), "started": started}


def _boot() -> str:
    """Something that changes when the computer starts anew; "" where nothing tells."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _read(path: Path) -> dict[str, Any]:
    """What the file says; nothing where it is empty or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_stale(found: dict[str, Any]) -> bool:
    """Whether the process that wrote this is gone for sure."""
    if not isinstance(pid := found.get("pid"), int):
        return True
    if found.get("host") != platform.node():
        return False
    return found.get("boot") != _boot() or not is_alive(pid)


def _held(folder: Path, path: Path) -> str:
    found = _read(path)
    who = (
        f"process {found['pid']} on {found['host']}, since {found['started']}"
        if {"pid", "host", "started"} <= found.keys()
        else "another process"
    )
    is_elsewhere = found.get("host", platform.node()) != platform.node()
    gone = f" If that process is gone, delete {path}." if is_elsewhere or fcntl is None else ""
    return (
        f"{folder} is being trained already, by {who}. Wait for it or end it, or give --out "
        f"another folder.{gone}"
    )
