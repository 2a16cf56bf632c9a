"""What a command wrote into a folder that a user named: ``pixelwise_manifest.jsonl`` in it.

    {"command": "predict", "run": "mine", "weights": ["5f..."], "pixelwise": "0.1.0", ...}
    {"file": "a_mask.png", "blake2b": "0c..."}

A line for each command that wrote there, then one for each of its files, added just before the file
appears. A file is a command's own while its content is what was written; one that was made or
corrected by hand is not, and is never replaced without being told to.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pixelwise.files import is_alive, refuse_unwritable, remove, writing
from pixelwise.types import PixelwiseError
from pixelwise.words import count

FILE = "pixelwise_manifest.jsonl"
_SHOWN = 3
_WAY_OUT = "Give --out another folder, or move them away."


@dataclass
class Manifest:
    """The files of one folder that commands wrote.

    ``written``: name relative to the folder, POSIX -> hashes of what was written under it, and
    which command of ``commands`` did so last. ``waiting``: the command that has not yet written.
    """

    folder: Path
    commands: list[Mapping[str, Any]] = field(default_factory=list)
    written: dict[str, tuple[set[str], int]] = field(default_factory=dict)
    waiting: Mapping[str, Any] | None = None

    def read(self) -> Manifest:
        """Read what is on disk anew; a last line cut off by an interruption is passed over."""
        self.commands, self.written = [], {}
        for line in _lines(self.folder / FILE):
            if "command" in line:
                self.commands.append(line)
            elif isinstance(name := line.get("file"), str):
                hashes, _ = self.written.get(name, (set[str](), 0))
                self.written[name] = hashes | {str(line.get("blake2b"))}, len(self.commands) - 1
        return self

    def command_of(self, name: str) -> Mapping[str, Any]:
        """The command that wrote a file last; empty where the manifest does not say."""
        _, number = self.written.get(name, (set[str](), -1))
        return self.commands[number] if 0 <= number < len(self.commands) else {}

    def is_own(self, name: str) -> bool:
        """Whether the file with this name is as a command wrote it."""
        path = self.folder / name
        known, _ = self.written.get(name, (set[str](), 0))
        return bool(known) and path.is_file() and not path.is_symlink() and _hash(path) in known

    def foreign(self, names: Iterable[str]) -> list[str]:
        """Those of the names under which there is something that no command wrote so."""
        there = (name for name in names if os.path.lexists(self.folder / name))
        return [name for name in there if not self.is_own(name)]

    def refuse_foreign(self, names: Iterable[str], way_out: str) -> None:
        """Replace nothing that somebody else made.

        Args:
            names: of the files about to be written.
            way_out: what to do about it, a sentence.

        Raises:
            PixelwiseError: there are such files; it names some.
        """
        found = self.foreign(names)
        if not found:
            return
        shown = ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
        made, would = ("was", "It") if len(found) == 1 else ("were", "They")
        raise PixelwiseError(
            f"{self.folder} holds {count(len(found), 'file')} that {made} not written by this "
            f"command, or {made} changed since: {shown}. {would} would be replaced. {way_out}"
        )

    def begin(self, command: Mapping[str, Any]) -> None:
        """Say which command writes now; it is noted with its first file.

        ``command``: has "command", and what else describes it.
        """
        self.waiting = command

    def take(self, staged: Path, name: str, *, overwrite: bool = False) -> None:
        """Move a finished file to its name in the folder, and note it.

        Raises:
            PixelwiseError: there is a file that was not written by this command, and it is not to
                be overwritten; or a folder.
        """
        if not overwrite and self.foreign([name]):
            # Another process may write to this folder, too.
            self.read().refuse_foreign([name], "Give another folder.")
        path = self.folder / name
        if path.is_dir() and not path.is_symlink():
            raise PixelwiseError(f"{path} is a folder, and a file with this name is to be written.")
        if self.waiting is not None:
            self._add(self.waiting)
            self.commands.append(self.waiting)
            self.waiting = None
        digest = _hash(staged)
        self._add({"file": name, "blake2b": digest})
        with writing(path, staged):
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(path)
        self.written[name] = {digest}, len(self.commands) - 1

    def _add(self, line: Mapping[str, Any]) -> None:
        path = self.folder / FILE
        with writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._append(path, line)

    def _append(self, path: Path, line: Mapping[str, Any]) -> None:
        start = "\n" if _is_cut_off(path) else ""
        with path.open("a", encoding="utf-8") as file:
            file.write(start + json.dumps(line) + "\n")


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A hidden folder in ``folder`` for files that are not whole yet; it is gone in the end.

    What an interrupted command left there is removed.

    Raises:
        WriteError: the file system refuses it.
    """
    host = platform.node()
    place = folder / f".staged.{host}.{os.getpid()}.part"
    with writing(folder, place):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f".staged.{host}.*.part"):
            number = path.name.split(".")[-2]
            if number.isdigit() and not is_alive(int(number)):
                remove(path)
        try:
            place.mkdir(exist_ok=True)
            yield place
        finally:
            remove(place)


def refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Before the work of a command that writes a few files into a folder.

    Raises:
        WriteError: the folder takes no files.
        PixelwiseError: see `Manifest.refuse_foreign`.
    """
    refuse_unwritable(folder)
    Manifest(folder).read().refuse_foreign(names, _WAY_OUT)


@contextmanager
def own_files(folder: Path, names: Sequence[str], command: Mapping[str, Any]) -> Iterator[Path]:
    """A hidden folder in ``folder``; when the block ends, the files with these names move there.

    Only what a command wrote is replaced.

    Args:
        folder: where to. names: of the files. command: see `Manifest.begin`.

    Raises:
        PixelwiseError: a file there was not written by a command.
    """
    manifest = Manifest(folder).read()
    manifest.refuse_foreign(names, _WAY_OUT)
    with staging(folder) as place:
        yield place
        manifest.begin(command)
        for name in names:
            manifest.take(place / name, name)


def write_files(folder: Path, texts: Mapping[str, str], command: Mapping[str, Any]) -> None:
    """Write a few files of text, as `own_files` does: name -> content."""
    with own_files(folder, list(texts), command) as place:
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8", newline="")


def own_names(folder: Path) -> frozenset[str]:
    """The names of all files in a folder that commands wrote, whatever became of them since."""
    return frozenset(Manifest(folder).read().written)


def clashing(names: Sequence[str]) -> list[str]:
    """Names that other names equal but for the case of letters; some file systems mix these up."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name.casefold()] = counts.get(name.casefold(), 0) + 1
    return [name for name in names if counts[name.casefold()] > 1]


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise PixelwiseError(f"{path} cannot be read: {error.strerror or error}.") from None
    for line in text.splitlines():
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def _is_cut_off(path: Path) -> bool:
    """Whether a file's last line was cut off by an interruption."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _hash(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
