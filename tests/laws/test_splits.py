"""Parts that share nothing, from a seed."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folders import write_folder, write_mads
from pixelwise.datasets import open_dataset
from pixelwise.fingerprints import UNREADABLE, dataset_fingerprint, fingerprint
from pixelwise.splits import leaks, make_folds, make_group_folds, make_split
from pixelwise.types import PixelwiseError, Sample


def case(name: str, split: str | None = None, **groups: str) -> Sample:
    def unread() -> None:
        raise AssertionError("a split reads no pixels")

    return Sample(name, (Path(name),), unread, unread, groups, split)


def cases(count: int, **facts: int) -> list[Sample]:
    """``count`` cases whose facts repeat after so many values."""
    return [
        case(f"p{i:03}", **{fact: f"{fact} {i % n}" for fact, n in facts.items()})
        for i in range(count)
    ]


NONE: dict[str, str] = {}

some_samples = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 30)), min_size=16, max_size=60
).map(
    lambda rows: [
        case(f"p{i}", patient=f"patient {p}", diagnosis=f"d{d}")
        if p
        else case(f"p{i}", diagnosis=f"d{d}")
        for i, (p, d, _) in enumerate(rows)
    ]
)


@settings(max_examples=60, deadline=None)
@given(some_samples, st.integers(0, 2**31), st.randoms())
def test_no_patient_is_on_two_sides_and_the_order_of_listing_changes_nothing(samples, seed, random):
    split = make_split(samples, seed, fingerprints=NONE)
    assert set(split.parts) == {sample.id for sample in samples}
    if not split.warnings:
        assert leaks(samples, split.parts, NONE) == ()
        assert set(split.parts.values()) == {"train", "val", "test"}
    shuffled = list(samples)
    random.shuffle(shuffled)
    assert make_split(shuffled, seed, fingerprints=NONE) == split


@settings(max_examples=40, deadline=None)
@given(some_samples, st.integers(2, 5), st.integers(0, 2**31))
def test_folds_test_every_picture_once_and_share_no_patient(samples, folds, seed):
    try:
        splits = make_folds(samples, folds, seed, fingerprints=NONE)
    except PixelwiseError:
        assert len({sample.groups.get("patient", sample.id) for sample in samples}) < folds
        return
    tested = [name for split in splits for name in split.ids("test")]
    assert sorted(tested) == sorted(sample.id for sample in samples)
    for split in splits:
        assert set(split.parts) == set(tested)
        held = {name: part == "test" for name, part in split.parts.items()}
        sides = {name: "test" if test else "learn" for name, test in held.items()}
        assert leaks(samples, sides, NONE) == ()


@pytest.mark.parametrize("count", [10, 37, 200, 1000])
def test_shares_are_kept_to_a_picture_in_every_stratum(count):
    samples = cases(count, diagnosis=3)
    split = make_split(samples, 0, fingerprints=NONE)
    sizes = Counter(split.parts.values())
    assert abs(sizes["test"] - 0.2 * count) <= 1 and abs(sizes["val"] - 0.1 * count) <= 1
    both = Counter((split.parts[s.id], s.groups["diagnosis"]) for s in samples)
    for (part, diagnosis), n in both.items():
        whole = sum(s.groups["diagnosis"] == diagnosis for s in samples)
        assert abs(n - {"train": 0.7, "val": 0.1, "test": 0.2}[part] * whole) <= 2, diagnosis


def test_many_strata_of_one_picture_still_fill_every_part():
    split = make_split(cases(20, diagnosis=20), 0, fingerprints=NONE)
    assert Counter(split.parts.values()) == {"train": 14, "test": 4, "val": 2}


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    samples = cases(50)
    splits = [make_split(samples, seed, fingerprints=NONE).parts for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_shares_are_arguments():
    split = make_split(cases(100), 0, 0.25, 0.5, fingerprints=NONE)
    assert Counter(split.parts.values()) == {"test": 50, "val": 25, "train": 25}


def test_a_split_is_known_by_its_ids_alone_on_any_machine():
    # Written down from this code: a change here changes every user's split.
    split = make_split(cases(10), 0, fingerprints=NONE)
    assert split.ids("test") == ("p000", "p007") and split.ids("val") == ("p009",)


def test_a_chain_of_shared_facts_is_one_unit():
    samples = [case(f"x{i}") for i in range(12)]
    samples += [
        case("a", patient="1", lesion="u"),
        case("b", patient="2", lesion="u"),
        case("c", patient="2", lesion="v"),
    ]
    for seed in range(20):
        parts = make_split(samples, seed, fingerprints=NONE).parts
        assert parts["a"] == parts["b"] == parts["c"]


def test_copies_stay_together():
    samples = cases(30)
    prints = {sample.id: sample.id for sample in samples} | {"p003": "x", "p017": "x", "p029": "x"}
    for seed in range(20):
        parts = make_split(samples, seed, fingerprints=prints).parts
        assert parts["p003"] == parts["p017"] == parts["p029"]


def test_unreadable_files_are_no_copies_of_each_other():
    samples = cases(30)
    prints = dict.fromkeys((sample.id for sample in samples), UNREADABLE)
    assert make_split(samples, 0, fingerprints=prints) == make_split(samples, 0, fingerprints=NONE)


def test_copies_alone_cannot_be_split():
    samples = cases(6)
    prints = dict.fromkeys((sample.id for sample in samples), "x")
    with pytest.raises(PixelwiseError, match="Of 6 pictures only 1 differ"):
        make_split(samples, 0, fingerprints=prints)


def test_two_clips_give_test_a_whole_one_and_say_so():
    samples = [case(f"a{i}", clip="A") for i in range(20)] + [
        case(f"b{i}", clip="B") for i in range(8)
    ]
    split = make_split(samples, 0, fingerprints=NONE)
    assert set(split.ids("test")) == {f"b{i}" for i in range(8)}
    assert len(split.ids("val")) == 2
    assert "two clips" in split.warnings[0]


def test_one_clip_is_shared_and_said_so():
    split = make_split(cases(20, clip=1), 0, fingerprints=NONE)
    assert Counter(split.parts.values()) == {"train": 14, "test": 4, "val": 2}
    assert "one clip" in split.warnings[0] and "test" in split.warnings[0]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_pictures_are_a_sentence(count):
    with pytest.raises(PixelwiseError, match=f"{count} pictures .* too few"):
        make_split(cases(count), 0, fingerprints=NONE)


def test_four_pictures_fill_three_parts():
    split = make_split(cases(4), 0, fingerprints=NONE)
    assert Counter(split.parts.values()) == {"train": 2, "val": 1, "test": 1}


# --- declared parts ------------------------------------------------------------------------------


def declared(*parts: str | None, each: int = 10) -> list[Sample]:
    return [case(f"{part}{i}", part) for part in parts for i in range(each)]


def test_declared_parts_are_kept():
    samples = declared("train", "val", "test")
    split = make_split(samples, 0, fingerprints=NONE)
    assert all(split.parts[sample.id] == sample.split for sample in samples)
    assert split.warnings == ()


def test_a_missing_val_is_carved_out_of_train():
    samples = declared("train", "test")
    split = make_split(samples, 0, fingerprints=NONE)
    assert Counter(split.parts.values()) == {"train": 9, "val": 1, "test": 10}
    assert all(name.startswith("train") for name in split.ids("val"))


def test_a_missing_test_stays_missing_and_is_said():
    split = make_split(declared("train", "val"), 0, fingerprints=NONE)
    assert split.ids("test") == () and "no test part" in split.warnings[0]


@pytest.mark.parametrize("parts", [("test",), ("train",), ("val", "test")])
def test_one_part_or_none_to_learn_from_declares_nothing(parts):
    samples = declared(*parts, each=20)
    bare = [replace(sample, split=None) for sample in samples]
    assert make_split(samples, 0, fingerprints=NONE) == make_split(bare, 0, fingerprints=NONE)


def test_a_leak_between_declared_parts_is_said():
    samples = [*declared("train", "val", "test"), case("x", "train", patient="7")]
    samples.append(case("y", "test", patient="7"))
    split = make_split(samples, 0, fingerprints=NONE)
    assert split.parts["x"] == "train" and split.parts["y"] == "test"
    assert any("patient 7" in warning and "x, y" in warning for warning in split.warnings)


def test_pictures_in_no_declared_part_go_to_train_and_are_counted():
    split = make_split([*declared("train", "val", "test"), case("z")], 0, fingerprints=NONE)
    assert split.parts["z"] == "train" and "1 pictures are in none" in split.warnings[0]


def test_more_folds_than_units_are_a_sentence():
    with pytest.raises(PixelwiseError, match="from 2 to 3 are possible"):
        make_folds(cases(12, patient=3), 5, 0, fingerprints=NONE)


# --- fingerprints --------------------------------------------------------------------------------


def test_a_fingerprint_is_of_the_content(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path, data in zip(paths, (b"same", b"same", b"sama"), strict=True):
        path.write_bytes(data)
    one, two, other = map(fingerprint, paths)
    assert one == two != other and len(one) == 32


@pytest.mark.parametrize("place", [0, 2 * 2**20 + 1, 5 * 2**20 - 1])
def test_large_files_are_told_apart_by_every_byte_and_by_size(tmp_path, place):
    data = bytearray(5 * 2**20)
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "longer").write_bytes(data + b"\0")
    data[place] = 1
    (tmp_path / "b").write_bytes(data)
    assert len({fingerprint(tmp_path / name) for name in ("a", "b", "longer")}) == 3


def test_a_file_read_before_is_read_again_once_it_changed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"first")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = fingerprint(path)
    path.write_bytes(b"other")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert fingerprint(path) != before


def test_empty_and_missing_files_have_no_fingerprint(tmp_path):
    (tmp_path / "empty").touch()
    assert fingerprint(tmp_path / "empty") == fingerprint(tmp_path / "gone") == UNREADABLE


def test_a_datasets_fingerprint_is_of_its_content_not_its_place(tmp_path):
    prints = [dataset_fingerprint(open_dataset(write_folder(tmp_path / n))) for n in ("a", "b")]
    assert prints[0] == prints[1]
    mask = tmp_path / "b" / "masks" / "p0.png"
    mask.write_bytes((tmp_path / "b" / "masks" / "p1.png").read_bytes())
    assert dataset_fingerprint(open_dataset(tmp_path / "b")) != prints[0]


def test_files_are_read_for_copies_where_no_fingerprints_are_given(tmp_path):
    root = write_folder(tmp_path)
    copy = root / "images" / "p5.png"
    copy.write_bytes((root / "images" / "p0.png").read_bytes())
    dataset = open_dataset(root)
    samples = [dataset[index] for index in range(len(dataset))]
    for seed in range(10):
        parts = make_split(samples, seed).parts
        assert parts["p0"] == parts["p5"]


def test_film_frames_of_one_take_stay_together_whatever_the_camera(tmp_path):
    dataset = open_dataset(write_mads(tmp_path))
    samples = [dataset[index] for index in range(len(dataset))]
    for seed in range(10):
        parts = make_split(samples, seed, fingerprints=NONE).parts
        assert parts["HipHop_HipHop1_C0_00180"] == parts["HipHop_HipHop1_C2_00180"]
        assert np.unique(list(parts.values())).size == 3


def test_leaving_out_a_source_tests_exactly_its_pictures_and_shares_no_patient():
    samples = cases(24, source=3, patient=12)
    splits = make_group_folds(samples, "source", seed=0, fingerprints=NONE)
    assert len(splits) == 3
    for value, split in enumerate(splits):
        held_out = {s.id for s in samples if s.groups["source"] == f"source {value}"}
        assert set(split.ids("test")) == held_out
        assert leaks(samples, split.parts, NONE) == ()
        assert split.ids("train") and split.ids("val")


def test_a_patient_seen_at_two_sources_goes_where_most_of_his_pictures_are():
    samples = cases(12, source=2)
    shared = [replace(s, groups={**s.groups, "patient": "p"}) for s in samples[:3]]
    splits = make_group_folds(shared + samples[3:], "source", seed=0, fingerprints=NONE)
    assert {"p000", "p001", "p002"} <= set(splits[0].ids("test"))


@pytest.mark.parametrize(
    "samples", [cases(8), cases(8, source=1), cases(8, source=2)[1:] + cases(1)]
)
def test_leaving_out_needs_the_fact_on_every_picture_and_two_values(samples):
    with pytest.raises(PixelwiseError, match="leave out one 'source' at a time"):
        make_group_folds(samples, "source", seed=0, fingerprints=NONE)
