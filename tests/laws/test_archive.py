"""An exported program is opened where reading it can do nothing but to build it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch

from pixelwise.formats import _archive as archive
from pixelwise.formats import pt2
from pixelwise.types import PixelwiseError

WEIGHTS, PROGRAM = "data/weights/model_weights_config.json", "models/model.json"


class Scale(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 1, 1)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"class": self.layer(images.permute(0, 3, 1, 2).float())}


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("program") / "model.pt2"
    exported = torch.export.export(Scale(), (torch.zeros((2, 4, 5, 3), dtype=torch.uint8),))
    pt2.strip(exported)
    torch.export.save(exported, path)
    return path


@pytest.fixture
def copy(program, tmp_path) -> Path:
    path = tmp_path / "model.pt2"
    path.write_bytes(program.read_bytes())
    return path


def rewrite(path: Path, member: str, old: str, new: str) -> None:
    text = archive.read(path, member).decode()
    assert old in text
    archive.write(path, member, text.replace(old, new, 1).encode())


def test_what_was_written_here_is_opened(copy):
    archive.check(copy)
    pt2.attach(copy, {"task": '"semantic"'})
    pt2.attach(copy, {"task": '"pose"', "ä": "ö"})
    archive.check(copy)
    assert pt2.metadata(copy) == {"task": '"pose"', "ä": "ö"}
    extra = {"pixelwise.json": ""}
    torch.export.load(copy, extra_files=extra)
    assert json.loads(extra["pixelwise.json"])["ä"] == "ö"


def test_no_path_of_this_machine_is_in_it(copy):
    assert str(Path(__file__).parent).encode() not in archive.read(copy, PROGRAM)


@pytest.mark.parametrize(
    ("member", "old", "new", "named"),
    [
        (WEIGHTS, '"use_pickle": false', '"use_pickle": true', "a pickle of weights"),
        (WEIGHTS, '"weight_0"', '"../../x"', "a pickle of weights"),
        (PROGRAM, "torch.ops.aten.conv2d.default", "torch.load", "torch.load"),
        (PROGRAM, "torch.ops.aten.conv2d.default", "torch.ops.aten.from_file.default", "from_file"),
        (PROGRAM, '"permute"', '"a; import os"', "import os"),
        (PROGRAM, '"guards_code": []', '"guards_code": ["print(1)"]', "conditions"),
        (PROGRAM, "builtins.dict", "collections.defaultdict", "children_"),
    ],
)
def test_what_could_run_something_is_refused(copy, member, old, new, named):
    rewrite(copy, member, old, new)
    with pytest.raises(PixelwiseError, match=r"not written by `pixelwise export`") as caught:
        pt2.open_model(copy)
    assert named in str(caught.value)


def test_an_expression_of_sizes_is_sums_and_products_alone(copy):
    program = json.loads(archive.read(copy, PROGRAM))
    for text in ("Add(Symbol('s0', positive=True, integer=True), Integer(-1))", "__import__('os')"):
        program["size"] = {"expr_str": text}
        archive.write(copy, PROGRAM, json.dumps(program).encode())
        if text.startswith("Add"):
            archive.check(copy)
    with pytest.raises(PixelwiseError, match="__import__"):
        archive.check(copy)


def test_files_beside_and_examples_are_refused(copy):
    archive.write(copy, "data/weights/model.pt", b"")
    with pytest.raises(PixelwiseError, match="a file data/weights/model"):
        archive.check(copy)
    archive.write(copy, "data/sample_inputs/model.pt", b"\x80")
    with pytest.raises(PixelwiseError, match="a pickle of examples"):
        archive.check(copy)


def test_what_is_no_program_is_damaged(tmp_path):
    path = tmp_path / "model.pt2"
    for content in (None, b"", b"PK nonsense"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(PixelwiseError, match=r"is no exported program .* Export the run again"):
            pt2.open_model(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/models/model.json", "{}")
    with pytest.raises(PixelwiseError, match="is no exported program"):
        pt2.open_model(path)
