"""A recipe derives itself from the data; what is asked for wins."""

import pytest

from pixelwise.recipe import Facts, Recipe, derive, describe

SKIN = Facts("isic", 200, 2, (767, 1022))
STREET = Facts("folder", 200, 2, (767, 1022))


def test_skin_begins_with_the_built_in_model_and_learns_gently():
    recipe = derive(SKIN, "d", {})
    assert (recipe.start, recipe.orientation, recipe.size_hw) == ("nevi", "any", (96, 128))
    assert recipe.learning_rate < derive(STREET, "d", {}).learning_rate
    assert recipe.made_up > 0


def test_other_pictures_begin_with_its_weights_but_learn_as_if_new():
    recipe = derive(STREET, "d", {})
    assert (recipe.start, recipe.orientation, recipe.made_up) == ("nevi", "upright", 0.0)


@pytest.mark.parametrize(
    "asked", [{"start": "none"}, {"width": 8}, {"network": "segnet"}, {"backbone": "a/b"}]
)
def test_without_the_built_in_weights_nothing_counts_on_them(asked):
    recipe = derive(SKIN, "d", asked)
    assert (recipe.start, recipe.made_up, recipe.orientation) == ("none", 0.0, "any")
    assert recipe.learning_rate == derive(STREET, "d", asked).learning_rate


def test_many_classes_of_skin_are_nothing_the_built_in_model_knows():
    recipe = derive(Facts("isic", 200, 5, (767, 1022)), "d", {})
    assert (recipe.start, recipe.made_up) == ("nevi", 0.0)


@pytest.mark.parametrize("facts", [SKIN, STREET])
def test_what_is_asked_for_wins(facts):
    asked = {"learning_rate": 0.1, "augment": 0.2, "made_up": 0.0, "batch": 3}
    recipe = derive(facts, "d", asked, size=224)
    assert {name: getattr(recipe, name) for name in asked} == asked
    assert max(recipe.size_hw) == 224


def test_poses_learn_by_muon_at_its_rate_unless_another_is_asked_for():
    people = Facts("coco", 200, 2, (192, 256), task="pose")
    recipe, by_adam = derive(people, "d", {}), derive(people, "d", {"optimizer": "adamw"})
    assert (recipe.optimizer, recipe.stride, recipe.width) == ("muon", 4, 32)
    assert (by_adam.optimizer, by_adam.stride) == ("adamw", 4)
    assert recipe.learning_rate > 10 * by_adam.learning_rate
    assert derive(people, "d", {"learning_rate": 0.01}).learning_rate == 0.01
    assert recipe.start == "people" and derive(people, "d", {"depth": 4}).start == "none"


def test_many_pictures_of_people_are_changed_less():
    few, many = (Facts("coco", n, 2, (192, 256), task="pose") for n in (400, 800))
    assert derive(many, "d", {}).augment < derive(few, "d", {}).augment == Recipe.augment
    assert derive(many, "d", {"augment": 0.7}).augment == 0.7


def test_more_time_looks_closer():
    sides = [max(derive(STREET, "d", {"budget_s": s}).size_hw) for s in (60.0, 600.0, 6000.0)]
    assert sides == sorted(sides) and sides[0] < sides[-1]


# Twenty people, each a tenth of the picture's side.
MARCH = Facts("coco", 200, 2, (640, 640), "pose", 20, 64, has_joints=True)


def test_many_people_stand_upright_and_are_seen_as_a_whole():
    assert MARCH.is_crowd
    recipe = derive(MARCH, "d", {})
    assert (recipe.task, recipe.orientation, recipe.tile_px) == ("pose", "upright", None)
    cells = derive(MARCH, "d", {"task": "instance"})
    assert (cells.orientation, cells.tile_px) == ("any", 256)


def test_poses_are_no_segmentation():
    assert describe(derive(MARCH, "d", {}))[0] == "pose"
    assert describe(derive(MARCH, "d", {"task": "panoptic"}))[0] == "panoptic segmentation"
