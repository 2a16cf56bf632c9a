import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from discs import CATEGORIES, sample
from pixelwise.loader import Batch, Loader
from pixelwise.recipe import Recipe
from pixelwise.store import Store, shrink
from pixelwise.tasks.semantic import SemanticTask
from pixelwise.types import PixelwiseError, Sample

RECIPE = Recipe(data="", size_hw=(32, 32), batch=4, orientation="any", seed=3)
ANYWHERE = Path(tempfile.gettempdir())
TASK = SemanticTask(CATEGORIES, {"cross_entropy": 1.0})


def loader(recipe: Recipe = RECIPE, count: int = 10, **store: int) -> Loader:
    samples = [sample(index) for index in range(count)]
    pictures = Store(samples, recipe.size_hw, ANYWHERE, workers=2, **store)
    return Loader(pictures, pictures.ids, recipe, TASK, stride=2)


def same(a: Batch, b: Batch) -> bool:
    return (
        a.ids == b.ids
        and torch.equal(a.images, b.images)
        and all(torch.equal(a.targets[name], b.targets[name]) for name in a.targets)
    )


def test_batch_t_is_a_pure_function_of_seed_and_t():
    first, second = loader(), loader()
    assert [same(first.batch(t), second.batch(t)) for t in (7, 0, 7, 3)] == [True] * 4
    other = loader(replace(RECIPE, seed=4))
    assert not same(first.batch(0), other.batch(0))
    assert not same(first.batch(0), first.batch(1))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_change_nothing(workers):
    pictures = loader()
    for t, batch in zip(range(5, 12), pictures.stream(5, 12, workers), strict=True):
        assert same(batch, loader().batch(t))


def test_what_does_not_fit_in_memory_is_read_once_kept_on_disk_and_is_the_same():
    reads: list[str] = []

    def counted(index: int) -> Sample:
        found = sample(index)

        def read():
            reads.append(found.id)
            return found.read_image()

        return replace(found, read_image=read)

    samples = [counted(index) for index in range(10)]
    store = Store(samples, RECIPE.size_hw, ANYWHERE, workers=2, limit_bytes=40_000)
    assert 0 < len(reads) < 10, "some are read at once, the others when asked for"
    pictures = Loader(store, store.ids, RECIPE, TASK, stride=2)
    for t in (2, 0, 5, 2):
        assert same(loader().batch(t), pictures.batch(t))
    for t in range(8):
        pictures.batch(t)
    assert sorted(reads) == sorted(set(reads)), "nothing is decoded twice"


def test_a_full_disk_means_reading_again_not_failing(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 0}))
    assert same(loader().batch(2), loader(limit_bytes=40_000).batch(2))


def test_a_disk_that_somebody_else_fills_ends_nothing(monkeypatch):
    class Full:
        def seek(self, place):
            raise OSError(28, "No space left on device")

    store = Store([sample(i) for i in range(4)], (32, 32), ANYWHERE, workers=1, limit_bytes=0)
    monkeypatch.setattr(store._disk, "_file", Full())
    for _ in range(2):
        assert np.array_equal(store["disc001"].image, shrink(sample(1), (32, 32)).image)


def test_a_picture_found_unreadable_later_is_replaced_by_the_next_and_named_once():
    def fail():
        raise PixelwiseError("bad.png is not a picture.")

    samples = [sample(0), sample(1), sample(2), Sample("bad", (), fail, fail)]
    store = Store(samples, (32, 32), ANYWHERE, workers=1, limit_bytes=0)
    pictures = Loader(store, store.ids, RECIPE, TASK, stride=2)
    shown = [pictures.batch(t).ids for t in range(4)]
    assert {name for ids in shown for name in ids} == {"disc000", "disc001", "disc002"}
    assert shown == [pictures.batch(t).ids for t in range(4)]
    assert store.failures == ["bad.png is not a picture."]


def test_an_epoch_shows_every_picture_once():
    pictures = loader(count=12)
    shown = [name for t in range(3) for name in pictures.batch(t).ids]
    again = [name for t in range(3, 6) for name in pictures.batch(t).ids]
    assert sorted(shown) == sorted(again) == sorted(f"disc{index:03}" for index in range(12))
    assert shown != again


def test_targets_stay_on_their_pictures():
    """Discs are dark: the target's foreground must lie on the dark part, however it was moved."""
    for t in range(6):
        batch = loader().batch(t)
        light = batch.images.float().mean(dim=-1)[:, ::2, ::2]
        inside = batch.targets["class"][:, 0] * batch.targets["class_weight"][:, 0]
        outside = (1 - batch.targets["class"][:, 0]) * batch.targets["class_weight"][:, 0]
        for i in range(len(batch.ids)):
            if inside[i].sum() > 4:
                dark = (light[i] * inside[i]).sum() / inside[i].sum()
                assert dark + 20 < (light[i] * outside[i]).sum() / outside[i].sum()


def test_without_augmentation_a_batch_is_the_pictures():
    plain = replace(RECIPE, augment=0.0, size_hw=(64, 64), batch=1)
    pictures = loader(plain)
    batch = pictures.batch(0)
    image = sample(int(batch.ids[0][4:])).read_image()
    assert np.array_equal(batch.images[0, 8:56].numpy(), image)


def test_an_unreadable_picture_is_named_and_left_out():
    def fail():
        raise PixelwiseError("bad.png is not a picture.")

    samples = [sample(0), Sample("bad", (), fail, fail), sample(1)]
    store = Store(samples, (32, 32), ANYWHERE, workers=1)
    assert store.ids == ("disc000", "disc001")
    assert store.failures == ["bad.png is not a picture."]


def test_nothing_to_learn_from_is_said():
    with pytest.raises(PixelwiseError, match="no picture to learn from"):
        Loader(Store([], (32, 32), ANYWHERE, workers=1), [], RECIPE, TASK, stride=1)
