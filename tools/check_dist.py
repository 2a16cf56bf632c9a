"""Check what `make dist` built: metadata, contents, and the wheel in an environment of its own.

    python tools/check_dist.py dist

Exit code 1 and one sentence for the first thing that is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
NEEDED = (
    "pixelwise/py.typed",
    "pixelwise/report/evaluation.html",
    "pixelwise/builtin/nevi/model.safetensors",
    "pixelwise/builtin/people/model.safetensors",
)
IN_SDIST = (
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "constraints.txt",
    "Makefile",
    "tests/conftest.py",
)

# Runs in the new environment: the built-in model on synthetic images that the package draws.
TRIAL = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
import pixelwise

assert Path(pixelwise.__file__).is_relative_to(sys.prefix), pixelwise.__file__
scores = []
for truth in sorted(Path("nevi").rglob("*_lesion.*")):
    there = np.asarray(Image.open(truth).convert("L")) > 127
    [found] = Path("found").rglob(f"*{truth.stem.removesuffix('_lesion')}*_mask.png")
    mask = np.asarray(Image.open(found)) > 127
    scores.append((there & mask).sum() / (there | mask).sum())
assert len(scores) == 6, scores
assert np.median(scores) > 0.7, scores
print(f"built-in model from the wheel: median Jaccard {np.median(scores):.3f} on 6 images")
"""


def main(folder: Path) -> None:
    """Check the one wheel and the one sdist in a folder."""
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    check_contents(wheel, sdist)
    check_metadata(wheel)
    with tempfile.TemporaryDirectory() as place:
        try_out(wheel, Path(place))


def check_contents(wheel: Path, sdist: Path) -> None:
    """Everything that is needed and nothing that is not."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    need(names.issuperset(NEEDED), f"{wheel.name} lacks {sorted(set(NEEDED) - names)}")
    foreign = [name for name in names if not name.startswith(("pixelwise/", "pixelwise-"))]
    need(not foreign, f"{wheel.name} holds files outside the package: {foreign[:3]}")
    compiled = [name for name in names if name.endswith(".pyc")]
    need(not compiled, f"{wheel.name} holds compiled files: {compiled[:3]}")
    with tarfile.open(sdist) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    need(there.issuperset(IN_SDIST), f"{sdist.name} lacks {sorted(set(IN_SDIST) - there)}")


def check_metadata(wheel: Path) -> None:
    """The fields that an index shows, and Python versions that agree with each other."""
    with ZipFile(wheel) as archive:
        [name] = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(name).decode())
    need(fields["License-Expression"] == "Apache-2.0", "the license is no SPDX expression")
    classifiers = fields.get_all("Classifier") or []
    need(f"Requires-Python: {fields['Requires-Python']}" == "Requires-Python: >=3.11", "Python")
    for part in ("Development Status", "Intended Audience", "Topic", "Programming Language"):
        need(any(line.startswith(part) for line in classifiers), f"no classifier '{part}'")
    need("Programming Language :: Python :: 3.11" in classifiers, "no classifier for Python 3.11")
    need("Typing :: Typed" in classifiers, "no classifier 'Typing :: Typed'")
    need(bool(fields["Keywords"]), "no keywords")
    extras = set(fields.get_all("Provides-Extra") or [])
    need({"hub", "export", "tensorflow", "tensorboard", "mlflow"} <= extras, f"extras are {extras}")


def try_out(wheel: Path, place: Path) -> None:
    """Install the wheel alone and use it from an empty folder."""
    venv.create(place / "venv", with_pip=True)
    programs = place / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "-c", ROOT / "constraints.txt", wheel.resolve()], place)
    version = run([programs / "pixelwise", "--version"], place).split()[-1]
    need(version in wheel.name, f"pixelwise --version says {version}, the wheel is {wheel.name}")
    run([programs / "pixelwise", "madeup", "nevi", "--count", "6", "--size", "192"], place)
    run([programs / "pixelwise", "predict", "nevi", "--out", "found"], place)
    print(run([programs / "python", "-c", TRIAL], place).strip())


def run(command: list[str | Path], folder: Path) -> str:
    """What a command prints; what it says of an error is shown."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1200)
    need(done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def need(is_so: bool, otherwise: str) -> None:
    """Stop with a sentence."""
    if not is_so:
        sys.exit(f"The package is not fit to publish: {otherwise}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
