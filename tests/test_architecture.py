"""Imports go one way, as docs/architecture.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "dashcam_pipeline"
MAY_IMPORT = {
    "errors": set(),
    "config": {"errors"},
    "engine": {"errors", "durable"},
    "vision": {"config", "errors", "host", "assets", "yaml_file", "user_paths"},
    "sources": {"vision.types", "config", "errors", "user_paths"},
    "storage": {"vision.types", "config", "errors", "user_paths", "durable"},
    "stages": {"durable", "engine", "vision", "sources", "storage", "weights", "config", "errors"},
    "batch": {
        "durable",
        "engine",
        "stages",
        "vision",
        "sources",
        "storage",
        "weights",
        "config",
        "errors",
        "host",
        "user_paths",
        "__version__",
    },
    "host": {"__version__"},
    "render": {"vision", "sources", "storage", "weights", "config", "errors", "host", "user_paths"},
    "report": {"storage", "vision", "config", "errors", "user_paths", "__version__"},
    "bench": {
        "batch",
        "engine",
        "stages",
        "vision",
        "sources",
        "storage",
        "weights",
        "config",
        "configuration",
        "errors",
        "host",
    },
}
"""A part of the package, and what it may import of the others."""


INSIDE = {
    "vision": {
        "models": set[str](),
        "plates": set[str](),
        "tracking": {"plates"},  # what is around a view, for the gates of its plate
        "vote": {"plates", "tracking"},
    },
    "storage": {
        "postgres": set[str](),
        "proof": set[str](),
        "retention": {"postgres", "proof"},
        "results": {"postgres", "proof", "retention"},
        "watching": {"postgres", "proof", "retention", "results"},
        "writing": {"postgres", "watching"},
        "exporting": {"postgres", "results"},
    },
}
"""The folders of a part, and which of the others they may import."""


def imports_of(path: Path) -> set[str]:
    """The modules of this package that a file imports, without the package's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {
            name.removeprefix("dashcam_pipeline.") for name in names if name.startswith("dashcam_pipeline.")
        }
    return found


def files_of(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_go_one_way(part: str) -> None:
    allowed = MAY_IMPORT[part] | {part}
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files_of(part)
        for name in imports_of(path)
        if not any(name == other or name.startswith(f"{other}.") for other in allowed)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("part", "folder"), [(part, folder) for part, folders in INSIDE.items() for folder in folders]
)
def test_imports_inside_a_part_go_one_way(part: str, folder: str) -> None:
    forbidden = {f"{part}.{other}" for other in INSIDE[part].keys() - INSIDE[part][folder] - {folder}}
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files_of(f"{part}/{folder}")
        for name in imports_of(path)
        if any(name == other or name.startswith(f"{other}.") for other in forbidden)
    }
    assert not wrong


@pytest.mark.parametrize("part", INSIDE)
def test_every_folder_of_a_part_has_its_place(part: str) -> None:
    folders = {path.parent.name for path in (PACKAGE / part).glob("*/__init__.py")}
    assert folders == INSIDE[part].keys()


def test_no_file_has_grown_past_one_reason_to_exist() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 330
    }
    assert not long
