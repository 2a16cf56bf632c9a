"""The runtime changes nothing but the time, and the fastest is found once."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import pixelwise
from discs import draw_disc, write_folder
from pixelwise import exported, exporting, machine, runtimes, speeds
from pixelwise.predictor import load
from pixelwise.run import Run, build_model, load_model, open_run, save_weights
from pixelwise.runtimes import TorchRunner
from pixelwise.types import PixelwiseError
from untrained import TASKS, write_run


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pixelwise"


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def test_the_cache_is_the_users(monkeypatch, tmp_path, cache):
    assert machine.cache_folder() == cache
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert machine.cache_folder().is_relative_to(tmp_path)


# The same results.


def exported_in_torch(run: Run, **options: object):
    """A predictor whose exported models are the models themselves."""
    predictor = load(run, **options)
    runners = tuple(TorchRunner(model) for model in predictor.models)
    return predictor, replace(predictor, runners=runners)


def same(one: object, other: object) -> None:
    for name, value in vars(one).items():
        twin = getattr(other, name)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert np.allclose(value, twin, atol=1e-5), name
        elif isinstance(value, np.ndarray):
            assert np.array_equal(value, twin), name
        else:
            assert value == twin, name


@pytest.mark.parametrize("orientation", ["upright", "any"])
@pytest.mark.parametrize("task", list(TASKS))
def test_mirror_images_of_exported_models_come_home(tmp_path, task, orientation):
    run = write_run(tmp_path / "run", task, orientation=orientation)
    one, other = exported_in_torch(run)
    images = np.stack([draw_disc(index, (64, 96))[0] for index in (3, 4)])
    maps, twins = one._maps(images), other._maps(images)
    assert list(maps) == list(twins) == list(run.task().maps)
    for name in maps:
        assert np.allclose(maps[name], twins[name], atol=1e-5)
        assert np.ptp(maps[name]) > 0.01
        assert not np.allclose(maps[name], maps[name][..., ::-1], atol=1e-2)


@pytest.mark.parametrize("options", [{}, {"flips": False}, {"tile_px": 64}])
def test_exported_models_find_the_same(run, options):
    one, other = exported_in_torch(run, **options)
    image, _ = draw_disc(3, (75, 131))
    same(one(image, probs=True), other(image, probs=True))


def test_folds_are_averaged_in_any_runtime(tmp_path):
    whole = write_run(tmp_path / "run", folds=2)
    parts = [write_run(whole.path / f"fold-{k}", seed=k, fold=k) for k in range(2)]
    one, other = exported_in_torch(whole)
    image, _ = draw_disc(3, (75, 131))
    both = other(image, probs=True)
    same(one(image, probs=True), both)
    assert not np.allclose(load(parts[0])(image, probs=True).probs, both.probs, atol=1e-3)


@pytest.mark.parametrize("runtime", list(runtimes.LIBRARIES))
def test_an_installed_runtime_finds_the_same(run, runtime, cache):
    pytest.importorskip(runtimes.LIBRARIES[runtime])
    one, other = load(run), load(run, runtime=runtime)
    assert (other.runtime, len(other.runners)) == (runtime, 1)
    assert list((cache / "exports").glob("*/model*")) and not (run.path / "exports").exists()
    pictures = [draw_disc(index, size)[0] for index, size in enumerate([(64, 96), (75, 131)])]
    for image in [*pictures, np.zeros((33, 40, 3), np.uint8), np.full((65, 64, 3), 255, np.uint8)]:
        same(one(image, probs=True), other(image, probs=True))
    with ThreadPoolExecutor(4) as pool:
        for found, image in zip(pool.map(other, pictures * 4), pictures * 4, strict=True):
            same(other(image), found)


@pytest.mark.parametrize("runtime", list(runtimes.LIBRARIES))
def test_a_file_is_run_without_torch(run, runtime, cache):
    pytest.importorskip(runtimes.LIBRARIES[runtime])
    load(run, runtime=runtime)
    (path,) = (cache / "exports").glob("*/model*")
    code = f"""if True:
        import sys
        from pathlib import Path
        from pixelwise.stopwatch import Job, looks, noise, open_job
        job = Job({runtime!r}, {str(path)!r}, 1, (32, 32), 1)
        looks(open_job(job), noise(1, (32, 32)), 1)
        sys.exit("torch" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("runtime", list(runtimes.LIBRARIES))
def test_a_damaged_file_of_a_runtime_is_made_anew(run, runtime, cache):
    pytest.importorskip(runtimes.LIBRARIES[runtime])
    load(run, runtime=runtime)
    (path,) = (cache / "exports").glob("*/model*")
    whole = {file: file.read_bytes() for file in [path, *path.rglob("*")] if file.is_file()}
    for damage in (lambda text: b"", lambda text: b"\0" * 99, lambda text: text[: len(text) // 2]):
        for file, text in whole.items():
            file.write_bytes(damage(text))
        assert exported.exported_file(run, runtime) is None
    assert load(run, runtime="auto").runtime == "torch"
    assert load(run, runtime=runtime).runtime == runtime
    assert exported.exported_file(run, runtime) == path


# Which one.


@pytest.fixture
def twins(monkeypatch):
    """Runtimes that are the model in torch: ``onnx``, and ``openvino``; how slow, and the log."""

    state = SimpleNamespace(
        opened=[],
        measured=[],
        exported=[],
        refuses=set(),
        seconds={"torch": 0.03, "onnx": 0.02, "openvino": 0.01},
    )

    def export(run, to, precision=None, out=None, data=None, **_):
        state.exported.append(to)
        if to in state.refuses:
            raise PixelwiseError("The file says other things than the model.")
        facts = {"proof": "{}", "weights": exported.weights_fingerprint(run), "run": str(run.path)}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(facts))
        return out

    class Format:
        def __init__(self, name):
            self.name, self.SUFFIX = name, f".{name}"

        def metadata(self, path):
            try:
                return json.loads(path.read_text())
            except ValueError:
                raise PixelwiseError(f"{path} is damaged.") from None

        def open_model(self, path, threads=None):
            state.opened.append(self.name)
            return TorchRunner(load_model(open_run(self.metadata(path)["run"])))

    def in_turns(runners, images, budget_s):
        state.measured.append(list(runners))
        return {name: state.seconds[name] for name in runners}

    monkeypatch.setattr(exporting, "export", export)
    monkeypatch.setattr(exported, "find", lambda folder, name: Format(name))
    monkeypatch.setattr(runtimes, "find", lambda folder, name: Format(name))
    monkeypatch.setattr(runtimes, "is_installed", lambda name: True)
    monkeypatch.setattr(runtimes, "in_turns", in_turns)
    return state


def shelve(run: Run, *names: str) -> None:
    """Proven files in the run's folder; of these names alone."""
    for name in names:
        exporting.export(run, name, out=run.path / "exports" / f"model.{name}")


def test_a_short_job_without_files_stays_with_torch(run, twins, cache):
    assert load(run, runtime="auto").runtime == "torch"
    assert not twins.exported and not twins.measured and not cache.exists()


def test_the_fastest_is_measured_once_and_written_down(run, twins):
    shelve(run, "onnx")
    for _ in range(2):
        assert load(run, runtime="auto").runtime == "onnx"
    assert twins.measured == [["torch", "onnx"]]
    shelve(run, "openvino")
    for _ in range(2):
        assert load(run, runtime="auto").runtime == "openvino"
    assert twins.measured == [["torch", "onnx"], ["torch", "onnx", "openvino"]]


def test_torch_stays_where_it_is_the_fastest(run, twins):
    shelve(run, "onnx")
    twins.seconds["torch"] = 0.001
    for num_pictures in (1, 10**6):
        chosen = load(run, runtime="auto", num_pictures=num_pictures)
        assert (chosen.runtime, chosen.runners) == ("torch", ())
    assert load(run).runtime == "torch" and load(run, runtime="onnx").runtime == "onnx"


def test_a_file_of_earlier_weights_is_none(run, twins):
    shelve(run, "onnx")
    assert load(run, runtime="auto").runtime == "onnx"
    save_weights(run.weights, build_model(run.recipe, run.task()).state_dict())
    assert load(run, runtime="auto").runtime == "torch"


def test_a_long_job_is_exported_once_where_it_pays(run, twins, cache):
    assert load(run, runtime="auto", num_pictures=300).runtime == "torch"
    assert not twins.exported, "18 s of torch do not repay it"
    assert load(run, runtime="auto", num_pictures=50_000).runtime == "openvino"
    assert sorted(set(twins.exported)) == ["onnx", "openvino"]
    assert {path.name for path in run.path.iterdir()} == {
        *("recipe.json", "categories.json", "split.json", "status.json", "model.safetensors")
    }
    before = len(twins.exported)
    assert load(run, runtime="auto").runtime == "openvino" and len(twins.exported) == before


def test_a_failed_proof_leaves_torch_and_is_not_tried_again(run, twins):
    twins.refuses = {"onnx", "openvino"}
    for _ in range(2):
        assert load(run, runtime="auto", num_pictures=50_000).runtime == "torch"
    assert twins.exported == ["onnx", "openvino"]
    with pytest.raises(PixelwiseError, match="other things than the model"):
        load(run, runtime="onnx")


def test_a_damaged_file_is_none(run, twins):
    shelve(run, "onnx")
    (run.path / "exports" / "model.onnx").write_text("{")
    assert load(run, runtime="auto").runtime == "torch"


def test_an_unproven_file_is_none(run, twins):
    shelve(run, "onnx")
    path = run.path / "exports" / "model.onnx"
    assert exported.exported_file(run, "onnx") == path
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({"weights": facts["weights"]}))
    assert exported.exported_file(run, "onnx") is None


def test_the_cache_keeps_the_runs_used_last(tmp_path, twins, cache):
    for number in range(exported._KEPT + 2):
        run = write_run(tmp_path / f"run{number}", seed=number)
        path = exported.export_to_cache(run, "onnx")
        os.utime(path.parent, (number, number))
    first = exported.exported_file(open_run(tmp_path / "run0"), "onnx")
    assert first is None and len(list((cache / "exports").iterdir())) == exported._KEPT


def test_what_is_written_down_comes_back_or_counts_as_nothing(cache):
    known = speeds.Speeds({"model": "a"}, {"torch": 0.5, "onnx": 0.25}, {"openvino": "no"})
    known.write()
    assert speeds.read({"model": "a"}) == known
    assert speeds.read({"model": "b"}) == speeds.Speeds({"model": "b"})
    whole = json.loads(known.path.read_text())
    for wrong in (
        "{",
        "[]",
        json.dumps({**whole, "facts": {"model": "b"}}),
        json.dumps({**whole, "seconds": {"torch": -1.0}}),
        json.dumps({**whole, "seconds": {"torch": float("nan")}}),
        json.dumps({**whole, "seconds": {"torch": "fast"}}),
        json.dumps({**whole, "failed": None}),
    ):
        known.path.write_text(wrong)
        assert not speeds.read({"model": "a"}).seconds, wrong


def test_where_nothing_can_be_kept_everything_still_works(run, twins, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    shelve(run, "onnx")
    assert load(run, runtime="auto").runtime == "onnx"
    (run.path / "exports" / "model.onnx").unlink()
    assert load(run, runtime="auto", num_pictures=50_000).runtime == "torch"


def test_a_runtime_that_cannot_be_is_one_sentence(run, monkeypatch):
    with pytest.raises(PixelwiseError, match="auto, torch, onnx or openvino, not 'tvm'"):
        load(run, runtime="tvm")
    with pytest.raises(PixelwiseError, match="on the CPU here, not on 'cuda'"):
        monkeypatch.setattr(runtimes, "is_installed", lambda name: True)
        load(run, runtime="onnx", device="cuda")


def test_a_missing_library_says_what_to_install(run, type_in, monkeypatch):
    write_folder(Path("data"), 1)
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    code, _, err = type_in(f"pixelwise predict {run.path} data --runtime onnx")
    assert code == 2 and 'pip install "pixelwise[export]"' in err and "onnxruntime" in err
    assert load(run, runtime="auto", num_pictures=50_000).runtime == "torch"


def test_evaluate_measures_the_model_unless_it_is_asked_for_a_file(run, twins, tmp_path):
    shelve(run, "onnx")
    data = write_folder(tmp_path / "data", 8)
    table = pixelwise.evaluate(run.path, data).out / "per_image.csv"
    assert not twins.opened
    asked = pixelwise.evaluate(run.path, data, runtime="onnx", out=tmp_path / "asked")
    assert twins.opened == ["onnx"]
    assert (asked.out / "per_image.csv").read_text() == table.read_text()
    assert "--runtime onnx" in asked.report.read_text()


def test_predict_takes_the_fastest_and_says_so(run, twins, type_in):
    shelve(run, "onnx")
    write_folder(Path("data"), 3, (75, 131))
    code, out, err = type_in(f"pixelwise predict {run.path} data --out fast")
    assert code == 0 and "3 pictures outlined in fast (runtime: onnx)." in out, err
    code, out, err = type_in(f"pixelwise predict {run.path} data --out slow --runtime torch")
    assert code == 0 and "3 pictures outlined in slow." in out, err
    for name in ("disc000_mask.png", "disc002_overlay.jpg", "predictions.jsonl"):
        assert Path("fast", name).read_bytes() == Path("slow", name).read_bytes(), name
