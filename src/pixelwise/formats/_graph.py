"""What every writer of a PyTorch model begins with: pictures in, maps out, in one graph."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import torch
from torch import Tensor, nn

from pixelwise.formats import Deployed
from pixelwise.model import Model, normalise
from pixelwise.types import PixelwiseError

INPUT = "images"
"""The name of what goes in."""


class Graph(nn.Module):
    """(B, H, W, 3) uint8 RGB -> maps in the order of their names, (B, C, h, w) float32 each."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = model.network
        # Without their names: `torch.export` writes them as Python, and a map is named "class".
        self.heads = nn.ModuleList(model.heads.values())

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Normalise, and look: `Model.forward` without the names."""
        features = self.network(normalise(images))
        return tuple(head(features) for head in self.heads)


def graph(deployed: Deployed) -> Graph:
    """The graph of a model, for predicting."""
    return Graph(deployed.model).eval()


def example(deployed: Deployed) -> Tensor:
    """(2, H, W, 3) uint8 at working size: one picture alone would fix the number of pictures."""
    return torch.zeros((2, *deployed.recipe.size_hw, 3), dtype=torch.uint8)


def require(name: str, extra: str) -> Any:
    """Import a library of an extra of this package; nothing else here may import a runtime.

    Raises:
        PixelwiseError: not installed; the message says how.
    """
    _silence()
    try:
        return importlib.import_module(name)
    except ImportError:
        raise PixelwiseError(
            f'This needs {name}, which is not installed: pip install "pixelwise[{extra}]".'
        ) from None


def _silence() -> None:
    """Keep runtimes from reporting to their makers, which two of them do without asking.

    OpenVINO reports that it is imported, and does not where the library that would is missing.
    ONNX Runtime from 1.29 on reports every session, unless this variable is there before it is.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
