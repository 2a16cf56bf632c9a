import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.geometry import Warp, rotation, scaling, shear, translation
from pixelwise.maps import class_shares
from pixelwise.types import IGNORE

sides = st.integers(1, 60)


def disc(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return ((rows - y) ** 2 + (columns - x) ** 2 < radius**2).astype(np.uint8)


@given(sides, sides, sides, sides)
def test_fit_keeps_the_aspect_and_the_middle(h, w, target_h, target_w):
    warp = Warp.fit((h, w), (target_h, target_w))
    corners = warp.points(np.array([[0.0, 0.0], [w, h], [w / 2, h / 2]]))
    extent = corners[1] - corners[0]
    assert np.allclose(corners[2], [target_w / 2, target_h / 2])
    assert extent[0] / w == pytest.approx(extent[1] / h)
    assert np.all(extent <= np.array([target_w, target_h]) + 1e-9)
    assert np.any(np.isclose(extent, [target_w, target_h]))


@given(st.floats(-180, 180), st.floats(0.3, 3), st.floats(-20, 20), st.floats(-20, 20))
def test_inverse_brings_points_home(angle, scale, slant, shift):
    matrix = translation(shift, -shift) @ rotation(angle) @ shear(slant) @ scaling(scale, scale)
    warp = Warp(matrix, (40, 50), (60, 70))
    points = np.array([[0.0, 0.0], [12.5, 3.25], [50.0, 40.0]])
    assert np.allclose(warp.inverse().points(warp.points(points)), points)


def test_identity_changes_no_pixel():
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    warp = Warp(np.eye(3), (37, 53), (37, 53))
    assert np.array_equal(warp.image(image), image)
    assert np.array_equal(warp.labels(image[..., 0]), image[..., 0])


def test_flipping_twice_is_nothing():
    image = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    flip = Warp(translation(31, 0) @ scaling(-1, 1), (20, 31), (20, 31))
    assert np.array_equal(flip.image(image), image[:, ::-1])
    assert np.array_equal(flip.image(flip.image(image)), image)


def test_points_and_pixels_move_together():
    """A disc's centre, moved as a point, is the centre of the moved disc."""
    mask = disc(120, 160, 40.5, 100.5, 9)
    matrix = translation(20, 10) @ rotation(30) @ scaling(0.8, 0.8)
    warp = Warp(matrix, (120, 160), (150, 150))
    moved = warp.labels(mask) == 1
    rows, columns = np.nonzero(moved)
    centre = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    assert np.allclose(centre, warp.points(np.array([[100.5, 40.5]]))[0], atol=0.15)


@pytest.mark.parametrize("scale", [0.11, 0.3, 0.9, 1.0, 2.7])
def test_shrinking_averages_and_moves_nothing(scale):
    """A ramp stays a ramp with the same values at the same places, however much it shrinks."""
    height, width = 300, 400
    ramp = np.broadcast_to(np.linspace(20, 220, width), (height, width))
    image = np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8)
    target_hw = (round(height * scale), round(width * scale))
    warp = Warp(scaling(target_hw[1] / width, target_hw[0] / height), (height, width), target_hw)
    expected = 20 + 200 * (np.arange(target_hw[1]) + 0.5) / target_hw[1]
    found = warp.image(image)[target_hw[0] // 2, :, 0]
    inner = slice(target_hw[1] // 10, -target_hw[1] // 10)
    assert np.abs(found[inner] - expected[inner]).max() < 2


def test_outside_is_ignored_in_labels():
    warp = Warp(translation(10, 0), (20, 20), (20, 20))
    moved = warp.labels(np.ones((20, 20), np.uint8))
    assert (moved[:, :10] == IGNORE).all() and (moved[:, 10:] == 1).all()


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("size_hw", [(577, 763), (150, 700), (61, 40)])
def test_maps_come_home_above_their_stated_ceiling(stride, size_hw):
    """Perfect maps of a disc, at working size 192 x 256, lose at most the border's blur."""
    height, width = size_hw
    mask = disc(height, width, height * 0.45, width * 0.55, 0.3 * min(size_hw))
    warp = Warp.fit(size_hw, (192, 256))
    finer = warp.finer(2).labels(mask)
    shares, _ = class_shares(finer, 2, 2 * stride)
    home = np.zeros(size_hw, bool)
    for rows, strip in warp.maps_back(shares[1:], rows=100):
        home[rows] = strip[0] > 0.5
    jaccard = (home & (mask == 1)).sum() / (home | (mask == 1)).sum()
    assert jaccard > {1: 0.985, 2: 0.975, 4: 0.95}[stride]


def test_strips_make_the_same_map_as_one_piece():
    values = np.random.default_rng(1).normal(size=(2, 24, 32)).astype(np.float32)
    warp = Warp.fit((333, 517), (96, 128))
    whole = np.concatenate([strip for _, strip in warp.maps_back(values, rows=10_000)], axis=1)
    strips = np.concatenate([strip for _, strip in warp.maps_back(values, rows=50)], axis=1)
    assert whole.shape == (2, 333, 517)
    assert np.allclose(whole, strips, atol=1e-3)


def test_maps_home_agree_with_a_plain_resize():
    values = np.random.default_rng(1).normal(size=(1, 48, 64)).astype(np.float32)
    warp = Warp.fit((192, 256), (48, 64))
    home = np.concatenate([strip for _, strip in warp.maps_back(values)], axis=1)[0]
    expected = cv2.resize(values[0], (256, 192), interpolation=cv2.INTER_LINEAR)
    assert np.abs(home - expected).max() < 0.02


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_class_shares_are_shares(factor, num_classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, (6 * factor, 4 * factor)).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.2] = IGNORE
    shares, known = class_shares(labels, num_classes, factor)
    assert shares.shape == (num_classes, 6, 4) and known.shape == (1, 6, 4)
    block = labels.reshape(6, factor, 4, factor)
    valid = (block != IGNORE).mean(axis=(1, 3))
    assert np.allclose(known[0], valid, atol=1e-6)
    for index in range(num_classes):
        expected = (block == index).mean(axis=(1, 3))
        assert np.allclose(shares[index] * known[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "source_hw, target_hw", [((512, 512), (512, 512)), ((1300, 90), (1312, 96))]
)
def test_maps_enlarged_a_whole_number_of_times_are_as_those_moved_home(source_hw, target_hw):
    """The quick way and the general one give the same numbers, strip by strip."""
    height, width = target_hw
    maps = np.random.default_rng(0).normal(size=(2, height // 2, width // 2)).astype(np.float32)
    quick = Warp(np.eye(3), source_hw, target_hw)
    # A shear too small to be seen: it is the general way that is taken.
    general = quick.then(np.array([[1, 1e-8, 0], [0, 1, 0], [0, 0, 1]]))
    one, other = (
        np.concatenate([strip for _, strip in warp.maps_back(maps)], axis=1)
        for warp in (quick, general)
    )
    assert one.shape == (2, *source_hw)
    assert np.abs(one - other).max() < 1e-4


def shrunk(factor: float, size_hw=(96, 240)) -> Warp:
    height, width = size_hw
    target = round(height * factor), round(width * factor)
    return Warp(scaling(target[1] / width, target[0] / height), size_hw, target)


@pytest.mark.parametrize("factor", [1 / 2, 1 / 4, 1 / 6, 1 / 3, 2 / 5, 3 / 4, 3 / 2, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_labels_move_nowhere_when_they_are_resized(factor, axis):
    """Over all edges; a single one of hard labels is off by up to half a pixel."""
    warp = shrunk(factor, (600, 600))
    off = []
    for edge in range(60, 540):
        labels = np.zeros(warp.source_hw, np.uint8)
        labels[(slice(None),) * axis + (slice(edge),)] = 1
        found = (warp.labels(labels) == 1).sum(axis=axis)
        ratio = warp.target_hw[axis] / warp.source_hw[axis]
        assert np.ptp(found) == 0 and abs(found[0] - edge * ratio) <= 0.5 + 1e-9
        off.append(found[0] - edge * ratio)
    assert abs(np.mean(off)) < 0.02


@pytest.mark.parametrize("size_hw", [(96, 240), (97, 241), (52, 53)])
@pytest.mark.parametrize("factor", [0.5, 0.25, 0.7])
def test_labels_of_a_mirror_image_are_the_mirror_image_of_the_labels(size_hw, factor):
    labels = np.random.default_rng(0).integers(0, 9, size_hw).astype(np.uint8)
    warp = shrunk(factor, size_hw)
    found = warp.labels(labels)
    # The line in the very middle may lie between two pixels, and has no other side.
    sides = [np.arange(n) != n // 2 if n % 2 else np.ones(n, bool) for n in found.shape]
    rows, columns = np.ix_(*sides)
    upside_down = warp.labels(labels[::-1].copy())[::-1]
    left_right = warp.labels(labels[:, ::-1].copy())[:, ::-1]
    for other in (upside_down, left_right):
        assert np.array_equal(found[rows, columns], other[rows, columns])


@pytest.mark.parametrize("angle", [0, 13, 45, 90, 180, 270, -30])
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.7])
def test_labels_come_from_the_pixel_under_the_centre(angle, factor, monkeypatch):
    """Whatever OpenCV does."""
    monkeypatch.setattr("cv2.warpAffine", None)
    labels = np.random.default_rng(1).integers(0, 200, (40, 60)).astype(np.uint8)
    about = translation(-30, -20), scaling(factor, factor), rotation(angle), translation(25.3, 31.1)
    matrix = np.linalg.multi_dot(about[::-1])
    warp = Warp(matrix, (40, 60), (62, 51))
    x, y = np.meshgrid(np.arange(51) + 0.5, np.arange(62) + 0.5)
    home = warp.inverse().points(np.stack([x.ravel(), y.ravel()], axis=1))
    columns, rows = np.floor(home).astype(int).T
    inside = (rows >= 0) & (rows < 40) & (columns >= 0) & (columns < 60)
    expected = np.full(len(home), 255, np.uint8)
    expected[inside] = labels[rows[inside], columns[inside]]
    is_plain = (np.abs(home - np.rint(home)) > 1e-6).all(axis=1)
    assert is_plain.mean() > 0.3
    assert np.array_equal(warp.labels(labels).ravel()[is_plain], expected[is_plain])
