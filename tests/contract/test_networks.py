"""Every network in the folder keeps the promises of `pixelwise.networks.Network`."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from backbones import description
from pixelwise.find import find, names
from pixelwise.types import PixelwiseError

NETWORKS = names("networks")
SIZEABLE = [name for name in NETWORKS if find("networks", name).WIDTH is not None]
ODD_SIZES = [(1, 1), (7, 13), (33, 65), (64, 96)]


def built(name: str, *shape: int | None) -> nn.Module:
    """A network of this kind; on a pretrained backbone, one on the smallest there is."""
    module = find("networks", name)
    if not hasattr(module, "describe"):
        return module.build(*shape)
    return module.build(*(shape or (None, None)), description())


def fresh(name: str, seed: int = 0) -> nn.Module:
    """A small network of this kind, with running statistics that are not 0 and 1."""
    torch.manual_seed(seed)
    shape = (4, 2) if name in SIZEABLE else (None, None)
    network = built(name, *shape)
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 64, 64))
    return network.eval()


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size_hw", ODD_SIZES)
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_any_size_gives_features_of_the_declared_channels_and_stride(name, size_hw):
    network = fresh(name)
    features = network(pictures(2, 3, *size_hw))
    height, width = (-(-side // network.stride) for side in size_hw)
    assert features.shape == (2, network.features, height, width)
    assert features.dtype == torch.float32
    assert features.isfinite().all() and features.std() > 0


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_a_batch_is_its_pictures_one_by_one(name):
    network, images = fresh(name), pictures(3, 3, 33, 65)
    one_by_one = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), one_by_one, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_weight_and_the_picture(name):
    network = fresh(name).train()
    images = pictures(2, 3, 33, 65).requires_grad_()
    features = network(images)
    # A random direction: batch normalisation makes the plain sum blind to what lies before it.
    (features * pictures(*features.shape)).sum().backward()
    without = [key for key, value in network.named_parameters() if not value.grad.any()]
    assert without == []
    assert images.grad.isfinite().all() and images.grad.any()


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_channels_last_gives_the_same_numbers(name):
    network, images = fresh(name), pictures(2, 3, 33, 65)
    expected = network(images)
    found = network.to(memory_format=torch.channels_last)(
        images.contiguous(memory_format=torch.channels_last)
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name):
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(built(name).state_dict())
    first, again, other = states
    assert list(first) == list(again) == list(other)
    assert all(torch.equal(first[key], again[key]) for key in first)
    kernels = [key for key in first if first[key].ndim == 4]
    assert kernels
    assert not any(torch.equal(first[key], other[key]) for key in kernels)


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_a_picture_that_needs_padding_is_the_one_with_its_border_repeated(name):
    network, image = fresh(name), pictures(1, 3, 61, 94)
    down, right = -61 % network.multiple, -94 % network.multiple
    rows = torch.arange(61 + down).clamp(max=60)
    columns = torch.arange(94 + right).clamp(max=93)
    whole = network.forward_padded(image[..., rows, :][..., columns])
    height, width = -(-61 // network.stride), -(-94 // network.stride)
    torch.testing.assert_close(network(image), whole[..., :height, :width])


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_a_picture_that_needs_no_padding_gets_none(name):
    network, image = fresh(name), pictures(1, 3, 64, 96)
    assert torch.equal(network(image), network.forward_padded(image))


@pytest.mark.parametrize("name", SIZEABLE)
@torch.no_grad()
def test_what_moves_in_the_picture_moves_in_the_features(name):
    torch.manual_seed(0)
    network = find("networks", name).build(4, 1).eval()
    step, image = network.multiple, pictures(1, 3, 96, 96)
    moved = network(torch.roll(image, (step, 2 * step), dims=(2, 3)))
    by = (step // network.stride, 2 * step // network.stride)
    expected = torch.roll(network(image), by, dims=(2, 3))
    # The borders differ, because the convolutions pad there: compare the middle.
    edge = 32 // network.stride
    middle = (..., slice(edge, -edge), slice(edge, -edge))
    torch.testing.assert_close(moved[middle], expected[middle], atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_exported_at_one_size_it_is_the_same_network_at_others(name):
    # With a convolution behind it, as in the model: what follows the crop must not ask for sizes.
    network = nn.Sequential(fresh(name), nn.Conv2d(fresh(name).features, 1, 1)).eval()
    free = torch.export.Dim.DYNAMIC
    example = (pictures(2, 3, 45, 70),)
    exported = torch.export.export(network, example, dynamic_shapes=({0: free, 2: free, 3: free},))
    for shape in [(3, 3, 64, 96), (1, 3, 33, 64)]:
        images = pictures(*shape)
        found = exported.module()(images)
        torch.testing.assert_close(found, network(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_width_and_depth_are_obeyed_or_refused(name):
    module = find("networks", name)
    if name not in SIZEABLE:
        with pytest.raises(PixelwiseError, match="fixed shape"):
            module.build(width=16)
        with pytest.raises(PixelwiseError, match="fixed shape"):
            module.build(depth=4)
        return
    assert sizes(module.build(4, 2)) < sizes(module.build(8, 2)) < sizes(module.build(8, 3))
    assert sizes(module.build()) == sizes(module.build(module.WIDTH, module.DEPTH))
    with pytest.raises(PixelwiseError, match="at least 1, not 0 and 2"):
        module.build(0, 2)


def sizes(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())
