"""The recipe: everything that describes a run, in one frozen dataclass.

A recipe derives itself from the data and the budget; a person overrides single lines of it. JSON
is its output, saved beside the weights, and `Recipe.read` takes it back.
"""

from __future__ import annotations

import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pixelwise.types import PixelwiseError

BUILT_IN = ("nevi", "people")
"""Names of the built-in models."""

# Layouts of skin, where no side of a picture is up: the camera was held any way round.
_SKIN = ("ph2", "isic")
_MULTIPLE = 32
_WINDOW = 256
# Far above what is of use, and below what overflows or fills the memory by a slip.
_MOST, _DEEPEST = 2**16, 16
# So many pictures of people were learned better with weaker changes: see LOG.md.
_MANY = 500
# Muon's steps are as long whatever the gradient's size.
_MUON_RATE = 0.05
# Recipe lines that give the network other layers than the built-in model's.
_SHAPE = {"network", "width", "depth", "stride", "backbone"}


@dataclass(frozen=True)
class Facts:
    """What a recipe needs to know of the data."""

    layout: str
    num_pictures: int
    num_classes: int
    median_hw: tuple[int, int]
    task: str = "semantic"
    things_per_picture: float = 0.0
    thing_px: float = 0.0
    """Medians over pictures: how many things are in one, and the root of a thing's area."""
    has_outlines: bool = True
    """False where joints are all that is known."""
    has_joints: bool = False
    white_level: float | None = None
    """The number that is white in images of more than 8 bits; None = there are none."""

    @property
    def is_crowd(self) -> bool:
        """Whether pictures hold many small things that look alike: cells, droplets, grains."""
        small = self.thing_px < max(self.median_hw) / 6
        return self.num_classes == 2 and self.things_per_picture >= 10 and small


@dataclass(frozen=True)
class Recipe:
    """One run, described. Each line: meaning, unit, when to change it."""

    data: str
    """Folder the run learns from."""
    task: str = "semantic"
    """What the maps mean: a module of `pixelwise.tasks`."""
    masks: str = "auto"
    """What mask values mean, where the files leave a doubt."""
    white_level: float | None = None
    """Number that is white in images of more than 8 bits, such as 4095; None = all have 8."""
    network: str = "unet"
    """A module of `pixelwise.networks`."""
    backbone: str | None = None
    """Pretrained backbone, a name on the hub or a folder; for the network huggingface."""
    width: int | None = None
    """Channels of the first level; None = the network's own. More for many pictures and a GPU."""
    depth: int | None = None
    """Number of poolings; None = the network's own."""
    stride: int | None = None
    """Pixels along a map pixel's side; None = the network's own. 4 takes a quarter of 2's time."""
    start: str = "none"
    """Weights to begin with: "nevi" or "people" (built-in), the folder of a run, or "none"."""
    made_up: float = 0.0
    """Made-up nevi to learn from as well, for each picture of one's own. For skin, few pictures."""
    size_hw: tuple[int, int] = (256, 256)
    """Working height and width in pixels. Larger for thin things, at its price in time."""
    tile_px: int | None = None
    """Side in a picture's own pixels of the windows it is seen through; None = as a whole."""
    orientation: str = "upright"
    """"any" where no side of a picture is up (skin, cells), "upright" otherwise."""
    augment: float = 0.5
    """Strength of the changes drawn for learning; 0 = none, 1 = strong. More for other cameras."""
    loss: Mapping[str, float] = field(default_factory=lambda: {"cross_entropy": 1.0, "dice": 1.0})
    """Name in `pixelwise.losses` -> weight; of poses "joint" and "limb" -> weight."""
    class_weights: bool = False
    """Weight classes by the inverse square root of their share of pixels. For rare classes."""
    optimizer: str = "adamw"
    """"adamw", "sgd" (Nesterov momentum 0.9) or "muon", which learns from fewer steps."""
    learning_rate: float = 2e-3
    """Peak learning rate, after warm-up and before the cosine; Muon's are some 20 times AdamW's."""
    weight_decay: float = 0.01
    """Decoupled for adamw, L2 for sgd."""
    batch: int = 8
    """Pictures per step."""
    budget_s: float | None = 600.0
    """Wall-clock seconds for learning; fixes ``steps`` after a first measurement."""
    steps: int | None = None
    """Number of steps; None until measured. Giving it repeats a run exactly."""
    average: float = 0.99
    """Decay per step of the moving average of the weights, which is what is saved; 0 = none."""
    patience: int = 10
    """Validations (of about 20) clearly below the best before stopping early; 0 = never stop."""
    seed: int = 0
    """Of the split, the first weights, and every batch."""
    folds: int = 0
    """Cross-validation with so many folds; 0 = one split."""
    leave_out: str | None = None
    """Cross-validate by leaving out one value of this fact at a time, such as "source"."""
    fold: int | None = None
    """Which fold this run is, inside a cross-validation."""
    framework: str = "torch"
    """What learns: "torch" or "tensorflow", modules of `pixelwise.engines`. The run is the same."""
    device: str = "auto"
    """"auto", "cpu", "cuda" or "mps"."""
    compile: bool = False
    """Whether torch.compile is used (GPU only; it takes half a minute to start)."""

    def part(self, fold: int) -> Recipe:
        """The recipe of one fold of this cross-validation."""
        return replace(self, folds=0, leave_out=None, fold=fold)

    def write(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe's JSON.

        Raises:
            PixelwiseError: not JSON, a line it does not know, or a value of the wrong type.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise PixelwiseError(f"{path} is not a readable recipe: {error}.") from None
        return cls.checked(found, where=str(path))

    @classmethod
    def checked(cls, found: Any, where: str) -> Recipe:
        """Build a recipe from parsed JSON, refusing what it does not know."""
        known = typing.get_type_hints(cls)
        if not isinstance(found, dict) or not set(found) <= set(known):
            strange = (
                sorted(set(found) - set(known)) if isinstance(found, dict) else ["not a table"]
            )
            raise PixelwiseError(
                f"{where} is no recipe of this version: {reprlib.repr(', '.join(strange))}. "
                f"Known are: {', '.join(known)}."
            )
        for name, value in found.items():
            if not _fits(value, known[name]):
                raise PixelwiseError(f"{where}: '{name}' cannot be {reprlib.repr(value)}.")
        if "size_hw" in found:
            found = {**found, "size_hw": tuple(found["size_hw"])}
        return cls(**found)

    def __post_init__(self) -> None:
        """Refuse what cannot be, with the sentence that helps."""
        rules = {
            "orientation": self.orientation in ("any", "upright"),
            "optimizer": self.optimizer in ("adamw", "sgd", "muon"),
            "device": self.device in ("auto", "cpu", "cuda", "mps"),
            "batch": 1 <= self.batch <= _MOST,
            "width": self.width is None or self.width <= _MOST,
            "depth": self.depth is None or self.depth <= _DEEPEST,
            "seed": 0 <= self.seed < 2**32,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "size_hw": min(self.size_hw) >= _MULTIPLE and max(self.size_hw) <= 4096,
            "tile_px": self.tile_px is None or _MULTIPLE <= self.tile_px <= _MOST,
            "stride": self.stride is None or self.stride in (1, 2, 4),
            "steps": self.steps is None or 1 <= self.steps < 2**31,
            "budget_s": self.budget_s is None or 0 < self.budget_s < math.inf,
            "folds": self.folds == 0 or 2 <= self.folds <= 20,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "average": 0 <= self.average < 1,
            "augment": 0 <= self.augment <= 3,
            "made_up": 0 <= self.made_up <= 10,
            "loss": bool(self.loss) and all(map(math.isfinite, self.loss.values())),
            "white_level": self.white_level is None or 0 < self.white_level < 2**32,
        }
        for name, holds in rules.items():
            if not holds:
                meaning = _MEANINGS.get(name, "See the recipe's documentation.")
                value = reprlib.repr(getattr(self, name))
                raise PixelwiseError(f"'{name}' cannot be {value}. {meaning}")


_MEANINGS = {
    "orientation": "It is 'any' or 'upright'.",
    "optimizer": "It is 'adamw', 'sgd' or 'muon'.",
    "device": "It is 'auto', 'cpu', 'cuda' or 'mps'.",
    "batch": "At least one picture per step.",
    "width": f"At most {_MOST} channels.",
    "depth": f"At most {_DEEPEST} poolings.",
    "seed": "A whole number from 0 to 4294967295.",
    "stride": "It is 1, 2 or 4.",
    "size_hw": f"Sides between {_MULTIPLE} and 4096 pixels.",
    "tile_px": f"At least {_MULTIPLE} pixels.",
    "folds": "Between 2 and 20 folds, or 0 for one split.",
    "augment": "Between 0 (none) and 3.",
    "made_up": "Between 0 (none) and 10 for each picture.",
    "white_level": "A number above 0, such as 1 (float), 4095 (12 bits) or 65535 (16 bits).",
    "average": "At least 0 (none) and below 1.",
}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value can be of a recipe line's type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in arguments)
    if origin is tuple:
        return (
            isinstance(value, list | tuple)
            and len(value) == len(arguments)
            and all(_fits(item, kind) for item, kind in zip(value, arguments, strict=True))
        )
    if origin is not None:
        return isinstance(value, Mapping) and all(
            _fits(item, arguments[1]) for item in value.values()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def derive(facts: Facts, data: str, asked: Mapping[str, Any], size: int | None = None) -> Recipe:
    """The recipe for a dataset: what was asked for, and the rest from the facts.

    Args:
        facts: of the data.
        data: its folder.
        asked: recipe lines given by the user; the others derive themselves.
        size: long side of the working size in pixels, where the user gave one.

    Raises:
        PixelwiseError: a line that does not exist or a value that cannot be.
    """
    is_skin = facts.layout in _SKIN
    task = asked.get("task", facts.task)
    # People stand upright however many they are, and are not cut by windows.
    is_crowd = facts.is_crowd and task != "pose"
    derived: dict[str, Any] = {"data": data, "task": facts.task}
    if is_skin or is_crowd:
        derived["orientation"] = "any"
    if task == "pose":
        derived["loss"] = {"joint": 2.0, "limb": 1.0}
        if facts.num_pictures >= _MANY:
            derived["augment"] = 0.25
    if asked.get("backbone") is not None:
        derived["network"] = "huggingface"
    has_own_shape = bool(_SHAPE & {name for name, value in asked.items() if value is not None})
    if task == "pose" and not has_own_shape:
        # Tops are found between pixels, so that coarse maps lose nothing, and the time goes into
        # features and steps: see LOG.md.
        derived |= {"width": 32, "depth": 3, "stride": 4, "optimizer": "muon", "start": "people"}
    elif not has_own_shape:
        derived["start"] = "nevi"
        if is_skin and facts.num_classes == 2 and asked.get("start") in (None, "nevi"):
            # It can do the task already: learn gently, go on with what taught it too, and change
            # pictures strongly, which costs nothing at home and is for other cameras: see LOG.md.
            derived |= {"learning_rate": 5e-4, "made_up": 0.5, "augment": 1.0}
    if {**derived, **asked}.get("optimizer") == "muon":
        derived["learning_rate"] = _MUON_RATE
    if asked.get("steps") is not None:
        derived["budget_s"] = None
    budget_s = asked.get("budget_s", derived.get("budget_s", Recipe.budget_s))
    knows_it = bool(derived.get("made_up"))
    long_side = size or _long_side(facts, budget_s, knows_it)
    derived["size_hw"] = working_size(facts.median_hw, long_side)
    if is_crowd and task != "semantic":
        # Things of a few pixels are lost where a large picture is shrunk to fit.
        side_px = size or _WINDOW
        # Four windows hold things enough for a step.
        derived |= {"tile_px": side_px, "size_hw": (side_px, side_px), "batch": 4}
    if asked.get("start") not in (None, "none", *BUILT_IN):
        asked = {**asked, "start": str(Path(asked["start"]).resolve())}
    white_level = asked.get("white_level") or facts.white_level
    lines = {**derived, **asked, "white_level": white_level}
    return Recipe.checked(lines, where="the request")


def _long_side(facts: Facts, budget_s: float | None, knows_it: bool) -> int:
    """Long side of the working size in pixels that a budget has time for.

    The built-in model knows lesions at the smallest size, and loses them at others.

    In a few minutes more looks at small pictures teach more than few looks at large ones: see
    LOG.md. Pictures of many classes hold thin things, which need the pixels.
    """
    sides = (128, 192, 256) if facts.num_classes <= 2 else (192, 256, 320)
    if knows_it:
        return sides[0] if budget_s is None or budget_s <= 900 else sides[1]
    if budget_s is not None and budget_s <= 240:
        return sides[0]
    return sides[1] if budget_s is not None and budget_s <= 900 else sides[2]


def working_size(median_hw: tuple[int, int], long_side_px: int) -> tuple[int, int]:
    """The pictures' own aspect with a given long side, in steps of 32 pixels."""
    height, width = median_hw
    scale = long_side_px / max(height, width)
    sides = (
        max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (height, width)
    )
    height, width = sides
    return height, width


def describe(recipe: Recipe, length: str | None = None) -> list[str]:
    """What training would do, a line each, for people. ``length``: how long it was, where known."""
    height, width = recipe.size_hw
    planned = f"{recipe.steps} steps" if recipe.steps else _duration(recipe.budget_s)
    on = f" on {_short(recipe.backbone)}" if recipe.backbone else ""
    turns = "turned all the way round" if recipe.orientation == "any" else "kept upright"
    first = "random weights" if recipe.start == "none" else f"the weights of {_short(recipe.start)}"
    return [
        *([_task_words(recipe.task)] if recipe.task != "semantic" else []),
        f"network {recipe.network}{on} from {first}",
        (
            f"windows of {recipe.tile_px} pixels seen as {width} x {height} and {turns}"
            if recipe.tile_px
            else f"pictures fitted to {width} x {height} and {turns}"
        ),
        f"loss {' + '.join(f'{weight:g} {name}' for name, weight in recipe.loss.items())}",
        *([f"{recipe.made_up:g} made-up nevi beside each picture"] if recipe.made_up else []),
        f"{recipe.optimizer}, batches of {recipe.batch}, for {length or planned}"
        + (f", {recipe.folds} folds" if recipe.folds else "")
        + (f", learned in {recipe.framework}" if recipe.framework != "torch" else ""),
    ]


def _short(name: str) -> str:
    """A name, or the last part of an absolute path, with the run a fold belongs to."""
    path = Path(name)
    if not path.is_absolute():
        return name
    return f"{path.parent.name}/{path.name}" if path.name.startswith("fold-") else path.name


def _task_words(task: str) -> str:
    return task if task == "pose" else f"{task} segmentation"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "no time"
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
