"""Class names by number as YOLO folders give them: a YAML file with "names", or a list of names.

Of YAML only what these files use is understood: a list or a table of names, in brackets or one a
line. So no YAML library is needed for a dozen words.
"""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from pixelwise.datasets._names import read_names

_ENTRY = re.compile(r"\s*(?:(\d+)\s*:\s*)?(\"[^\"]*\"|'[^']*'|[^,\[\]{}]+)")
_FURTHER_LISTS = ("classes.txt", "labels.txt")


def read_class_names(root: Path) -> tuple[dict[int, str], Path | None]:
    """Class number -> name, and the file that tells; empty and None where none does."""
    for file in yaml_files(root):
        found = names_in_yaml(file.read_text(encoding="utf-8-sig", errors="replace"))
        if found:
            return found, file
    names = read_names(root)
    if names is not None:
        numbers = names.values or range(len(names.names))
        return dict(zip(numbers, names.names, strict=True)), names.file
    for file in _further_lists(root):
        lines = file.read_text(encoding="utf-8-sig", errors="replace").split("\n")
        return dict(enumerate(line.strip() for line in lines if line.strip())), file
    return {}, None


def _further_lists(root: Path) -> list[Path]:
    """Lists of names in the folder of labels, as labelImg writes them, and Darknet's obj.names."""
    folders = [path for path in root.iterdir() if path.name.lower() == "labels" and path.is_dir()]
    in_labels = [file for folder in folders for file in folder.iterdir()]
    found = [file for file in in_labels if file.name.lower() in _FURTHER_LISTS]
    found += [file for file in root.iterdir() if file.name.lower() == "obj.names"]
    return sorted(file for file in found if file.is_file())


def yaml_files(root: Path) -> list[Path]:
    """The YAML files at the top of a folder."""
    found = (path for path in root.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    return sorted(path for path in found if path.is_file())


def entry_in_yaml(text: str, key: str) -> str | None:
    """What stands after a key at the top level of a YAML text, up to the next; None without it."""
    lines = [_without_comment(line) for line in text.splitlines()]
    start = next((i for i, line in enumerate(lines) if re.match(rf"{key}\s*:", line)), None)
    if start is None:
        return None
    rest = takewhile(lambda line: not re.match(r"\w+\s*:", line), lines[start + 1 :])
    return "\n".join([lines[start].partition(":")[2], *rest])


def lists_in_yaml(entry: str) -> list[list[str]]:
    """The lists of words in an entry: the entry itself, or one for each number it has as a key."""
    in_a_row = re.sub(r"^[ \t]*-[ \t]+(.*)$", r"\1,", entry, flags=re.MULTILINE)
    found = re.split(r"(?:^|[\s{,])\d+\s*:", in_a_row)
    words = [[word.strip(" \t\n\"'{}[]") for word in each.split(",")] for each in found]
    return [kept for each in words if (kept := [word for word in each if word])]


def names_in_yaml(text: str) -> dict[int, str]:
    """Number -> name from the entry "names" at the top level of a YAML text."""
    lines = [_without_comment(line) for line in text.splitlines()]
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return {}
    rest = lines[start].partition(":")[2].strip()
    if rest:
        return _from_brackets(" ".join([rest, *lines[start + 1 :]]))
    return _from_block(lines[start + 1 :])


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).rstrip()


def _from_brackets(text: str) -> dict[int, str]:
    """[a, b] or {0: a, 1: b}, up to the bracket's end."""
    closing = {"[": "]", "{": "}"}.get(text[0])
    if closing is None or closing not in text:
        return {}
    return _numbered(_ENTRY.findall(text[1 : text.index(closing)]))


def _from_block(lines: list[str]) -> dict[int, str]:
    """Lines "- a" or "0: a", up to the first that is neither."""
    entries = []
    for line in lines:
        match = re.fullmatch(r"(?:\s*-\s+|\s+(?:(\d+)\s*:\s*))(.+)", line)
        if match is None and line.strip():
            break
        if match is not None:
            entries.append((match[1] or "", match[2]))
    return _numbered(entries)


def _numbered(entries: list[tuple[str, str]]) -> dict[int, str]:
    named = [(number, name.strip().strip("'\"").strip()) for number, name in entries]
    kept = [(number, name) for number, name in named if name]
    return {int(number) if number else place: name for place, (number, name) in enumerate(kept)}
