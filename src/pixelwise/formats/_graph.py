"""What every writer of a PyTorch model begins with: pictures in, maps out, in one graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelwise.formats import Deployed
from pixelwise.model import Model, normalise


class Graph(nn.Module):
    """(B, H, W, 3) uint8 RGB -> maps in the order of their names, (B, C, h, w) float32 each."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = nn.Sequential(model.network, model.hidden)
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
