"""Which image is which: after renaming, moving, saving again, and through initial weights."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from discs import draw_disc, write_folder
from pixelwise.doctor import check
from pixelwise.fingerprints import fingerprint
from pixelwise.held_out import choose
from pixelwise.run import Run, open_run
from pixelwise.training import train
from pixelwise.types import PixelwiseError
from small import SMALL

TINY = {**SMALL, "steps": 2, "width": 4, "start": "none"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Run]:
    root = tmp_path_factory.mktemp("identity")
    data = write_folder(root / "data", 12)
    return data, train(data, out=root / "runs" / "a", **TINY)


@pytest.fixture
def own(made, tmp_path) -> Run:
    """The run and its data, in a place of their own; the run is in runs/a, the data in data."""
    data, run = made
    shutil.copytree(data, tmp_path / "data")
    shutil.copytree(run.path, tmp_path / "runs" / "a")
    return open_run(tmp_path / "runs" / "a")


def data_of(run: Run) -> Path:
    return run.path.parents[1] / "data"


def swap(data: Path, one: str, other: str) -> None:
    for folder in ("images", "masks"):
        a, b = data / folder / f"{one}.png", data / folder / f"{other}.png"
        first, second = a.read_bytes(), b.read_bytes()
        a.write_bytes(second)
        b.write_bytes(first)


def measured(run: Run, data: Path | None = None) -> set[str]:
    return {sample.id for sample in choose(run, data, None, "auto").samples}


# --- the run's own folder ------------------------------------------------------------------------


def test_an_unchanged_folder_is_measured_without_a_note(own):
    chosen = choose(own, None, None, "auto")
    assert {each.id for each in chosen.samples} == set(own.ids("test"))
    assert not chosen.notes and not chosen.left_out
    files = {each.id: fingerprint(each.files[0]) for each in chosen.samples}
    assert {name: chosen.fingerprints[name] for name in files} == files


def test_a_test_image_replaced_by_a_training_image_is_left_out(own):
    test, training = own.ids("test")[0], own.ids("train")[0]
    for folder in ("images", "masks"):
        names = (data_of(own) / folder / f"{name}.png" for name in (training, test))
        shutil.copy(*names)
    chosen = choose(own, None, None, "auto")
    assert test not in {each.id for each in chosen.samples} and chosen.left_out == (test,)
    assert chosen.fingerprints[test] == own.split[training]["fingerprint"]
    assert any(test in note and "left out" in note for note in chosen.notes)


def test_a_training_image_saved_again_under_a_test_images_name_is_left_out(own):
    test, training = own.ids("test")[0], own.ids("train")[0]
    image = cv2.imread(str(data_of(own) / "images" / f"{training}.png"))
    cv2.imwrite(
        str(data_of(own) / "images" / f"{test}.png"), image, [cv2.IMWRITE_PNG_COMPRESSION, 0]
    )
    assert test not in measured(own)


def test_renumbered_files_are_found_by_content(own):
    test, training = own.ids("test")[0], own.ids("train")[0]
    swap(data_of(own), test, training)
    chosen = choose(own, None, None, "auto")
    assert {each.id for each in chosen.samples} == {training, *own.ids("test")[1:]}
    assert chosen.left_out == (test,)
    assert any(training in note and "another name" in note for note in chosen.notes)


def test_a_test_image_saved_again_is_still_one_and_nothing_is_left_out(own):
    test = own.ids("test")[0]
    path = data_of(own) / "images" / f"{test}.png"
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    chosen = choose(own, None, None, "auto")
    assert test in measured(own) and not chosen.notes


def test_a_changed_test_image_and_a_changed_mask_are_named(own):
    first, second = own.ids("test")[:2]
    image, _ = draw_disc(900)
    cv2.imwrite(str(data_of(own) / "images" / f"{first}.png"), image)
    cv2.imwrite(str(data_of(own) / "masks" / f"{second}.png"), np.eye(48, 64, dtype=np.uint8) * 255)
    chosen = choose(own, None, None, "auto")
    assert measured(own) == set(own.ids("test"))
    assert any(first in note and "changed since" in note for note in chosen.notes)
    assert any(second in note and "annotation" in note for note in chosen.notes)


def test_new_images_in_the_folder_are_named_and_not_measured(own):
    image, mask = draw_disc(901)
    cv2.imwrite(str(data_of(own) / "images" / "new.png"), image)
    cv2.imwrite(str(data_of(own) / "masks" / "new.png"), mask.astype(np.uint8) * 255)
    chosen = choose(own, None, None, "auto")
    assert measured(own) == set(own.ids("test"))
    assert any("(new)" in note and "not measured" in note for note in chosen.notes)


def test_other_data_where_the_runs_own_lay_is_not_taken_for_it(own):
    shutil.rmtree(data_of(own))
    write_folder(data_of(own), 12, first=500)
    with pytest.raises(PixelwiseError, match=r"Not one image in .* is as it was"):
        choose(own, None, None, "auto")


# --- moved and given away ------------------------------------------------------------------------


def test_a_run_that_was_moved_with_its_data_finds_it(own, tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("data", "runs"):
        (tmp_path / name).rename(tmp_path / "there" / name)
    moved = open_run(tmp_path / "there" / "runs" / "a")
    assert Path(moved.recipe.data) == tmp_path / "there" / "data"
    assert measured(moved) == set(moved.ids("test"))


def test_no_file_of_a_run_names_an_absolute_path(own, made):
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in own.path.rglob("*")
        if path.suffix in (".json", ".md", ".jsonl")
    }
    assert len(texts) >= 6
    for name, text in texts.items():
        assert str(made[0].parent) not in text and str(Path.home()) + "/" not in text, name
    assert json.loads(texts["recipe.json"])["data"] == "../../data"


def test_the_runs_own_data_elsewhere_is_its_own(own, tmp_path):
    data_of(own).rename(tmp_path / "elsewhere")
    chosen = choose(own, tmp_path / "elsewhere", None, "auto")
    assert {each.id for each in chosen.samples} == set(own.ids("test")) and not chosen.left_out
    parts = choose(own, tmp_path / "elsewhere", "val", "auto")
    assert {each.id for each in parts.samples} == set(own.ids("val"))


def test_a_run_is_resumed_with_its_data_at_another_place(tmp_path):
    data = write_folder(tmp_path / "data", 12)
    out = tmp_path / "runs" / "a"
    train(data, out=out, **TINY)
    weights = (out / "model.safetensors").read_bytes()
    (tmp_path / "far").mkdir()
    data.rename(tmp_path / "far" / "renamed")
    notes: list[str] = []
    train(tmp_path / "far" / "renamed", out=out, **{**TINY, "on_note": notes.append})
    assert any("finished" in note for note in notes)
    assert (out / "model.safetensors").read_bytes() == weights


def test_an_unfinished_run_keeps_the_datas_new_place(own, tmp_path, monkeypatch):
    data_of(own).rename(tmp_path / "new")
    replace_status(own.path)
    train(tmp_path / "new", out=own.path, **TINY)
    assert Path(open_run(own.path).recipe.data) == tmp_path / "new"


def replace_status(folder: Path) -> None:
    """As if the run had been killed before its first state."""
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps({**status, "state": "training", "step": 0}))
    for name in ("history.jsonl", "model.safetensors", "last.safetensors", "card.md"):
        (folder / name).unlink(missing_ok=True)


def test_a_run_is_not_resumed_on_changed_data(own):
    mask = data_of(own) / "masks" / f"{own.ids('train')[0]}.png"
    cv2.imwrite(str(mask), np.eye(48, 64, dtype=np.uint8) * 255)
    with pytest.raises(PixelwiseError, match="changed since"):
        train(data_of(own), out=own.path, **TINY)


# --- through initial weights ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain(made, tmp_path_factory) -> Run:
    """A run on other images, initialised from a run on others still, initialised from `made`."""
    _, first = made
    root = tmp_path_factory.mktemp("chain")
    last = first
    for number in (1, 2):
        data = write_folder(root / f"data{number}", 10, first=100 * number)
        start = {**TINY, "start": str(last.path)}
        last = train(data, out=root / f"run{number}", **start)
    return last


def test_what_initial_weights_were_trained_on_is_left_out_any_number_of_steps_on(chain, made):
    data, first = made
    chosen = choose(chain, data, None, "auto")
    assert {each.id for each in chosen.samples} == set(first.ids("test"))
    assert set(chosen.left_out) == {*first.ids("train"), *first.ids("val")}


def test_a_run_is_not_initialised_from_weights_that_know_its_test_images(chain, made, tmp_path):
    data, first = made
    for start in (first, chain):
        wishes = {**TINY, "start": str(start.path), "seed": 5}
        with pytest.raises(PixelwiseError, match="trained or chosen on"):
            train(data, out=tmp_path / "run", **wishes)
        assert not (tmp_path / "run").exists()


def test_the_record_does_not_need_the_earlier_runs(chain, made, tmp_path):
    shutil.copytree(chain.path, tmp_path / "alone")
    alone = open_run(tmp_path / "alone")
    assert len(alone.seen_before) == sum(
        len(run.ids(part))
        for run in (made[1], open_run(chain.recipe.start))
        for part in ("train", "val")
    )
    assert measured(alone, made[0]) == set(made[1].ids("test"))


def test_folds_of_a_cross_validation_carry_it_too(chain, tmp_path):
    data = write_folder(tmp_path / "data", 8, first=300)
    wishes = {**TINY, "start": str(chain.path), "folds": 2, "steps": 1}
    run = train(data, out=tmp_path / "run", **wishes)
    for each in (run, *run.folds):
        assert set(map(str, chain.seen)) <= set(map(str, each.seen))
    after = write_folder(tmp_path / "after", 8, first=400)
    from_fold = train(
        after, out=tmp_path / "next", **{**TINY, "start": str(run.folds[0].path), "steps": 1}
    )
    assert set(map(str, chain.seen)) <= set(map(str, from_fold.seen))
    tested = {run.split[name]["fingerprint"] for name in run.folds[0].ids("test")}
    assert not tested & {each["fingerprint"] for each in from_fold.seen}


def test_built_in_models_have_seen_no_image_of_anybody():
    assert open_run("nevi").seen == () and open_run("people").seen == ()


def test_initial_weights_trained_anew_on_other_images_do_not_resume(own, tmp_path):
    """Killed before its first state, a run would take weights that its record is not of."""
    data = write_folder(tmp_path / "next", 8, first=600)
    wishes = {**TINY, "start": str(own.path)}
    run = train(data, out=tmp_path / "run", **wishes)
    replace_status(run.path)
    entry = {**own.split[own.ids("test")[0]], "split": "train"}
    replace(own, split={**own.split, own.ids("test")[0]: entry}).write()
    with pytest.raises(PixelwiseError, match="trained on other images since"):
        train(data, out=run.path, **wishes)


# --- the same image in several files -------------------------------------------------------------


def write_twice(root: Path, **how: int) -> Path:
    """Twelve discs, each as PNG, and each saved again as NAME-b.png with other bytes."""
    write_folder(root, 12, size_hw=(96, 128))
    for path in sorted((root / "images").iterdir()):
        image = cv2.imread(str(path))
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if how.get("jpeg") else image
        level = [cv2.IMWRITE_PNG_COMPRESSION, 0]
        cv2.imwrite(str(path.with_name(f"{path.stem}-b.png")), image, level)
        shutil.copy(root / "masks" / path.name, root / "masks" / f"{path.stem}-b.png")
    return root


@pytest.mark.parametrize("jpeg", [0, 1], ids=["the same pixels", "saved as JPEG"])
def test_one_image_in_two_files_is_on_one_side_of_every_split_and_fold(tmp_path, jpeg):
    data = write_twice(tmp_path / "data", jpeg=jpeg)
    run = train(data, out=tmp_path / "run", **TINY)
    folds = train(data, out=tmp_path / "folds", **{**TINY, "folds": 3, "steps": 1}).folds
    for each in (run, *folds):
        for name in each.ids("test"):
            twin = name.removesuffix("-b") if name.endswith("-b") else f"{name}-b"
            assert each.split[twin]["split"] == "test"


def test_check_reports_copies_and_near_duplicates(tmp_path):
    same = check(write_twice(tmp_path / "same")).findings
    assert any("12 pictures more than once" in each.message for each in same)
    near = check(write_twice(tmp_path / "near", jpeg=1)).findings
    found = [each for each in near if "look alike" in each.message]
    assert len(found) == 1 and found[0].severity == "note" and len(found[0].files) == 24
    assert "12 groups" in found[0].message and "frames of one video" in found[0].message


def test_check_warns_of_near_duplicates_in_the_folders_own_parts(tmp_path):
    for part, first in (("train", 0), ("test", 50)):
        write_folder(tmp_path / part, 8, first=first)
    image = cv2.imread(str(tmp_path / "train" / "images" / "disc000.png"))
    cv2.imwrite(str(tmp_path / "test" / "images" / "disc050.png"), np.clip(image * 1.1, 0, 255))
    report = check(tmp_path)
    found = [each for each in report.findings if "own parts, for example" in each.message]
    assert [each.severity for each in found] == ["warning"] and report.ok


def test_ordinary_folders_get_no_word_of_it(tmp_path):
    messages = [each.message for each in check(write_folder(tmp_path / "data", 30)).findings]
    assert not any("alike" in message or "more than once" in message for message in messages)
