"""PyTorch's archive of an exported program: what may be in one that is opened here.

`torch.export.load` trusts what it reads: weights and example inputs may be pickles, sizes are
expressions that Python evaluates, conditions are lines that it runs, and an operation is any name
within torch. Here only this passes: plain numbers as weights, sums and products of sizes, names,
and PyTorch's own operations on tensors. All of a program that `pixelwise export` wrote is such.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixelwise.types import PixelwiseError

_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"
_PROGRAM = "models/model.json"
_EXAMPLES = "data/sample_inputs/model.pt"
_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|\.data/\w+|extra/[\w.]+"
    r"|data/weights/weight_\d+|data/constants/tensor_\d+"
    + "".join(f"|{re.escape(name)}" for name in (_WEIGHTS, _CONSTANTS, _PROGRAM, _EXAMPLES))
)
# By the key of a text in the program; all other texts are words.
_FORMS = {
    # One that maps a file into memory is the only one among them that looks outside.
    "target": re.compile(r"torch\.ops\.aten\.(?!from_file)\w+\.\w+|_operator\.\w+"),
    "expr_str": re.compile(
        r"(?:(?:Add|Mul|FloorDiv|Mod|Max|Min|Integer)\(|Symbol\('s\d+', positive=True, "
        r"integer=True\)|-?\d+|[(), ])*"
    ),
    # How results are nested: in other types there may be names of modules to import.
    "in_spec": re.compile(
        r'(?:"type": (?:null|"builtins\.(?:tuple|list|dict)")|\\"|(?!"type")[\w:,{}\[\] "])*'
    ),
}
_FORMS["out_spec"] = _FORMS["in_spec"]
_WORD = re.compile(r"[\w.+-]*")


def read(path: Path, member: str) -> bytes:
    """A member of the archive, by its name below the archive's only folder.

    Raises:
        PixelwiseError: no such file, no archive, or no such member.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return file.read(_inside(file)[member])
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise _damaged(path, str(error)) from None


def write(path: Path, member: str, content: bytes) -> None:
    """Put a member into the archive, in the place of the one that is there.

    Raises:
        PixelwiseError: no such file, or no archive.
    """
    place = path.with_name(f"{path.name}.new")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(place, "w") as new:
            inside = _inside(old)
            for name, info in inside.items():
                if name != member:
                    new.writestr(info, old.read(info))
            folder = inside["archive_format"].filename.removesuffix("archive_format")
            new.writestr(f"{folder}{member}", content)
        place.replace(path)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise _damaged(path, str(error)) from None
    finally:
        place.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Refuse an archive whose reading could do anything but to build the program.

    Raises:
        PixelwiseError: no archive, or such a one.
    """
    try:
        strange = next(_strange(path), None)
    except (ValueError, KeyError, TypeError) as error:
        raise error if isinstance(error, PixelwiseError) else _damaged(path, str(error)) from None
    if strange is not None:
        raise PixelwiseError(
            f"{path} was not written by `pixelwise export`, and opening it might run what is in "
            f"it: {strange}. Export the run again."
        )


def _strange(path: Path) -> Iterator[str]:
    """What a program that was written here does not have."""
    if read(path, _EXAMPLES):
        yield "a pickle of examples"
    for name in (_WEIGHTS, _CONSTANTS):
        for entry in json.loads(read(path, name))["config"].values():
            if entry["use_pickle"] or not re.fullmatch(
                r"(?:weight|tensor)_\d+", entry["path_name"]
            ):
                yield "a pickle of weights"
    with zipfile.ZipFile(path) as file:
        names, inside = file.namelist(), _inside(file)
    yield from (f"a file {name}" for name in inside if not _MEMBERS.fullmatch(name))
    if len(inside) < len(names) or len({name.split("/")[0] for name in names}) > 1:
        yield "two files of one name"
    program = json.loads(read(path, _PROGRAM))
    if program.get("guards_code"):
        yield "conditions"
    yield from (f"the text {text[:60]!r}" for text in _odd_texts(program, ""))


def _odd_texts(value: Any, key: str) -> Iterator[str]:
    """Texts anywhere in parsed JSON that are not of the form that their key asks for."""
    if isinstance(value, str):
        if not _FORMS.get(key, _WORD).fullmatch(value):
            yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _odd_texts(name, "")
            yield from _odd_texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _odd_texts(each, key)


def _inside(file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members by their names below the archive's folder."""
    return {info.filename.partition("/")[2]: info for info in file.infolist()}


def _damaged(path: Path, why: str) -> PixelwiseError:
    return PixelwiseError(f"{path} is no exported program ({why}). Export the run again.")
