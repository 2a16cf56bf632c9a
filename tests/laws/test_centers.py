"""Instances and panoptic segments: encoding and decoding are inverses, within what is stated."""

import numpy as np
import pytest
import torch

from perfect import perfect_maps
from pixelwise.geometry import Warp
from pixelwise.layers import lay
from pixelwise.madeup.people import CATEGORIES, make_people
from pixelwise.tasks import instance, panoptic
from pixelwise.tasks._centers import PRIOR
from pixelwise.types import Annotation, Category

NUCLEI = (Category("background", (0, 0, 0)), Category("nucleus", (230, 159, 0), is_thing=True))
LOSS = {"cross_entropy": 1.0}
FINER, STRIDE = 2, 2


def maps_of(task, annotation, warp):
    """The maps of a network that makes no mistake."""
    return perfect_maps(task.encode(warp.finer(FINER).annotation(annotation), FINER * STRIDE))


def there_and_back(task, annotation, size_hw=None):
    warp = Warp.fit(annotation.size_hw, size_hw or annotation.size_hw)
    return task.decode(maps_of(task, annotation, warp), warp)


def discs(places_yxr, size_hw=(128, 160)) -> Annotation:
    rows, columns = np.ogrid[0.5 : size_hw[0], 0.5 : size_hw[1]]
    masks = [(rows - y) ** 2 + (columns - x) ** 2 <= r * r for y, x, r in places_yxr]
    layers = lay(masks, size_hw)
    count = len(places_yxr)
    semantic = layers.any(axis=0).astype(np.uint8) if count else np.zeros(size_hw, np.uint8)
    return Annotation(semantic, layers, np.ones(count, np.int64), np.zeros(count, np.bool_))


def grid(number, radius, pitch):
    side = int(np.ceil(np.sqrt(number)))
    places = [((i // side + 0.5) * pitch, (i % side + 0.5) * pitch, radius) for i in range(number)]
    return discs(places, (-(-int(side * pitch) // 32) * 32,) * 2)


@pytest.fixture
def task():
    return instance.build(NUCLEI, LOSS)


def test_an_empty_picture_has_nothing(task):
    result = there_and_back(task, discs([]))
    assert len(result) == 0 and not result.id_map.any()
    assert task.score(discs([]), result) == 1


@pytest.mark.parametrize("number, radius, pitch", [(1, 30, 96), (25, 9, 24), (2_000, 4, 11)])
def test_as_many_come_back_as_went_in(task, number, radius, pitch):
    truth = grid(number, radius, pitch)
    result = there_and_back(task, truth)
    assert len(result) == number
    assert task.score(truth, result) > (0.95 if radius > 8 else 0.85)


def test_touching_things_stay_apart(task):
    """Squares side by side without a pixel between them, in seven sizes."""
    for side in (8, 10, 12, 16, 20, 26, 32):
        ids = np.kron(np.arange(1, 10).reshape(3, 3), np.ones((side, side), int))
        ids = np.pad(ids, 16).astype(np.uint16)
        ids = np.pad(ids, [(0, -length % 32) for length in ids.shape])
        labels, crowd = np.ones(9, np.int64), np.zeros(9, np.bool_)
        truth = Annotation((ids > 0).astype(np.uint8), ids[None], labels, crowd)
        result = there_and_back(task, truth)
        assert len(result) == 9, side
        # The border between two is right to a map pixel, that is two of the picture's.
        assert task.score(truth, result) > (0.9 if side >= 16 else 0.7), side


def test_things_of_one_pixel_are_counted(task):
    truth = discs([(y + 0.5, x + 0.5, 0.5) for y in range(8, 120, 8) for x in range(8, 150, 8)])
    result = there_and_back(task, truth)
    assert len(result) == len(truth)


def test_a_ring_and_the_disc_in_it_are_two(task):
    disc = discs([(64, 80, 12), (64, 80, 50)])
    inner, outer = disc.mask(0), disc.mask(1)
    masks = [inner, outer & ~discs([(64, 80, 30)]).mask(0)]
    layers = lay(masks, disc.size_hw)
    truth = Annotation(layers.any(axis=0).astype(np.uint8), layers, disc.labels, disc.crowd)
    result = there_and_back(task, truth)
    assert len(result) == 2
    assert task.score(truth, result) > 0.85


def test_of_things_that_overlap_the_smaller_has_the_pixel(task):
    truth = discs([(64, 60, 40), (64, 80, 15)])
    result = there_and_back(task, truth)
    assert len(result) == 2
    small = result.id_map[64, 80]
    assert np.count_nonzero(result.id_map == small) == pytest.approx(np.pi * 15**2, rel=0.1)


def test_two_in_one_map_pixel_are_one(task):
    """The stated limit: centres closer than a map pixel are told apart by nothing."""
    rows, columns = np.mgrid[:64, :64]
    masks = [(rows == 33) & (columns == 33), (rows == 33) & (columns == 32)]
    layers = lay(masks, (64, 64))
    labels, crowd = np.ones(2, np.int64), np.zeros(2, np.bool_)
    truth = Annotation(layers.any(axis=0).astype(np.uint8), layers, labels, crowd)
    assert len(there_and_back(task, truth)) == 1


def test_a_crowd_is_neither_learned_nor_decoded(task):
    truth = discs([(40, 40, 12), (80, 100, 30)])
    semantic = truth.semantic.copy()
    semantic[truth.mask(1)] = 255
    truth = Annotation(semantic, truth.layers, truth.labels, np.array([False, True]))
    targets = task.encode(truth, STRIDE)
    assert targets["center_weight"][0, 40, 50] == 0 and targets["offset_weight"][0, 40, 50] == 0
    assert targets["center"][0, 40, 50] < 1e-3
    assert len(there_and_back(task, truth)) == 1


def test_scores_fall_and_the_surest_is_first(task):
    truth = grid(9, 9, 24)
    warp = Warp.fit(truth.size_hw, truth.size_hw)
    maps = maps_of(task, truth, warp)
    maps["class"][:, :, :20] *= 0.3
    scores = task.decode(maps, warp).scores
    assert (np.diff(scores) <= 0).all() and 0 <= scores.min() < scores.max() <= 1


@pytest.mark.parametrize("axes", [(), (-1,), (-2,), (-2, -1)])
def test_maps_of_a_mirrored_picture_come_back_as_those_of_the_picture(task, axes):
    truth = discs([(30, 40, 14), (80, 100, 22), (90, 60, 9)])
    mirror = np.diag([-1.0 if -1 in axes else 1.0, -1.0 if -2 in axes else 1.0, 1.0])
    mirror[:2, 2] = [160 if -1 in axes else 0, 128 if -2 in axes else 0]
    warp = Warp(np.eye(3), truth.size_hw, truth.size_hw)
    plain = maps_of(task, truth, warp)
    mirrored = maps_of(task, truth, warp.then(mirror))
    back = task.flipped({name: torch.from_numpy(m[None]) for name, m in mirrored.items()}, axes)
    inside = plain["class"][0] > 0
    for name, values in plain.items():
        difference = np.abs(back[name][0].numpy() - values)[:, inside]
        assert np.median(difference) < 0.05, name


def test_the_loss_is_0_at_the_truth_and_grows_away_from_it(task):
    truth = grid(9, 9, 24)
    targets = {n: torch.from_numpy(t[None]) for n, t in task.encode(truth, STRIDE).items()}
    perfect = maps_of(task, truth, Warp.fit(truth.size_hw, truth.size_hw))
    maps = {name: torch.from_numpy(values[None].copy()) for name, values in perfect.items()}
    maps["center"] = torch.logit(targets["center"].clamp(1e-6, 1 - 1e-6)) - PRIOR
    maps["offset"] = targets["offset"].clone()
    at_truth = task.loss(maps, targets)
    assert float(at_truth["center"]) < 1e-3 and float(at_truth["offset"]) == 0
    maps["offset"] = torch.zeros_like(maps["offset"])
    assert float(task.loss(maps, targets)["offset"]) == pytest.approx(1, abs=1e-5)


def test_the_ceiling_of_made_up_people():
    """Perfect maps at the working size give back all but thin seams of the truth."""
    task = panoptic.build(CATEGORIES, LOSS)
    scores, missing = [], 0
    for scene in make_people(6, 5, size_hw=(192, 256)):
        result = there_and_back(task, scene.annotation)
        scores.append(task.score(scene.annotation, result))
        things = [CATEGORIES[label].is_thing for label in result.labels]
        missing += abs(sum(things) - len(scene.annotation))
    assert np.mean(scores) > 0.93 and missing == 0


def test_panoptic_covers_the_picture_with_stuff_and_things():
    task = panoptic.build(CATEGORIES, LOSS)
    (scene,) = make_people(1, 3, size_hw=(96, 128))
    result = there_and_back(task, scene.annotation)
    assert (result.id_map > 0).mean() > 0.97
    kinds = [label for label in result.labels if not CATEGORIES[label].is_thing]
    assert len(kinds) == len(set(kinds))


THING, OTHER = (Category(name, (9, 9, 9), is_thing=True) for name in ("cell", "speck"))
STUFF, MORE = Category("ground", (1, 1, 1)), Category("water", (2, 2, 2))


@pytest.mark.parametrize("kind", [instance, panoptic])
@pytest.mark.parametrize(
    "categories",
    [
        (THING, STUFF),
        (STUFF, THING),
        (THING, STUFF, MORE),
        (STUFF, THING, MORE),
        (STUFF, MORE, THING),
        (OTHER, STUFF, THING),
    ],
    ids=lambda found: "-".join(each.name for each in found),
)
def test_things_and_stuff_stand_in_any_order(kind, categories):
    """Of two categories a single logit is that of the second, whatever the second is."""
    things = [place for place, each in enumerate(categories) if each.is_thing]
    stuff = [place for place, each in enumerate(categories) if not each.is_thing]
    truth = discs([(30, 30, 14), (30, 90, 12), (90, 60, 16)])
    labels = np.array([things[n % len(things)] for n in range(3)], np.int64)
    ground = np.full(truth.size_hw, stuff[0], np.uint8)
    ground[64:] = stuff[-1]
    by_number = np.concatenate([[0], labels]).astype(np.uint8)
    layer = truth.layers.max(axis=0)
    semantic = np.where(layer > 0, by_number[layer], ground)
    truth = Annotation(semantic, layer[None], labels, np.zeros(3, np.bool_))
    task = kind.build(categories, LOSS)
    result = there_and_back(task, truth)
    for number, label in enumerate(labels, start=1):
        owner = np.bincount(result.id_map[layer == number]).argmax()
        assert result.labels[owner - 1] == label
    assert task.score(truth, result) > 0.93 and np.all(result.scores > 0.5)
