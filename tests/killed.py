"""Trains, and is killed or refused at a chosen call that changes the file system.

    python killed.py DATA FOLDER TASK SITES

SITES: "all", or numbers such as 0,3,7. Prints a line of JSON for each: the site, how the first
process ended, and what differs after the second one, in which nothing happens. The first line says
how many calls there are.

Each process is forked from one that has imported everything, so that it takes a fraction of a
second. The calls are seen through audit events, which Python raises before it opens a file to
write, renames, makes or removes; writing of safetensors, which is not Python's, raises its own.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import safetensors.torch

from pixelwise.training import train
from small import SMALL

KILLED, REFUSED, BROKEN = 99, 2, 3
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "native"}
TASKS = {
    "semantic": {"steps": 2},
    "folds": {"steps": 1, "folds": 2},
    "pose": {"steps": 2},
}
_save = safetensors.torch.save_file


def save_in_parts(tensors, path, metadata=None):
    """As the library does: to a name by chance, then renamed; with a call of its own between."""
    sys.audit("native", str(path))
    by_chance = Path(path).parent / ".tmpABCDEF"
    by_chance.write_bytes(b"half")
    sys.audit("native", str(path))
    _save(tensors, path, metadata)
    by_chance.unlink()


safetensors.torch.save_file = save_in_parts


class Watch:
    """Counts the calls below a folder and does something at one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count, self.site, self.act = str(folder), 0, None, lambda: None
        sys.addaudithook(self._see)

    def at(self, site, act) -> None:
        self.count, self.site, self.act = 0, site, act

    def _see(self, event, arguments) -> None:
        if not (event in CHANGES or (event == "open" and self._is_write(arguments))):
            return
        if not str(arguments[0]).startswith(self.folder):
            return
        self.count += 1
        if self.count - 1 == self.site:
            self.act()

    @staticmethod
    def _is_write(arguments) -> bool:
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def once(watch: Watch, data: Path, run: Path, task: str, site=None, act=lambda: None) -> tuple:
    """Train in a process of its own; how it ended, what it said, and how many calls there were."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        watch.at(site, act)
        code, said = 0, ""
        try:
            train(data, out=run, start="none", **TASKS[task], **SMALL)
        except Exception as error:
            from pixelwise.types import PixelwiseError

            code = REFUSED if isinstance(error, PixelwiseError) else BROKEN
            said = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps([said, watch.count]).encode())
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said, count = json.loads(text) if text else ("", 0)
    return code, said, count


def contents(run: Path) -> dict[str, str]:
    """Name -> hash of every file and folder; without what depends on the time."""
    found = {}
    for path in sorted(run.parent.rglob("*")):
        data = b"" if path.is_dir() else path.read_bytes()
        if path.name == "history.jsonl":
            lines = [json.loads(line) for line in data.splitlines()]
            data = json.dumps([{**line, "pictures_per_s": 0} for line in lines]).encode()
        found[str(path.relative_to(run.parent))] = hashlib.sha256(data).hexdigest()
    return found


def kill() -> None:
    os._exit(KILLED)


def fill() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def main() -> None:
    data, folder, task, sites = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    act = fill if "full" in sys.argv[5:] else kill
    place = folder / "place"
    run = place / "run"
    watch = Watch(place)

    def fresh() -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)

    fresh()
    code, said, count = once(watch, data, run, task)
    assert code == 0, said
    whole = contents(run)
    chosen = (
        range(count) if sites == "all" else [int(n) for n in sites.split(",") if int(n) < count]
    )
    print(json.dumps({"count": count, "files": sorted(whole)}), flush=True)
    for site in chosen:
        fresh()
        first, told, _ = once(watch, data, run, task, site, act)
        second, said, _ = once(watch, data, run, task)
        found = contents(run)
        different = sorted(n for n in found.keys() | whole.keys() if found.get(n) != whole.get(n))
        result = {"site": site, "ended": first, "told": told, "then": second, "said": said}
        print(json.dumps(result | {"different": different}), flush=True)


if __name__ == "__main__":
    main()
