"""A run that is killed, or meets a full disk, at any change of the disk ends as any other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_poses import write_crosses

from discs import write_folder
from killed import BROKEN, KILLED, REFUSED

SCRIPT = Path(__file__).parents[1] / "killed.py"
# The first files, the first step, the end; the slow version takes every call.
FEW = {"semantic": "1,5,21,60,97,120,127", "folds": "1,61", "pose": "3,66"}


def folder_of(task: str, tmp_path: Path) -> Path:
    return (write_crosses if task == "pose" else write_folder)(tmp_path / "data", 10)


def try_out(tmp_path: Path, task: str, sites: str, *how: str) -> list[dict]:
    data = folder_of(task, tmp_path)
    command = [sys.executable, SCRIPT, data, tmp_path / "work", task, sites, *how]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    whole, *tries = map(json.loads, found.stdout.splitlines())
    assert "run/recipe.json" in whole["files"]
    assert sites != "all" or len(tries) == whole["count"]
    return tries


def check_kills(tries: list[dict]) -> None:
    assert tries
    for each in tries:
        assert each["ended"] == KILLED, each
        assert each["then"] == 0 and not each["different"], each


def check_refusals(tries: list[dict]) -> None:
    assert tries
    for each in tries:
        # What only tidies up may fail without a word.
        assert each["ended"] in (0, REFUSED) and each["ended"] != BROKEN, each
        if each["ended"] == REFUSED:
            assert "cannot be written: No space left on device" in each["told"], each
        assert each["then"] == 0 and not each["different"], each
    assert any(each["ended"] == REFUSED for each in tries)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("task", ["semantic"])
def test_killed_at_some_calls(tmp_path, task):
    check_kills(try_out(tmp_path, task, FEW[task]))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("task", ["semantic"])
def test_the_disk_is_full_at_some_calls(tmp_path, task):
    check_refusals(try_out(tmp_path, task, FEW[task], "full"))


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(FEW))
def test_killed_at_every_call(tmp_path, task):
    check_kills(try_out(tmp_path, task, "all"))


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(FEW))
def test_the_disk_is_full_at_every_call(tmp_path, task):
    check_refusals(try_out(tmp_path, task, "all", "full"))
