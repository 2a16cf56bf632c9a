"""Made-up logits, and the shares and weights they are compared with."""

import torch
from torch.nn import functional as F


def case(channels: int, seed: int = 0, dtype: torch.dtype = torch.float32, hw=(6, 5), hard=False):
    """Random logits, shares (or labels as shares), and known shares with some pixels unknown."""
    g = torch.Generator().manual_seed(seed)
    shape = (3, channels, *hw)
    logits = torch.randn(shape, generator=g, dtype=dtype) * 2
    if hard:
        labels = torch.randint(0, max(2, channels), (3, *hw), generator=g)
        target = labels[:, None] if channels == 1 else F.one_hot(labels, channels).movedim(-1, 1)
        target = target.to(dtype)
    else:
        target = torch.rand(shape, generator=g, dtype=dtype)
        target = target if channels == 1 else target / target.sum(dim=1, keepdim=True)
    weight = torch.rand((3, 1, *hw), generator=g, dtype=dtype)
    weight[weight < 0.3] = 0
    return logits, target, weight
