"""Muon: momentum whose matrices are made orthogonal, so that every direction learns alike.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024
(https://kellerjordan.github.io/posts/muon). Where this departs from it: the Newton-Schulz steps are
taken on the small square matrix X X^T and put together to one factor, which gives the same matrix
in about half the time: see LOG.md. PyTorch's own Muon takes matrices only, no convolutions, and
turns them in bfloat16, which few CPUs have instructions for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# The quintic iteration's coefficients and number of steps are the publication's.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_MOMENTUM = 0.95


class Muon(torch.optim.AdamW):
    """Muon on the groups of parameters marked ``"is_matrix"``, AdamW on the others.

    A convolution's weights (O, I, h, w) are a matrix of O rows. Weight decay is decoupled for both.

    Args:
        groups: as of any optimiser, each with "is_matrix".
        lr: learning rate.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Take one step; ``closure`` is not supported."""
        assert closure is None
        everything = self.param_groups
        for group in everything:
            if group["is_matrix"]:
                self._turn(group)
        self.param_groups = [group for group in everything if not group["is_matrix"]]
        try:
            super().step()
        finally:
            self.param_groups = everything

    def _turn(self, group: dict[str, Any]) -> None:
        """Move a group's matrices, each by as much whatever the size of its gradient."""
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if not state:
                # AdamW asks every state that it loads for its step.
                state.update(step=torch.zeros(()), momentum=torch.zeros_like(weight))
            state["momentum"].lerp_(weight.grad, 1 - _MOMENTUM)
            # Nesterov's look ahead.
            ahead = weight.grad.lerp(state["momentum"], _MOMENTUM).flatten(1)
            turned = orthogonal(ahead).reshape(weight.shape)
            rows, columns = ahead.shape
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(turned, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """About the orthogonal matrix nearest to a matrix: U V^T of its singular vectors.

    Singular values come out between about 0.7 and 1.2, which serves as well as 1 (Jordan et al.).
    With X_0 the matrix over its norm, each step is X' = (a + b X X^T + c (X X^T)^2) X. All factors
    are polynomials of A = X_0 X_0^T, so that their product is enough.

    Args:
        matrix: (M, N) float32.

    Returns:
        (M, N) float32.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    gram = wide @ wide.T
    product: Tensor | None = None
    for _ in range(_STEPS):
        factor = torch.addmm(b * gram, gram, gram, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        gram = factor @ gram @ factor
    assert product is not None
    found: Tensor = product @ wide
    return found if matrix.shape[0] <= matrix.shape[1] else found.T
