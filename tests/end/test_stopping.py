"""Commands that are stopped, refused a folder or told that it is taken, say so in one sentence."""

import errno
import os
import re
import signal
import tempfile

import numpy as np
import pytest

from discs import write_folder
from folders import write
from pixelwise import files
from pixelwise.lock import locked
from pixelwise.training import Learner
from untrained import write_run

TRAIN = "pixelwise train data --out run --steps 6 --size 64 --width 8 --depth 2 --start none"


@pytest.fixture
def stop_at(monkeypatch):
    """Does something in the middle of a step."""

    take = Learner._take

    def set_up(step: int, act) -> None:
        def stopping(self, batch):
            if self.facts.step == step:
                act()
            take(self, batch)

        monkeypatch.setattr(Learner, "_take", stopping)

    return set_up


def interrupt():
    raise KeyboardInterrupt


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("act", "code"), [(interrupt, 130), (terminate, 143)])
def test_training_that_is_stopped_says_what_is_kept_and_what_goes_on(
    tmp_path, type_in, stop_at, act, code
):
    write_folder(tmp_path / "data", 10)
    before = signal.getsignal(signal.SIGTERM)
    stop_at(3, act)
    found, _, said = type_in(TRAIN)
    assert found == code
    assert "run keeps the state after step 3 of 6. The same command resumes from there." in said
    assert f"The command: {TRAIN}" in said and "Traceback" not in said
    assert signal.getsignal(signal.SIGTERM) == before
    assert not (tmp_path / "run" / ".lock").exists()
    stop_at(3, lambda: None)
    assert type_in(TRAIN)[0] == 0


def test_stopped_before_it_began(tmp_path, type_in, monkeypatch):
    write_folder(tmp_path / "data", 10)
    monkeypatch.setattr("pixelwise.training.plan", lambda *_: interrupt())
    code, _, said = type_in(TRAIN)
    assert code == 130 and "Training had not begun; nothing is kept." in said
    assert not (tmp_path / "run").exists()


def test_any_command_that_is_stopped_says_so(tmp_path, type_in, monkeypatch):
    write_folder(tmp_path / "data", 4)
    monkeypatch.setattr("pixelwise.doctor.scan", lambda *_: interrupt())
    code, _, said = type_in("pixelwise check data")
    assert code == 130
    assert said.startswith("Interrupted. Files that were finished are kept, and none is half")
    assert "The command: pixelwise check data" in said


def test_a_folder_in_which_another_process_trains(tmp_path, type_in):
    write_folder(tmp_path / "data", 10)
    with locked(tmp_path / "run"):
        code, _, said = type_in(TRAIN)
    assert code == 2
    assert f"run is being trained already, by process {os.getpid()} on" in said


COMMANDS = {
    "train": "train data --steps 1 --size 64 --out",
    "evaluate": "evaluate run data --out",
    "predict": "predict run data/images --out",
    "export": "export run --out",
    "convert": "convert data --to coco",
    "check": "check data --out",
    "madeup": "madeup --count 1",
    "people": "madeup --what people --count 1",
    "demo": "demo --out",
    "benchmark": "benchmark run --sizes 64 --batches 1 --runtimes torch --out",
}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Data and a run; reading an image, which is work, fails the test."""
    write_folder(tmp_path / "data", 10)
    write_run(tmp_path / "run")

    def work(*_, **__):
        raise AssertionError("this is work")

    for name in ("doctor.scan", "evaluation.score", "exporting.gather", "predictions.load"):
        monkeypatch.setattr(f"pixelwise.{name}", work)
    return tmp_path


def refused(type_in, command: str, out: str, reason: str) -> None:
    code, _, said = type_in(f"pixelwise {COMMANDS[command]} {out}")
    assert code == 2, said
    assert re.search(rf"^Error: \S+ cannot be written( to)?: {reason}\. ", said), said


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize("out", ["file/out", "file/a/b/c.onnx"])
def test_a_folder_that_cannot_be_made_is_found_before_the_work(prepared, type_in, command, out):
    (prepared / "file").write_text("mine")
    refused(type_in, command, out, "Not a directory")
    assert (prepared / "file").read_text() == "mine"


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_takes_no_files_is_found_before_the_work(
    prepared, type_in, monkeypatch, command, code
):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    (prepared / "there").mkdir()
    before = sorted(prepared.rglob("*"))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    refused(type_in, command, "there/out", os.strerror(code))
    assert sorted(prepared.rglob("*")) == before


def test_a_disk_that_is_full_stops_a_prediction_and_is_no_fault_of_the_images(
    tmp_path, type_in, monkeypatch
):
    for index in range(3):
        write(tmp_path / f"images/{index}.png", np.zeros((64, 96, 3), np.uint8))
    write_run(tmp_path / "run")
    monkeypatch.setattr("pixelwise.draw.write_bytes", full)
    monkeypatch.setattr("PIL.Image.Image.save", full)
    code, _, said = type_in("pixelwise predict run images --out out --runtime torch")
    assert code == 2 and "cannot be written: No space left on device" in said
    assert "Skipped" not in said and not list((tmp_path / "out").glob("*"))


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG), "run/.model.x"),
    ],
)
def test_a_refusal_of_the_file_system_is_known_in_any_library(tmp_path, monkeypatch, error):
    monkeypatch.chdir(tmp_path)
    refused = pytest.raises(files.WriteError, match=r"model\.bin cannot be written: \w")
    with refused, files.atomic(tmp_path / "run" / "model.bin") as temporary:
        if isinstance(error, OSError) and error.filename:
            error = OSError(error.errno, error.strerror, str(temporary))
        raise error
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), FileNotFoundError(errno.ENOENT, "No such file", "/else/where")]
)
def test_what_is_no_refusal_is_raised_as_it_was(tmp_path, error):
    raises = pytest.raises(type(error), match=re.escape(str(error)))
    with raises as raised, files.atomic(tmp_path / "model.bin"):
        raise error
    assert raised.value is error


def test_only_what_processes_that_are_gone_were_writing_is_removed(tmp_path):
    own = files.temporary_path(tmp_path / "a.txt", "a", ".txt").name
    gone = own.replace(str(os.getpid()), str(2**22 + 5))
    elsewhere = gone.replace(files._HOST, "0f0f0f")
    kept = {own, elsewhere, ".hidden", "a.part", ".staged.other.5.part", ".a.b.part.txt"}
    weights = f".model.{files._HOST}.4194309.part.safetensors"
    for name in (*kept, gone, weights):
        (tmp_path / name).touch()
    (tmp_path / f".run.{files._HOST}.4194309.part" / "deep").mkdir(parents=True)
    files.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept
