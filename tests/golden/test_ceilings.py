"""What is lost between the truth and maps of it, on real annotations: the most that can be had."""

import numpy as np
import pytest

from perfect import perfect_maps
from pixelwise import open_dataset
from pixelwise.geometry import Warp
from pixelwise.plan import task_of
from pixelwise.recipe import Recipe, working_size
from pixelwise.run import build_task

pytestmark = pytest.mark.pictures

STRIDE, FINER = 2, 2

# Folder -> long side of the working size (None: the pictures' own), least mean PQ, most things
# lost or doubled in a hundred.
CEILINGS = {
    "dsb2018": (None, 0.96, 2.5),
    "coco_mini": (256, 0.75, 11),
    "coco_panoptic": (320, 0.77, 8),
}


def there_and_back(task, annotation, long_side):
    height, width = annotation.size_hw
    if long_side is None:
        size_hw = -(-height // 32) * 32, -(-width // 32) * 32
        warp = Warp(np.eye(3), annotation.size_hw, size_hw)
    else:
        warp = Warp.fit(annotation.size_hw, working_size(annotation.size_hw, long_side))
    targets = task.encode(warp.finer(FINER).annotation(annotation), FINER * STRIDE)
    return task.decode(perfect_maps(targets), warp)


@pytest.mark.parametrize("name", CEILINGS)
def test_perfect_maps_give_back_nearly_everything(pictures, name):
    long_side, least, most_wrong = CEILINGS[name]
    dataset = open_dataset(pictures / name)
    kind = task_of(dataset.categories)
    task = build_task(Recipe(data=name, task=kind), dataset.categories)
    scores, wrong, total = [], 0, 0
    for index in range(len(dataset)):
        truth = dataset[index].read_annotation()
        result = there_and_back(task, truth, long_side)
        scores.append(task.score(truth, result))
        things = sum(dataset.categories[label].is_thing for label in result.labels)
        wrong += abs(things - int((~truth.crowd).sum()))
        total += int((~truth.crowd).sum())
    assert np.mean(scores) > least and 100 * wrong / total < most_wrong
