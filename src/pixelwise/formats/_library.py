"""Libraries of an extra, which may be missing; files are run without torch being loaded."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from pixelwise.types import PixelwiseError

INPUT = "images"
"""The name of what goes into an exported graph."""
EXTRA = "export"
"""The extra of this package that installs what writes and runs files of PyTorch models."""


def require(name: str, extra: str) -> Any:
    """Import a library of an extra of this package; nothing else here may import a runtime.

    Raises:
        PixelwiseError: not installed; the message says how.
    """
    silence()
    try:
        return importlib.import_module(name)
    except ImportError:
        raise PixelwiseError(
            f'This needs {name}, which is not installed: pip install "pixelwise[{extra}]".'
        ) from None


def silence() -> None:
    """Keep runtimes from reporting to their makers, which two of them do without asking.

    OpenVINO reports that it is imported, and does not where the library that would is missing.
    ONNX Runtime from 1.29 on reports every session, unless this variable is there before it is.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
