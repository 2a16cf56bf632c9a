"""`benchmark` as a user types it, on a model that takes no time."""

import csv
import json
import shutil

import pytest
from PIL import Image as Pil

import pixelwise
from pixelwise import benchmarking
from pixelwise.report.speed import Speed, as_csv
from pixelwise.runtimes import known_speeds
from pixelwise.stopwatch import Job, Stopwatch
from pixelwise.types import PixelwiseError
from untrained import write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def test_a_run_is_timed_in_every_runtime_that_is_named(run, type_in):
    pytest.importorskip("onnxruntime")
    code, out, err = type_in(f"pixelwise benchmark {run.path} --runtimes torch,onnx --sizes 40")
    assert code == 0, err
    for words in ("processor", "torch float32", "onnx float32", "40 x 40, 8 pictures at a time"):
        assert words in out, words
    folder = run.path / "benchmark"
    with (folder / "benchmark.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["runtime"], row["batch"]) for row in rows if row["precision"] == "float32"] == [
        *(("torch", "1"), ("onnx", "1"), ("torch", "8"), ("onnx", "8"))
    ]
    for row in rows:
        assert (row["height"], row["width"]) == ("40", "40")
        assert 0 < float(row["median_ms"]) <= float(row["p95_ms"])
        assert int(row["num_looks"]) >= 24
        assert row["peak_mib"] == "" or 10 < float(row["peak_mib"]) < 4000
    facts = json.loads((folder / "benchmark.json").read_text())["machine"]
    assert {"processor", "cores", "threads", "torch", "onnxruntime"} <= set(facts)
    assert Pil.open(folder / "benchmark.png").size[0] > 500
    assert not (run.path / "exports").exists(), "what is exported to be timed is not kept"


def test_what_breaks_down_is_named_and_the_rest_goes_on(run, monkeypatch):
    class Fragile:
        def __init__(self, job):
            self.batch = job.batch

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def times(self, number):
            if self.batch == 2:
                raise PixelwiseError("No memory.")
            return [0.01] * number

        def peak_bytes(self):
            return 2**20

    monkeypatch.setattr(benchmarking, "Stopwatch", Fragile)
    found = pixelwise.benchmark(run.path, batches=[1, 2], runtimes=["torch"])
    assert [(each.batch, each.median_s) for each in found.speeds] == [(1, 0.01)]
    assert known_speeds(run).seconds == {"torch": 0.01}, "so that auto need not measure it again"
    assert found.left_out == (
        "torch float32 is left out at 96 x 64, 2 pictures at a time: No memory.",
    )


def test_the_process_says_what_is_wrong(run, tmp_path):
    shutil.rmtree(run.path)
    with pytest.raises(PixelwiseError, match=r"torch cannot be timed: .* is not a run"):
        Stopwatch(Job("torch", str(run.path), 1, (32, 32), 1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--sizes 8", "--sizes are between 32 and 4096 pixels, not 8"),
        ("--batches 0", "--batches are between 1 and 1024 pictures, not 0"),
        ("--batches many", "--batches are whole numbers"),
        ("--runtimes tvm", "No runtime is called 'tvm'. There are: torch"),
    ],
)
def test_a_wrong_wish_is_one_sentence(run, type_in, options, words):
    code, _, err = type_in(f"pixelwise benchmark {run.path} {options}")
    assert code == 2 and words in err
    assert not (run.path / "benchmark").exists()


def test_a_line_of_the_table():
    speed = Speed("onnx", "int8", (96, 128), 8, 0.012345, 0.02, 640.4, None, 24)
    head, line = as_csv([speed]).splitlines()
    assert head.split(",")[:5] == ["runtime", "precision", "height", "width", "batch"]
    assert line == "onnx,int8,96,128,8,12.35,20,640.4,,24"
