"""A YAML file as plain values that remember their lines, so that an error can name the line.

Stricter than YAML itself: the top is a mapping, a key that stands twice is an error, and what makes a small file
grow without end when it is read (aliases, deep nesting) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashcam_pipeline.errors import BadInput, ConfigError
from dashcam_pipeline.user_paths import shown

KeyPath = tuple[str, ...]
MOST_BYTES = 50_000  # takes half a second to read; the longest file that we know of has 9,000
MOST_LEVELS = 20
_MOST_SHOWN = 120  # characters of something wrong that an error repeats
_NULL_TAG = "tag:yaml.org,2002:null"
# What the library's constructors raise for a value that is not what its tag or its look says: `2020-13-45`.
_NOT_THIS_VALUE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file says, and the line (from 1) of every key in it."""

    path: Path
    values: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def place(self, key: KeyPath) -> str:
        """`file:line` of a key, or of the nearest key above it that the file has."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{shown(self.path)}:{self.lines[key]}" if key else shown(self.path)


def read_yaml_file(path: Path) -> YamlFile:
    """The contents of `path`; an empty file is an empty mapping.

    Raises BadInput when the file can't be read, ConfigError when it is not YAML as described above.
    """
    where = shown(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{where}: not a text file in UTF-8 ({error.reason} at byte {error.start})"
        ) from None
    except OSError as error:
        raise BadInput(f"{where}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{where}: too long, at most {MOST_BYTES:,} bytes are read: is it the right file?")
    try:
        return _read(path, _StrictLoader(text))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = error.problem or error.context or type(error).__name__
        raise ConfigError(f"{where}{line}: not valid YAML: {shortened(problem)}") from None
    except yaml.reader.ReaderError as error:
        line = f":{text.count(chr(10), 0, error.position) + 1}"
        raise ConfigError(
            f"{where}{line}: not valid YAML: the character U+{error.character:04X} has no place in it"
        ) from None


def _read(path: Path, loader: _StrictLoader) -> YamlFile:
    where = shown(path)
    try:
        root = loader.get_single_node()
        if root is None or root.tag == _NULL_TAG:
            return YamlFile(path, {}, {})
        lines: dict[KeyPath, int] = {}
        _collect_lines(where, root, (), lines)
        values = loader.construct_document(root)
        if not isinstance(values, dict):
            raise ConfigError(f"{where}:{root.start_mark.line + 1}: a mapping (`key: value`) must stand here")
        return YamlFile(path, values, lines)
    finally:
        loader.dispose()


def yaml_value(text: str) -> Any:
    """The one value that a text means to YAML: `3`, `true`, `null`, `text`. Raises yaml.YAMLError."""
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def shortened(text: str) -> str:
    """A text as an error repeats it: in one line, its beginning when it is long."""
    return shown(text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…")


class _StrictLoader(yaml.SafeLoader):
    """Plain values only; every fault is a YAMLError that knows its line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _fault("aliases (`*name`) are not taken here: write the value out", event.start_mark)
        if self._levels == MOST_LEVELS:
            raise _fault(f"nested more than {MOST_LEVELS} levels deep", event.start_mark)
        self._levels += 1
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except _NOT_THIS_VALUE:
            kind = node.tag.rpartition(":")[2]
            content = f"`{shortened(node.value)}`" if isinstance(node, yaml.ScalarNode) else "this"
            raise _fault(f"{content} can't be read as {kind}; put it in quotes", node.start_mark) from None
        if isinstance(value, str) and not _is_plain(value):
            raise _fault("a text can't hold zero bytes or halves of characters", node.start_mark)
        return value


def _fault(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _is_plain(text: str) -> bool:
    """Whether files, databases and the system take it."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _collect_lines(where: str, node: yaml.Node, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*above, str(index))] = item.start_mark.line + 1
            _collect_lines(where, item, (*above, str(index)), lines)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{where}:{line}: a list or mapping can't be a key")
            key = (*above, str(key_node.value))
            if key in lines:
                raise ConfigError(
                    f"{where}:{line}: `{shortened('.'.join(key))}` stands twice, first in line {lines[key]}"
                )
            lines[key] = line
            _collect_lines(where, value_node, key, lines)
