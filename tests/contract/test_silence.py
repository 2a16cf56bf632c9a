"""Runtimes report to their makers unless they are kept from it; from here nothing is reported."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pixelwise

SOURCE = Path(pixelwise.__file__).parent
REPORTERS = {"nncf", "onnxruntime", "openvino", "openvino_telemetry"}

# Where one of these is there, both are silent by themselves.
SILENCING = {
    *("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS"),
    *("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"),
}
# Writes the names of what it tries, and keeps it from doing it.
WATCHED = """
import os, sys

def watch(event, arguments):
    if event.startswith(("socket.", "urllib.")):
        os.write(1, f"{event}\\n".encode())
        raise OSError(event)

sys.addaudithook(watch)
from pathlib import Path
import numpy as np
from pixelwise.builtin import NEVI
from pixelwise.find import find
from pixelwise.formats import Deployed
from pixelwise.run import load_model, open_run

run = open_run(NEVI)
images = np.zeros((1, *run.recipe.size_hw, 3), np.uint8)
module, path = find("formats", sys.argv[1]), Path(sys.argv[2])
module.write(Deployed(load_model(run), run.recipe), path, sys.argv[3], [images])
assert module.open_model(path, 1)(images)["class"].any()
assert not any(name.startswith("openvino_telemetry.") for name in sys.modules)
"""


@pytest.mark.parametrize(
    ("to", "library", "precision"),
    [
        pytest.param("onnx", "onnxruntime", "int8", marks=pytest.mark.slow),
        ("onnx", "onnxruntime", "float32"),
        ("openvino", "openvino", "float32"),
    ],
)
def test_a_runtime_reports_to_nobody(tmp_path, to, library, precision):
    pytest.importorskip("onnx")
    if not any((Path(place) / library).is_dir() for place in sys.path):
        pytest.skip(f"{library} is not installed")
    home = tmp_path / "home"
    home.mkdir()
    loud = {name: value for name, value in os.environ.items() if name not in SILENCING}
    found = subprocess.run(
        [sys.executable, "-c", WATCHED, to, str(tmp_path / "file"), precision],
        env=loud | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_DATA_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout == ""
    # Each keeps a number for whom it reports about in the user's folder, and what is not yet sent.
    assert list(home.rglob("*")) == []


def imported(path: Path) -> set[str]:
    """The libraries that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def test_runtimes_are_imported_in_one_place():
    loud = [path for path in SOURCE.rglob("*.py") if imported(path) & REPORTERS]
    assert not loud, "import them by pixelwise.formats._library.require"
