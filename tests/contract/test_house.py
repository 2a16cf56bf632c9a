"""The house stands as it is drawn: imports point one way, the public surface is what it says."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pixelwise
from pixelwise.find import find, names
from pixelwise.types import PixelwiseError

SOURCE = Path(pixelwise.__file__).parent

# Lower rooms know nothing of higher ones. A folder's modules stand in one room.
ROOMS = [
    {"types"},
    {
        "anatomy",
        "find",
        "files",
        "geometry",
        "history",
        "joints",
        "muon",
        "layers",
        "limbs",
        "lock",
        "maps",
        "rle",
        "losses",
        "machine",
        "manifest",
        "recipe",
        "run_checks",
        "run_paths",
        "device",
        "pace",
        "places",
        "progress",
        "terminal",
        "skeletons",
        "smoothing",
        "statistics",
        "begin",
        "status",
        "words",
    },
    {
        "metrics",
        "draw",
        "regions",
        "tracking",
        "videos",
    },
    {"colors", "captions", "stick"},
    {"outputs"},
    {"datasets", "networks", "tasks", "augment", "madeup", "optimise", "tiles", "loggers"},
    {
        *(
            "builtin",
            "fingerprints",
            "contents",
            "splits",
            "findings",
            "scan",
            "objects",
            "people",
            "model",
        ),
        *("appearance", "near_duplicates"),
        "writers",
    },
    {"instance_findings", "joint_findings", "refusals", "sheet"},
    {"store", "run"},
    {"trained"},
    {"loader", "plan", "speeds", "interruption"},
    {"keras"},
    {"formats"},
    {"agreement", "card", "own_data", "held_out"},
    {"exported", "exporting", "probes", "proof", "runtimes", "stopwatch"},
    {"validate", "predictor", "doctor", "conversion", "outside", "engines"},
    {"clips", "inputs"},
    {"delivery"},
    {"training", "predictions", "tables"},
    {"report", "evaluation", "evaluated", "comparison", "benchmarking"},
    {"demonstration", "rebuild"},
    {"cli", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Rooms that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pixelwise"):
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return found - {"__version__"}


MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.name != "__init__.py"
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    assert room in FLOOR, f"{room} stands in no room of the house: add it to ROOMS"
    higher = {other for other in imported(path) - {room} if FLOOR[other] > FLOOR[room]}
    assert not higher, f"{room} imports what stands above it: {higher}"


def test_every_room_exists():
    there = {room_of(path) for path in MODULES}
    assert set(FLOOR) == there


def test_the_plan_of_the_house_shows_every_room():
    drawn = (SOURCE.parents[1] / "docs" / "house.md").read_text()
    missing = [room for room in FLOOR if not re.search(rf"\b{room}(\.py|/)", drawn)]
    assert missing == ["__main__"]


def test_the_public_surface_is_this():
    assert pixelwise.__all__ == [
        "PixelwiseError",
        "benchmark",
        "check",
        "compare",
        "convert",
        "evaluate",
        "export",
        "load",
        "open_dataset",
        "open_run",
        "predict",
        "train",
    ]
    for name in pixelwise.__all__:
        assert callable(getattr(pixelwise, name))
        assert not (SOURCE / f"{name}.py").exists(), "a module would hide the function"


def test_help_and_import_do_not_load_torch():
    code = (
        "import sys, pixelwise, pixelwise.cli; "
        "sys.exit(bool({'torch', 'cv2', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(PixelwiseError, match=r"No network is called 'unett'\. There are: .*unet"):
        find("networks", "unett")


@pytest.mark.parametrize("folder", ["networks", "tasks", "loggers", "outputs", "engines"])
def test_every_module_of_a_registry_builds(folder):
    assert names(folder)
    for name in names(folder):
        assert callable(find(folder, name).build)


def test_nothing_is_ever_unpickled():
    for path in MODULES:
        text = path.read_text()
        assert "import pickle" not in text and "torch.load(" not in text, path
        assert "allow_pickle=True" not in text, path


def test_notebooks_complete_the_public_names():
    assert set(dir(pixelwise)) == {*pixelwise.__all__, "__version__"}
