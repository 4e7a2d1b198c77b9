"""What a user gets for bad arguments and an unusable host: one clear line, the right exit code, nothing begun."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from dashcam_pipeline.cli import command_line
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT
from run_command import dashcam


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that would be opened, if the run came that far."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"not looked at")
    return path


def one_line(stderr: str) -> str:
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("dashcam: ")
    return lines[0]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    done = dashcam("run", tmp_path / "nowhere", "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_BAD_INPUT
    assert "nowhere" in one_line(done.stderr)


def test_folder_without_videos_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("x")
    done = dashcam("run", tmp_path / "in", "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_BAD_INPUT
    assert ".txt" in one_line(done.stderr)


def test_config_typo_names_the_key_the_line_and_the_nearest(tmp_path: Path, video: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("sampling:\n  frames_per_sec: 5\n")
    done = dashcam("run", video, "--config", config, "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_BAD_INPUT
    line = one_line(done.stderr)
    for part in ("mine.yaml", "2", "frames_per_sec", "frames_per_s"):
        assert part in line


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("plate_formats: {folder}", ("xk.yaml:5", "`formats.0.pattern`", "docs/plates.md")),
        ("plate_formats: {folder}/nowhere", ("vote.plate_formats", "nowhere", "is no folder")),
        ("countries: [ro, atlantis]", ("vote.countries", "`atlantis`", "there are ar, at")),
    ],
    ids=["pattern", "folder", "country"],
)
def test_bad_plate_formats_are_said_before_a_video_is_opened(
    tmp_path: Path, video: Path, setting: str, parts: tuple[str, ...]
) -> None:
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / "xk.yaml").write_text(
        'country: "XK"\nname: Kosovo\nsource: https://example.org\nformats:\n'
        '  - {name: standard, pattern: "XX", example: "XX"}\n'
    )
    config = tmp_path / "mine.yaml"
    config.write_text(f"vote:\n  {setting.format(folder=folder)}\n")
    done = dashcam("run", video, "--config", config, "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_BAD_INPUT
    line = one_line(done.stderr)
    for part in parts:
        assert part in line


def test_missing_weights_are_said_before_a_video_is_opened(tmp_path: Path, video: Path) -> None:
    (tmp_path / "weights").mkdir()
    done = dashcam(
        "run",
        video,
        "--work-dir",
        tmp_path / "work",
        environment={"DASHCAM_WEIGHTS_DIR": str(tmp_path / "weights")},
    )
    assert done.returncode == EXIT_ENVIRONMENT
    assert "dashcam weights fetch" in one_line(done.stderr)


def test_unreachable_database_is_said_before_a_video_is_opened(tmp_path: Path, video: Path) -> None:
    done = dashcam("run", video, "--db", "postgresql://127.0.0.1:9/none", "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_ENVIRONMENT
    assert "127.0.0.1" in one_line(done.stderr)


def test_work_dir_that_cannot_be_made_is_named(tmp_path: Path, video: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = dashcam("run", video, "--work-dir", tmp_path / "file" / "work")
    assert done.returncode == EXIT_ENVIRONMENT
    assert "--work-dir" in one_line(done.stderr)


def test_work_dir_in_use_names_the_process_that_uses_it(tmp_path: Path, video: Path) -> None:
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    with (work_dir / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        done = dashcam("run", video, "--work-dir", work_dir)
    assert done.returncode == EXIT_ENVIRONMENT
    assert "4711" in one_line(done.stderr)


def test_too_little_disk_is_said_with_the_number(tmp_path: Path, video: Path) -> None:
    config = tmp_path / "huge.yaml"
    config.write_text("frame_store:\n  quota_mb: 900000000\n")
    done = dashcam("run", video, "--config", config, "--work-dir", tmp_path / "work")
    assert done.returncode == EXIT_ENVIRONMENT
    assert "MB" in one_line(done.stderr)


def commands(group: TyperGroup, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    for name, command in group.commands.items():
        found += commands(command, (*path, name)) if isinstance(command, TyperGroup) else [(*path, name)]
    return found


def every_command() -> list[tuple[str, ...]]:
    root = typer.main.get_command(command_line())
    assert isinstance(root, TyperGroup)
    return commands(root)


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    command = typer.main.get_command(command_line())
    for name in path:
        assert isinstance(command, TyperGroup)
        command = command.commands[name]
    assert command.help
    undescribed = [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"]
    assert undescribed == []
