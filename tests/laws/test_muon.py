"""Muon: matrices are made orthogonal, and what goes on takes the same steps."""

from __future__ import annotations

import pytest
import torch

from pixelwise.model import Model
from pixelwise.muon import Muon, orthogonal
from pixelwise.networks import unet
from pixelwise.optimise import build_optimizer, pack, unpack
from pixelwise.recipe import Recipe


def plain(matrix: torch.Tensor) -> torch.Tensor:
    """Newton-Schulz as it is published, step by step on the matrix itself."""
    found = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        gram = found @ found.T
        found = 3.4445 * found + (-4.7750 * gram + 2.0315 * gram @ gram) @ found
    return found


@pytest.mark.parametrize("shape", [(8, 8), (16, 144), (64, 9), (128, 1152)])
def test_directions_stay_and_lengths_become_alike(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape) * 3
    found = orthogonal(matrix)
    left, lengths, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ found @ right.T
    away = inside - torch.diag(inside.diagonal())
    assert float(away.abs().max()) < 1e-3
    # All but the directions that hardly take part.
    large = inside.diagonal()[lengths > 0.1 * lengths.max()]
    assert float(large.min()) > 0.6 and float(large.max()) < 1.3


def test_the_short_way_gives_the_published_matrix() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(32, 288)
    torch.testing.assert_close(orthogonal(matrix), plain(matrix), rtol=0, atol=2e-5)


def test_a_zero_matrix_stays_zero() -> None:
    assert float(orthogonal(torch.zeros(4, 9)).abs().max()) == 0


def small() -> Model:
    torch.manual_seed(2)
    return Model(unet.build(width=4, depth=1), {"joint": 3, "limb": 4})


def learn(model: Model, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        torch.manual_seed(step)
        maps = model(torch.randn(2, 3, 16, 16))
        optimizer.zero_grad(set_to_none=True)
        torch.stack([m.square().mean() for m in maps.values()]).sum().backward()
        optimizer.step()


def test_going_on_takes_the_same_steps() -> None:
    recipe = Recipe(data="d", optimizer="muon", learning_rate=0.02)
    whole = small()
    learn(whole, build_optimizer(whole, recipe), range(4))
    half = small()
    first = build_optimizer(half, recipe)
    learn(half, first, range(2))
    second = build_optimizer(half, recipe)
    unpack(second, pack(first))
    learn(half, second, range(2, 4))
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(half.state_dict()[name], value, rtol=0, atol=0)


def test_matrices_between_layers_are_muons_and_the_rest_is_adams() -> None:
    model = small()
    optimizer = build_optimizer(model, Recipe(data="d", optimizer="muon"))
    assert isinstance(optimizer, Muon)
    names = {id(p): name for name, p in model.named_parameters()}
    turned = {names[id(p)] for g in optimizer.param_groups if g["is_matrix"] for p in g["params"]}
    rest = set(names.values()) - turned
    assert "hidden.0.weight" in turned and "network.reduce.0.weight" in turned
    assert {"heads.joint.weight", "network.stem.0.weight", "hidden.1.weight"} <= rest
    assert set(names.values()) == {
        names[id(p)] for group in optimizer.param_groups for p in group["params"]
    }


@pytest.mark.parametrize("name", ["adamw", "sgd", "muon"])
def test_what_has_learned_already_learns_a_tenth_as_fast(name):
    model = small()
    known = list(model.network.parameters())
    optimizer = build_optimizer(model, Recipe(data="d", optimizer=name), known)
    kinds = {
        (g["is_matrix"], id(p) in {id(k) for k in known}): g["share"]
        for g in optimizer.param_groups
        for p in g["params"]
    }
    for is_matrix in {kind[0] for kind in kinds}:
        assert kinds[is_matrix, True] == pytest.approx(0.1 * kinds[is_matrix, False])
