"""A YAML file as plain values that remember their lines, so that an error can name the line.

Stricter than YAML itself: the top is a mapping and a key that stands twice is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashcam_pipeline.errors import BadInput, ConfigError

KeyPath = tuple[str, ...]
_NULL_TAG = "tag:yaml.org,2002:null"


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
        return f"{self.path}:{self.lines[key]}" if key else str(self.path)


def read_yaml_file(path: Path) -> YamlFile:
    """The contents of `path`; an empty file is an empty mapping.

    Raises BadInput when the file can't be read, ConfigError when it is not YAML as described above.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})"
        ) from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None or root.tag == _NULL_TAG:
            return YamlFile(path, {}, {})
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path}:{root.start_mark.line + 1}: a mapping (`key: value`) must stand here")
        lines: dict[KeyPath, int] = {}
        _collect_lines(path, root, (), lines)
        return YamlFile(path, loader.construct_document(root), lines)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def _collect_lines(path: Path, node: yaml.Node, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*above, str(index))] = item.start_mark.line + 1
            _collect_lines(path, item, (*above, str(index)), lines)
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*above, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                raise ConfigError(
                    f"{path}:{line}: `{'.'.join(key)}` stands twice, first in line {lines[key]}"
                )
            lines[key] = line
            _collect_lines(path, value_node, key, lines)
