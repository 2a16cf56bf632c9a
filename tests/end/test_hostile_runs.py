"""A run may come from anywhere. Whatever its files hold is one sentence, and nothing of it runs."""

import json
import shlex
import shutil
import struct
import sys

import cv2
import numpy as np
import pytest

from discs import write_folder
from pixelwise.card import write_card
from pixelwise.run import open_run
from pixelwise.types import PixelwiseError
from untrained import write_run

# Runs in a process that may take 2 GiB; in this one, everything is shared.
DEEP = "[" * 1_000_000


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path / "run")
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((64, 96, 3), np.uint8))
    return tmp_path / "run"


def refused(type_in, name: str) -> str:
    """The sentence of `predict`, which names the file."""
    code, shown, said = type_in("pixelwise predict run image.png --runtime torch")
    assert code == 2, (shown, said)
    assert said.startswith("Error: ") and name in said and len(said) < 1000, said
    assert "Traceback" not in said
    return said


def change(path, **lines) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **lines}))


RECIPES = [
    *({"network": name} for name in ("os.path", "../x", "_layers", "unet.build", "", "a/b", "os")),
    *({"task": name} for name in ("..", ".", "_links", "semantic\x00", "pose.build")),
    *({"network": None}, {"width": 10**12}, {"width": 60_000}, {"depth": 10**9}, {"depth": 15}),
    *({"width": -4}, {"depth": 0}, {"stride": 10**9}, {"size_hw": [10**9, 10**9]}),
    *({"size_hw": [64]}, {"size_hw": "64"}, {"batch": 10**30}, {"seed": -1}, {"seed": 10**30}),
    *({"learning_rate": float("nan")}, {"learning_rate": float("inf")}, {"budget_s": 1e999}),
    *({"loss": {"dice": float("nan")}}, {"tile_px": 10**12}, {"folds": 20}, {"folds": -1}),
    *({"start": 7}, {"data": None}, {"average": float("nan")}, {"augment": float("nan")}),
    *({"steps": 10**400}, {"__class__": "os.system"}, {"masks": ["x"] * 100_000}),
]


@pytest.mark.parametrize("lines", RECIPES, ids=lambda lines: str(lines)[:30])
def test_recipes(run, type_in, lines):
    modules = set(sys.modules)
    change(run / "recipe.json", **lines)
    refused(type_in, "")
    loaded = {name for name in set(sys.modules) - modules if name.startswith("pixelwise.")}
    assert not any("unet.build" in name or ".." in name for name in loaded)


@pytest.mark.parametrize("name", ["recipe.json", "categories.json", "split.json", "status.json"])
@pytest.mark.parametrize("text", ["", DEEP, "9" * 5000, "null", "[]", '"a"', "1e999", "\xff"])
def test_texts_that_are_something_else(run, type_in, name, text):
    if name == "status.json" and text == "\xff":
        pytest.skip("read as any other text that is no JSON")
    (run / name).write_bytes(text.encode("latin-1"))
    refused(type_in, name)


def categories(**lines):
    return [{"name": "a", "color": [0, 0, 0]}, {"name": "b", "color": [9, 9, 9], **lines}]


BONES = {"joints": ["a", "b"], "limbs": [[0, 1]], "mirrored": [0, 1], "sigmas": [0.1, 0.1]}


@pytest.mark.parametrize(
    "found",
    [
        *([{}], [{"name": "a"}], [7], categories(name=7), categories(name=None)),
        *(categories(color="red"), categories(color=[1, 2]), categories(color=[1, 2, 300])),
        *(categories(color=[1, 2, 1.5]), categories() * 200, categories(skeleton=7)),
        *(categories(skeleton={**BONES, "limbs": [[0, 10**9]]}),),
        *(categories(skeleton={**BONES, "limbs": [[0]]}),),
        *(categories(skeleton={**BONES, "mirrored": [0, -5]}),),
        *(categories(skeleton={**BONES, "sigmas": [0, float("nan")]}),),
        *(categories(skeleton={**BONES, "joints": [1, 2]}),),
    ],
    ids=lambda found: str(found)[-50:],
)
def test_categories(run, type_in, found):
    (run / "categories.json").write_text(json.dumps(found))
    refused(type_in, "categories.json")


@pytest.mark.parametrize(
    "found",
    [
        *({"samples": {}}, {"fingerprint": "a"}, {"samples": [], "fingerprint": "a"}),
        *({"samples": {}, "fingerprint": 7}, {"samples": {"a": "test"}, "fingerprint": "a"}),
        *({"samples": {"a": {"split": "all", "fingerprint": "b"}}, "fingerprint": "a"},),
        *({"samples": {"a": {"split": ["test"], "fingerprint": "b"}}, "fingerprint": "a"},),
        *({"samples": {"a": {"split": "test", "fingerprint": None}}, "fingerprint": "a"},),
    ],
    ids=str,
)
def test_splits(run, type_in, found):
    (run / "split.json").write_text(json.dumps(found))
    refused(type_in, "split.json")


def with_header(header: object, length: int | None = None, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape, offsets, dtype="F32"):
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"abc", with_header({}), with_header({}, 2**63), with_header({}, 2**40)),
        *(with_header(DEEP.encode()), with_header(b"\xff\xfe"), with_header([1, 2])),
        *(with_header(tensor([2**40], [0, 4]), data=bytes(4)),),
        *(with_header(tensor([1], [0, 2**60]), data=bytes(4)),),
        *(with_header(tensor([1], [4, 0]), data=bytes(4)),),
        *(with_header(tensor([2**62, 2**62], [0, 0])),),
        *(with_header(tensor([-1], [0, 4]), data=bytes(4)),),
        *(with_header(tensor([1], [0, 4], "os.system"), data=bytes(4)),),
        *(with_header(tensor([1], [0, 4]), data=bytes(4)),),
        *(b"PK\x03\x04" + bytes(99), b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    ],
    ids=range(17),
)
def test_weights(run, type_in, content):
    (run / "model.safetensors").write_bytes(content)
    refused(type_in, "model.safetensors")


def test_weights_of_a_giant_take_no_memory(run, type_in):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    change(run / "recipe.json", width=4096, depth=4)
    assert "does not belong to" in refused(type_in, "model.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**19  # KiB


@pytest.mark.parametrize(
    "text",
    [
        *("[]\n", "7\n", '{"step": 1}\n', '{"step": "1", "val_score": 1}\n', DEEP + "\n"),
        *('{"step": 1, "val_score": "x"}\n', '{"step": 1, "val_score": 1' + "0" * 400 + "}\n"),
        *('{"step": 1, "val_score": 1, "loss": {}}\n', "\x00\n", '{"step": 1}}\n'),
    ],
    ids=range(10),
)
def test_histories(run, text):
    (run / "history.jsonl").write_text(text)
    with pytest.raises(PixelwiseError, match=r"history\.jsonl is damaged \(line 1: .*delete it"):
        assert open_run(run).history


def test_a_last_line_that_was_cut_off_is_left_out(run):
    (run / "history.jsonl").write_text('{"step": 1, "val_score": 0.5}\n{"step": 2, "val_sc')
    assert [line["step"] for line in open_run(run).history] == [1]


@pytest.mark.parametrize(
    "name", ["recipe.json", "split.json", "model.safetensors", "history.jsonl", "state", "exports"]
)
def test_links_that_lead_out_of_a_run(run, type_in, name):
    outside = run.parent / "outside"
    if (run / name).exists():
        shutil.move(run / name, outside)
    elif name in ("state", "exports"):
        outside.mkdir()
    (run / name).symlink_to(outside)
    assert "is a link that leads out of the run" in refused(type_in, name)


def test_links_to_a_run_and_within_it_are_followed(run, type_in):
    run.rename(run.parent / "elsewhere")
    run.symlink_to("elsewhere")
    (run / "model.safetensors").rename(run / "weights.bin")
    (run / "model.safetensors").symlink_to("weights.bin")
    assert type_in("pixelwise predict run image.png --runtime torch")[0] == 0


def test_names_in_runs_reach_neither_terminal_nor_page_as_codes(tmp_path, type_in):
    name = "\x1b[31m<img src=x onerror=alert(1)>\x07"
    write_folder(tmp_path / "data", 4)
    found = write_run(tmp_path / name)
    listed = json.loads((found.path / "categories.json").read_text())
    listed[1]["name"] = "<b>\x1b]0;x\x07</b>"
    (found.path / "categories.json").write_text(json.dumps(listed))
    code, shown, said = type_in(f"pixelwise evaluate {shlex.quote(name)} data --out report")
    assert code == 0, said
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<img src=x" not in page and "<b>\\" not in page and "&lt;img src=x" in page
    write_card(found)
    card = (found.path / "card.md").read_text()
    assert "<img" not in card and "<b>" not in card and "&lt;img" in card
    for text in (shown, said, page, card):
        assert "\x1b" not in text and "\x07" not in text
