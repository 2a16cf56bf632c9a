"""check, train, evaluate, predict, export and convert open no socket, nor do their processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from discs import write_folder

# Found by Python when it starts, and so by every process that is started from it.
WATCH = """
import os, sys

_FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
              "socket.sendto", "socket.sendmsg", "urllib.Request")

def _watch(event, arguments):
    if event not in _FORBIDDEN:
        return
    # Processes on this computer may speak with each other.
    if event in ("socket.connect", "socket.bind") and isinstance(arguments[1], (str, bytes)):
        return
    with open(os.environ["SOCKETS_SEEN"], "a") as file:
        file.write(f"{event} {arguments[1:]}\\n")
    raise OSError(f"a socket: {event}")

sys.addaudithook(_watch)
with open(os.environ["SOCKETS_SEEN"] + ".watched", "a") as file:
    file.write(f"{os.getpid()}\\n")
"""
SMALL = "--steps 1 --size 64 --width 8 --depth 2 --start none"
COMMANDS = [
    "check data --out check",
    f"train data --out run {SMALL}",
    "evaluate run --out report",
    "predict run data/images --out predictions --runtime torch",
    "convert data converted --to coco",
]


def type_all(tmp_path: Path, commands: list[str]) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join([str(tmp_path / "watch"), *sys.path])
    # As on a user's computer: nothing says that the network is out of reach.
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("HF_", "CI"))}
    environment |= {"PYTHONPATH": path, "SOCKETS_SEEN": str(tmp_path / "seen")}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    for command in commands:
        found = subprocess.run(
            [sys.executable, "-m", "pixelwise", *command.split()],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert found.returncode == 0, found.stderr
    assert len((tmp_path / "seen.watched").read_text().splitlines()) >= len(commands)
    seen = tmp_path / "seen"
    assert not seen.exists(), seen.read_text()


def test_the_watch_sees_sockets(tmp_path):
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    code = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
    environment = {"PYTHONPATH": str(tmp_path / "watch"), "SOCKETS_SEEN": str(tmp_path / "seen")}
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | environment).returncode
    assert "socket." in (tmp_path / "seen").read_text()


def test_commands_open_no_socket(tmp_path):
    write_folder(tmp_path / "data", 10)
    type_all(tmp_path, COMMANDS)


@pytest.mark.parametrize(
    "to", ["onnx", *(pytest.param(to, marks=pytest.mark.slow) for to in ("openvino", "pt2"))]
)
def test_export_opens_no_socket(tmp_path, to):
    for library in {"onnx": ["onnx", "onnxruntime"], "openvino": ["openvino"]}.get(to, []):
        pytest.importorskip(library)
    type_all(tmp_path, [f"export --to {to} --out model.{to}"])


@pytest.mark.slow
def test_madeup_and_benchmark_open_no_socket(tmp_path):
    type_all(
        tmp_path,
        [
            "madeup nevi --count 40 --size 128",
            "madeup people --what people --count 40",
            f"train people --out run {SMALL} --task instance",
            "predict run people/images --out predictions",
            "benchmark run --sizes 64 --batches 1 --out benchmark",
        ],
    )
