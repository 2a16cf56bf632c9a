"""The batches of `pixelwise.loader` as a pipeline of TensorFlow, for those who write the loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets import Dataset, open_dataset
from pixelwise.loader import Batch, Loader, made_up
from pixelwise.plan import look, refuse_task
from pixelwise.recipe import Recipe, derive
from pixelwise.run import build_model, build_task, describe_backbone
from pixelwise.store import Store
from pixelwise.types import PixelwiseError

Example = tuple[NDArray[np.uint8], Mapping[str, NDArray[np.float32]]]


def to_tf_dataset(
    dataset: str | Path | Dataset,
    task: str | None = None,
    *,
    recipe: Recipe | None = None,
    ids: Sequence[str] | None = None,
    start: int = 0,
    steps: int | None = None,
    workers: int = 1,
    on_note: Callable[[str], None] = print,
    **asked: Any,
) -> Any:
    """Batches to learn from: batch t is the one that `pixelwise train` would take at step t.

    ::

        batches = to_tf_dataset("photos", "semantic", steps=1000, batch=4)
        for images, targets in batches:
            maps = model(normalise(images), training=True)

    Args:
        dataset: a folder in any layout `open_dataset` recognises, or what that gave.
        task: a module of `pixelwise.tasks`; None = what the annotations are for.
        recipe: of a run whose batches these shall be; None = derived from the data, as `train`
            does.
        ids: the samples to learn from; None = all. Of a run: ``run.ids("train")``.
        start: number of the first batch.
        steps: of the whole run: the last batch is the one before; None = without end.
        workers: threads that prepare batches; changes nothing but the speed.
        on_note: gets a sentence for each picture that is left out.
        **asked: lines of `pixelwise.recipe.Recipe`, such as ``size_hw``, ``batch`` and ``seed``.

    Returns:
        a ``tf.data.Dataset`` of (images, targets): images (B, H, W, 3) uint8 RGB at the working
        size; targets {name: (B, h, w, C) float32}, channels last, of the maps that
        `pixelwise.tasks.Task.maps` names and of their weights, "<map>_weight", 0 = ignore. Every
        time it is gone through it begins at ``start``.

    Raises:
        PixelwiseError: the data or a line is wrong, or TensorFlow is not installed.
    """
    tf = _tensorflow()
    dataset = dataset if not isinstance(dataset, str | Path) else open_dataset(dataset)
    recipe = _recipe(dataset, recipe, asked if task is None else {**asked, "task": task})
    loader = _loader(dataset, recipe, ids, max(2, workers), on_note)

    def examples() -> Iterator[Example]:
        return map(_example, loader.stream(start, steps, workers))

    first = _example(loader.batch(start))
    signature = tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape, each.dtype), first)
    batches = tf.data.Dataset.from_generator(examples, output_signature=signature)
    count = tf.data.INFINITE_CARDINALITY if steps is None else max(0, steps - start)
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(1)


def _recipe(dataset: Dataset, recipe: Recipe | None, asked: Mapping[str, Any]) -> Recipe:
    facts = look(dataset)
    if recipe is None:
        recipe = derive(facts, str(Path(dataset.root).resolve()), asked)
    else:
        recipe = Recipe.checked({**vars(recipe), **asked}, where="the request")
    refuse_task(recipe.task, facts, dataset)
    return recipe


def _loader(
    dataset: Dataset,
    recipe: Recipe,
    ids: Sequence[str] | None,
    readers: int,
    on_note: Callable[[str], None],
) -> Loader:
    samples = [dataset[index] for index in range(len(dataset))]
    if ids is not None:
        unknown = sorted(set(ids) - {sample.id for sample in samples})
        if unknown:
            raise PixelwiseError(f"{dataset.root} holds no sample '{unknown[0]}'. Leave it out.")
        samples = [sample for sample in samples if sample.id in set(ids)]
    samples += made_up(recipe, len(samples))
    store = Store(
        samples,
        recipe.size_hw,
        Path(tempfile.gettempdir()),
        workers=readers,
        tile_px=recipe.tile_px,
    )
    for failure in store.failures:
        on_note(f"Left out: {failure}")
    task = build_task(recipe, dataset.categories)
    # The network says how coarse the maps are.
    stride = build_model(recipe, task, describe_backbone(recipe)).stride
    return Loader(store, store.ids, recipe, task, stride)


def _example(batch: Batch) -> Example:
    targets = {name: each.numpy().transpose(0, 2, 3, 1) for name, each in batch.targets.items()}
    return batch.images.numpy(), targets


def _tensorflow() -> Any:
    try:
        import tensorflow
    except ImportError:
        raise PixelwiseError(
            'Pipelines of TensorFlow need it: pip install "pixelwise[tensorflow]".'
        ) from None
    return tensorflow
