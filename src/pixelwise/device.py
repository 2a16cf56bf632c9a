"""Where tensors live, and what that place can do."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from pixelwise.types import PixelwiseError


def pick(name: str) -> torch.device:
    """ "auto" is the GPU where there is one.

    Raises:
        PixelwiseError: a device this machine does not have.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, is_there in there.items() if is_there)
    if not there[name]:
        here = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise PixelwiseError(f"This machine has no '{name}' device. It has: {here}.")
    return torch.device(name)


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 arithmetic where the GPU has it; float32 elsewhere."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def make_exact(device: torch.device) -> None:
    """Ask for the same bits from the same numbers; the CPU gives them without asking."""
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
