"""One process at a time in the folder of a run, and none that is gone stands in the way."""

import json
import os
import platform
import subprocess
import sys

import pytest

from pixelwise import lock
from pixelwise.lock import locked
from pixelwise.types import PixelwiseError

HOLD = """
import sys, time
from pathlib import Path
from pixelwise.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def leave(folder, **lines):
    """The file of a process that is gone, or that cannot be seen from here."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {"pid": 2**22 + 5, "host": platform.node(), "boot": lock._boot(), "started": "noon"}
    (folder / lock.FILE).write_text(json.dumps({**known, **lines}))


def test_who_has_it_is_named_and_gone_it_is_free(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "run"], stdout=-1, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        sentence = rf"being trained already, by process {process.pid} on {platform.node()}, since 2"
        with pytest.raises(PixelwiseError, match=sentence), locked(tmp_path / "run"):
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert (tmp_path / "run" / lock.FILE).exists()
    with locked(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / lock.FILE).read_text())["pid"] == os.getpid()
    assert not (tmp_path / "run" / lock.FILE).exists()


def test_it_leaves_nothing_behind(tmp_path):
    with locked(tmp_path / "a" / "run"):
        pass
    assert not list(tmp_path.iterdir())
    with locked(tmp_path / "run"):
        (tmp_path / "run" / "file").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["file"]


def test_twice_in_one_process_is_refused(tmp_path):
    with locked(tmp_path), pytest.raises(PixelwiseError, match="already"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


@pytest.fixture(params=["no module", "no support"])
def without_locks(request, monkeypatch):
    """Windows, and file systems that know no locks."""
    if request.param == "no module":
        monkeypatch.setattr(lock, "fcntl", None)
        return

    def refuse(*_):
        raise OSError(lock.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": true', "9" * 5000])
def test_a_damaged_file_is_no_obstacle(tmp_path, without_locks, text):
    (tmp_path / lock.FILE).write_text(text)
    with locked(tmp_path):
        pass


def test_without_locks_the_file_decides(tmp_path, without_locks):
    leave(tmp_path)
    with locked(tmp_path):
        pass
    leave(tmp_path, pid=os.getpid(), boot="before")
    with locked(tmp_path):
        pass
    leave(tmp_path, pid=os.getpid())
    with pytest.raises(PixelwiseError, match=f"process {os.getpid()} on"), locked(tmp_path):
        pass
    leave(tmp_path, host="elsewhere")
    with pytest.raises(PixelwiseError, match=r"on elsewhere, .*delete .*\.lock"), locked(tmp_path):
        pass


def test_a_file_of_another_computer_is_no_obstacle_where_locks_work(tmp_path):
    leave(tmp_path, host="elsewhere")
    with locked(tmp_path):
        pass
