"""What every test stands on."""

import atexit
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# Set before torch is imported. One thread each: waiting OpenMP threads spin, and with several
# test processes on two cores they made a run of seconds take minutes. And no test may reach out.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
# What is kept for the user is none of the tests' business, but for matplotlib's list of fonts,
# which takes seconds to make.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ.setdefault("MPLCONFIGDIR", str(_CACHE / "matplotlib"))
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="pixelwise-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="DIR", help="folder of real pictures to test with")


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Path:
    """The folder of real pictures; tests that need it are skipped without one."""
    given = request.config.getoption("--pictures")
    if given is None:
        pytest.skip("needs real pictures: give --pictures DIR")
    return Path(given)


@pytest.fixture
def type_in(monkeypatch, tmp_path, capsys):
    """Types a command in an empty folder; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    from pixelwise import cli

    def run(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        output = capsys.readouterr()
        return code, " ".join(output.out.split()), " ".join(output.err.split())

    return run
