"""Files made to do harm: each ends in one sentence, reads nothing outside, and runs nothing."""

import csv
import io
import json
import os
import pickle
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook
from rich.text import Text
from scipy.io import savemat

from cocos import farm, image, region, write_farm
from cocos import square as polygon
from folders import image_of, shape, write, write_shapes, write_voc, write_yolo
from pixelwise.cli import main
from pixelwise.datasets import _mat_sizes, open_dataset
from pixelwise.datasets._mat_sizes import read_variable
from pixelwise.datasets.ph2 import _from_xlsx
from pixelwise.outputs._files import growing_table
from pixelwise.report.page import _template
from pixelwise.terminal import Terminal
from pixelwise.types import PixelwiseError
from pixelwise.words import cell, plain_cell, visible

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202e"


@pytest.fixture
def check(monkeypatch, capsys):
    """Run the command ``check`` on a folder; its exit code and what it wrote."""

    def run(folder: Path) -> tuple[Any, str]:
        monkeypatch.setattr("sys.argv", ["pixelwise", "check", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code, written.out + written.err

    return run


def assert_one_sentence(answer: tuple[Any, str], words: str) -> None:
    code, text = answer
    assert code == 2 and text.startswith("Error: ") and text.count("\n") == 1, text[:500]
    assert re.search(words, text) and len(text) < 1_000, text[:500]


# --- JSON ----------------------------------------------------------------------------------------

DEEP = "[" * 1_000_000


@pytest.mark.parametrize(
    "before", ['{"images":[],"annotations":[],"categories":', '{"shapes":[],"imagePath":']
)
def test_json_nested_a_million_deep_is_a_sentence(before, tmp_path, check):
    write(tmp_path / "p0.png", image_of(0))
    (tmp_path / "p0.json").write_text(before + DEEP)
    assert_one_sentence(check(tmp_path), r"p0\.json is damaged")


@pytest.mark.parametrize("number", ["1e308", "1e999", "NaN", "-Infinity", "9" * 400, "9" * 5000])
def test_absurd_numbers_in_json_are_sentences(number, tmp_path):
    root = write_farm(tmp_path)
    text = json.dumps(farm()).replace("2.0", number).replace('"height": 24', f'"height": {number}')
    for where in ("[2, 2,", '"bbox"'):
        text = text.replace(where, where.replace("2", number, 1))
    (root / "annotations" / "instances.json").write_text(text)
    with pytest.raises(PixelwiseError) as error:
        open_dataset(root)[0].read_annotation()
    assert len(str(error.value)) < 1_000


# --- paths that lead elsewhere -------------------------------------------------------------------

ELSEWHERE = (
    "../secret/a.png",
    "../../secret/a.png",
    "/etc/passwd",
    "..\\secret\\a.png",
    "C:\\a.png",
)


@pytest.fixture
def secret(tmp_path):
    """A folder with an image beside it that belongs to somebody else."""
    write(tmp_path / "secret" / "a.png", image_of(5))
    write(tmp_path / "data" / "other.png", image_of(6))
    return tmp_path / "data"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_coco_reads_nothing_outside_its_folder(name, secret, check):
    found = {**farm(), "images": [image(10, name)], "annotations": farm()["annotations"][:1]}
    (secret / "instances.json").write_text(json.dumps(found))
    assert_one_sentence(check(secret), r"None of the 1 pictures that .*instances\.json names is in")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_labelme_reads_nothing_outside_its_folder(name, secret, check):
    path = write_shapes(secret / "p0.json", [shape("cell", [(2, 2), (8, 2), (8, 8)])])
    path.with_suffix(".png").unlink()
    path.write_text(json.dumps({**json.loads(path.read_text()), "imagePath": name}))
    assert_one_sentence(check(secret), r"None of the images .* name as imagePath")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_via_reads_nothing_outside_its_folder(name, secret, check):
    drawn = {"name": "rect", "x": 1, "y": 1, "width": 5, "height": 5}
    regions = [{"shape_attributes": drawn, "region_attributes": {}}]
    (secret / "via.json").write_text(json.dumps({"a": {"filename": name, "regions": regions}}))
    assert_one_sentence(check(secret), r"None of the 1 image that the JSON file names")


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of Unix")
def test_pipes_and_devices_are_not_opened(tmp_path):
    root = write_yolo(tmp_path)
    for name in ("a.json", "a.yaml", "images/train/pipe.jpg", "labels/train/p0.TXT"):
        os.mkfifo(root / name)
    (root / "labels" / "train" / "zero.json").symlink_to("/dev/zero")
    (root / "images" / "train" / "zero.jpg").symlink_to("/dev/zero")
    assert len(open_dataset(root)) == 5


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_to_nothing_and_to_themselves_are_named(tmp_path):
    root = write_yolo(tmp_path)
    (root / "images" / "train" / "gone.jpg").symlink_to(root / "gone")
    (root / "images" / "train" / "loop.jpg").symlink_to(root / "images" / "train" / "loop.jpg")
    dataset = open_dataset(root)
    bad = [sample for sample in map(dataset.__getitem__, range(7)) if sample.files[0].is_symlink()]
    assert len(bad) == 2
    for sample in bad:
        with pytest.raises(PixelwiseError, match=r"gone\.jpg|loop\.jpg"):
            sample.read_image()


# --- XML, YAML, MATLAB, numpy, spreadsheets ------------------------------------------------------

LAUGHS = "\n".join(
    [
        "<!DOCTYPE a [<!ENTITY l0 'ha'>",
        *(f"<!ENTITY l{k} '{f'&l{k - 1};' * 10}'>" for k in range(1, 12)),
        "]><annotation><object><name>&l11;</name></object></annotation>",
    ]
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>'


XMLS = {
    "many entities": LAUGHS,
    "an entity from outside": OUTSIDE,
    "cut off": "<annotation><object>",
    "a million deep": "<a>" * 1_000_000,
    "far": "<annotation><object><bndbox>"
    + "".join(f"<{side}>1e308</{side}>" for side in ("xmin", "ymin", "xmax", "ymax"))
    + "</bndbox></object></annotation>",
}


@pytest.mark.parametrize("name", XMLS)
def test_xml_of_voc_that_does_harm_is_a_sentence(name, tmp_path, check):
    root = write_voc(tmp_path)
    (root / "Annotations").mkdir()
    for index in range(5):
        (root / "Annotations" / f"p{index}.xml").write_text(XMLS[name])
    with pytest.raises(PixelwiseError, match=r"p0\.xml cannot be read as VOC's XML") as error:
        open_dataset(root)[0].read_annotation()
    assert len(str(error.value)) < 1_000 and "root:" not in str(error.value)
    code, text = check(root)
    assert code != 0 and "Traceback" not in text


@pytest.mark.parametrize(
    "text",
    [
        "names: !!python/object/apply:os.system ['touch owned']",
        "names:\n  0: !!python/object/apply:os.system ['touch owned']\n  2: b",
        "a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]",
        "kpt_shape: [3, 3]\nkpt_names:\n" + "\n" * 300_000,
        "names: [" + "a" * 3_000_000,
        "names: " + "{" * 300_000,
    ],
    ids=["tag", "tag in a list", "aliases", "blank lines", "no end", "brackets"],
)
def test_yaml_runs_nothing_and_ends(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = write_yolo(tmp_path / "data")
    (root / "data.yaml").write_text(text)
    try:
        open_dataset(root)
    except PixelwiseError as error:
        assert len(str(error)) < 1_000
    assert not (tmp_path / "owned").exists()


LISTS = {
    "classes.txt": ["9" * 10_000 + " name", "\0" * 5_000, "a" * 5_000_000, "a:1,2,3:" * 300],
    "class_dict.csv": ['name,r,g,b\n"' + "a" * 300_000 + '",1,2,3', "name,r,g,b\na,-1,300,99999"],
    "label_colors.txt": ["1 2 " + "9" * 400 + " sky", "999 0 0 sky"],
    "dataset.json": ['{"labels": {"a": ' + "9" * 400 + "}}", '{"labels": {"a": -1, "b": 1e308}}'],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in LISTS.items() for text in texts]
)
def test_lists_of_names_that_are_none_are_sentences(name, text, tmp_path):
    write(tmp_path / "images" / "a.png", image_of(0))
    write(tmp_path / "masks" / "a.png", np.eye(*image_of(0).shape[:2], dtype=np.uint8))
    (tmp_path / name).write_text(text)
    try:
        open_dataset(tmp_path)[0].read_annotation()
    except PixelwiseError as error:
        assert name in str(error) and len(str(error)) < 1_000


TABLES = ["file,id,category\na.png," + "9" * 5_000 + ",b", 'file,id,category\n"' + "a" * 300_000]


@pytest.mark.parametrize("text", TABLES)
def test_a_table_of_objects_that_is_none_is_a_sentence(text, tmp_path):
    write(tmp_path / "images" / "a.png", image_of(0))
    write(tmp_path / "masks" / "a.png", np.eye(*image_of(0).shape[:2], dtype=np.uint8))
    (tmp_path / "instances.csv").write_text(text)
    with pytest.raises(PixelwiseError, match=r"instances\.csv") as error:
        open_dataset(tmp_path, "ids")
    assert len(str(error.value)) < 1_000


class Harm:
    def __reduce__(self):
        return Path.touch, (Path("owned"),)


def test_pickles_in_npy_files_are_not_opened(tmp_path, monkeypatch, check):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data" / "images" / "a.png", image_of(0))
    (tmp_path / "data" / "masks").mkdir()
    array = np.array([Harm()], dtype=object)
    for name in ("masks/a.npy", "joints.npy"):
        (tmp_path / "data" / name).write_bytes(b"")
        with (tmp_path / "data" / name).open("wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=True)
    assert pickle.dumps(Harm())
    assert_one_sentence(check(tmp_path / "data"), r"but no masks")
    assert not (tmp_path / "owned").exists()


def write_mat(path: Path, shape: tuple[int, ...], num_bytes: int, *, packed: bool) -> None:
    """A MATLAB file of version 5 whose array "joints" claims a shape and so many bytes."""
    flags = struct.pack("<IIII", 6, 8, 6, 0)
    dims = struct.pack(f"<II{len(shape)}i", 5, 4 * len(shape), *shape)
    dims += b"\0" * (-len(dims) % 8)
    name = struct.pack("<II8s", 1, 6, b"joints")
    head = flags + dims + name + struct.pack("<II", 9, num_bytes)
    body = struct.pack("<II", 14, len(head) + num_bytes) + head
    with path.open("wb") as file:
        file.write(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM")
        if not packed:
            file.write(body + b"\0" * 64)
            return
        pack = zlib.compressobj(1)
        chunks = [pack.compress(body)]
        chunks += [pack.compress(b"\0" * 2**20) for _ in range(num_bytes // 2**20 + 1)]
        data = b"".join([*chunks, pack.flush()])
        file.write(struct.pack("<II", 15, len(data)) + data)


MATS = {
    "a claim": ((3, 14, 2**26), 64, False),
    "a claim of bytes": ((3, 14, 2), 2**31 - 2**10, False),
    "packed zeros": ((3, 14, 2), 2**24, True),
    "packed zeros that are claimed": ((3, 14, 2**16), 2**24, True),
}


@pytest.mark.parametrize("name", MATS)
def test_matlab_files_that_claim_too_much_are_sentences(name, tmp_path, monkeypatch, check):
    monkeypatch.setattr(_mat_sizes, "MOST_BYTES", 2**22)
    shape_of, num_bytes, packed = MATS[name]
    write(tmp_path / "images" / "im0001.jpg", image_of(0))
    write_mat(tmp_path / "joints.mat", shape_of, num_bytes, packed=packed)
    assert_one_sentence(check(tmp_path), r"joints\.mat is damaged or no MATLAB file")


def test_ordinary_matlab_files_are_read_and_others_of_that_name_are_not(tmp_path):
    joints = np.arange(84.0).reshape(3, 14, 2)
    for is_packed in (True, False):
        savemat(tmp_path / "a.mat", {"joints": joints, "x": {"a": 1}}, do_compression=is_packed)
        np.testing.assert_array_equal(read_variable(tmp_path / "a.mat", "joints"), joints)
        assert read_variable(tmp_path / "a.mat", "y") is None
    with pytest.raises(ValueError, match="holds no numbers"):
        read_variable(tmp_path / "a.mat", "x")


def test_a_spreadsheet_is_read_up_to_a_size(tmp_path):
    path = tmp_path / "PH2_dataset.xlsx"
    book = Workbook()
    book.active.append(["Image Name", "Common Nevus", "Atypical Nevus", "Melanoma"])
    book.active.append(["IMD001", None, "X", None])
    book.active.cell(1_048_576, 16_384, "far")
    book.save(path)
    assert _from_xlsx(path) == {"IMD001": "atypical nevus"}
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/bomb.xml", b"\0" * (2**26 + 1))
    assert _from_xlsx(path) == {}
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("xl/workbook.xml", LAUGHS)
    assert _from_xlsx(path) == {}


# --- names that do something ---------------------------------------------------------------------


def test_the_terminal_shows_codes_instead_of_obeying_them():
    for is_terminal in (True, False):
        stream = io.StringIO()
        terminal = Terminal(file=stream, force_terminal=is_terminal, width=400)
        terminal.print(f"[red]{ESCAPES}[/red] [/nothing]")
        terminal.print(Text(ESCAPES))
        text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
        assert not set(text) & set("\x1b\x07\x9b\r\u202e")
        assert r"[red]\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202e[/red] [/nothing]" in text


def test_names_in_files_reach_the_terminal_as_text(tmp_path, check):
    found = farm()
    found["categories"][0]["name"] = f"dog{ESCAPES}"
    found["categories"][1]["name"] = "[bold]sheep[/]"
    found["images"] = [image(10, "a.png"), image(30, f"b{ESCAPES}.png")]
    root = write_farm(tmp_path, found)
    (root / "images" / "b.png").rename(root / "images" / f"b{ESCAPES.replace(chr(10), '')}.png")
    _, text = check(root)
    assert not set(text) & set("\x1b\x07\x9b\r\u202e")
    assert "[bold]sheep[/]" in text and r"dog\x1b]0;owned" in text


def test_an_error_is_one_line_whatever_the_names_hold(tmp_path, check):
    (tmp_path / f"no{ESCAPES}where").mkdir()
    code, text = check(tmp_path / f"no{ESCAPES}where")
    assert code == 2 and text.count("\n") == 1
    assert not set(text) & set("\x1b\x07\x9b\r\u202e")


CELLS = ["=1+2", "+A1", "-A1", "@SUM(A1)", "\t=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", CELLS)
def test_cells_from_outside_are_no_formulas(text, tmp_path):
    with growing_table(tmp_path / "a.csv", ["file", text]) as add:
        add([text, 1])
    rows = list(csv.reader((tmp_path / "a.csv").open(newline="")))
    assert rows == [["file", f"'{text}"], [f"'{text}", "1"]]
    assert plain_cell(str(cell(text))) == text


def test_a_carriage_return_in_a_cell_is_no_new_row(tmp_path):
    with growing_table(tmp_path / "a.csv", ["file"]) as add:
        add(["\r=1"])
    assert list(csv.reader((tmp_path / "a.csv").open(newline=""))) == [["file"], [r"'\r=1"]]


@pytest.mark.parametrize("value", [-1.5, "-1.5", "+3", "-1e-05", 7, "a=1", "", "'tis", "-inf"])
def test_other_cells_stay_as_they_are(value):
    assert cell(value) == value


def test_what_is_visible_stays_visible():
    assert (
        visible("caf\u00e9 \u00b5m, \u7d30\u80de\u00a0[x]")
        == "caf\u00e9 \u00b5m, \u7d30\u80de\u00a0[x]"
    )
    assert visible("a\nb\tc\x1b", keep="\n") == "a\nb\\tc\\x1b"


def test_names_are_escaped_in_every_page_of_the_report():
    for name in ("evaluation.html", "how_pixels.html", "how_pose.html", "how_segments.html"):
        environment = _template(name).environment
        assert environment.autoescape is True
        source, *_ = environment.loader.get_source(environment, name)
        assert "safe" not in re.findall(r"\|\s*(\w+)", source)
    made = _template("evaluation.html").environment.from_string("<td title='{{ x }}'>{{ x }}</td>")
    assert "<script>" not in made.render(x="'><script>alert(1)</script>")


def test_a_mask_inside_labelme_that_is_none_or_too_far_is_named(tmp_path):
    for stamp, corners in (("AAAA", [(1, 1), (4, 4)]), ("", [(1, 1), (1e9, 1e9)])):
        drawn = {**shape("dot", corners, "mask"), "mask": stamp}
        write_shapes(tmp_path / "p0.json", [drawn])
        with pytest.raises(PixelwiseError, match=r"a mask labelled 'dot' that cannot be drawn"):
            open_dataset(tmp_path)[0].read_annotation()


def test_an_outline_with_millions_of_corners_ends(tmp_path):
    found = farm()
    found["annotations"] = [region(1, 10, 20, [polygon(2, 2, 9) * 100_001])]
    assert len(open_dataset(write_farm(tmp_path, found))[0].read_annotation()) == 1
