"""Optional dependencies: each extra works where no other is installed, and the core without any."""

import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

# What each extra brings along, by the names it is imported under, and a use of it.
EXTRAS = {
    "": ((), "import pixelwise; pixelwise.load()"),
    "hub": (
        ("transformers", "huggingface_hub", "tokenizers"),
        "from pixelwise.networks._hub import library; library('transformers').ResNetConfig()",
    ),
    "export": (
        ("onnx", "onnxruntime", "onnxscript", "onnx_ir", "openvino"),
        "import pixelwise\nfor to in ('onnx', 'openvino'): pixelwise.load(runtime=to)",
    ),
    "tensorflow": (
        ("tensorflow", "keras"),
        "from pixelwise import builtin, keras; keras.load(builtin.NEVI)",
    ),
    "tensorboard": (
        ("tensorboard",),
        "import pathlib; from pixelwise.loggers import tensorboard\n"
        "tensorboard.build(pathlib.Path('.')).close()",
    ),
}
# So an import fails, and whoever looks first finds nothing.
REFUSING = "import sys; sys.modules.update(dict.fromkeys({refused}))\n"


def test_every_extra_is_tried():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    # mlflow is large and not installed for tests; the others are for developers.
    assert set(project["optional-dependencies"]) - {"mlflow", "dev", "dist"} == set(EXTRAS) - {""}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_works_alone(extra, tmp_path):
    libraries, use = EXTRAS[extra]
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    others = {name for each, (names, _) in EXTRAS.items() if each != extra for name in names}
    code = REFUSING.format(refused=others - {*libraries}) + use
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
