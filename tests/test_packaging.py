"""What gets installed: a wheel with everything in it, one working OpenCV, and the Makefile around them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashcam_pipeline import one_cv2
from dashcam_pipeline.assets import checkout
from dashcam_pipeline.configuration import presets
from dashcam_pipeline.weights import shipped

ROOT = checkout()
pytestmark = pytest.mark.skipif(ROOT is None, reason="packaging is tested in a source checkout")


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


# --- the wheel -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert ROOT
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    built = run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def python_with_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and of this environment only the libraries."""
    venv = tmp_path_factory.mktemp("venv")
    assert run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv).returncode == 0
    site = next(venv.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Behind the wheel's folder, and without its .pth files, so that the checkout is not found.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return venv / "bin" / "python"


def test_wheel_holds_all_files_of_the_package_and_nothing_else(wheel: Path) -> None:
    assert ROOT
    package = ROOT / "src" / "dashcam_pipeline"
    here = {
        f"dashcam_pipeline/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    configs = package / "_assets" / "configs"
    here |= {
        f"dashcam_pipeline/_assets/configs/{path.relative_to(configs)}" for path in configs.rglob("*.yaml")
    }
    assert {path.name for path in presets().values()} <= {Path(name).name for name in here}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == here


def test_wheel_carries_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        assert b"Apache License" in archive.read(licence)


def test_installed_copy_finds_presets_and_manifest(python_with_wheel: Path, tmp_path: Path) -> None:
    program = (
        "import json; from dashcam_pipeline import assets, configuration, weights;"
        "print(json.dumps([assets.__file__, str(assets.checkout()), sorted(configuration.presets()),"
        " configuration.load('default').origin('sampling.stride'),"
        " [model.name for model in weights.shipped().models], str(weights.folder())]))"
    )
    done = run(python_with_wheel, "-c", program, cwd=tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    where, root, names, origin, models, folder = json.loads(done.stdout)
    assert Path(where).is_relative_to(python_with_wheel.parent.parent)
    assert root == "None"
    assert names == sorted(presets())
    assert origin.startswith(str(python_with_wheel.parent.parent))
    assert models == [model.name for model in shipped().models]
    assert folder == str(tmp_path / "data" / "dashcam" / "weights")


def test_installed_command_answers(python_with_wheel: Path, tmp_path: Path) -> None:
    program = "from dashcam_pipeline.cli import main; main()"
    done = run(python_with_wheel, "-c", program, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout


# --- one cv2 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wheels", "paddle", "kept"),
    [
        (("opencv-python",), False, "opencv-python"),
        (("opencv-python", "opencv-python-headless"), False, "opencv-python"),
        (("opencv-python", "opencv-contrib-python"), False, "opencv-python"),
        (("opencv-python", "opencv-contrib-python"), True, "opencv-contrib-python"),
        (("opencv-python", "opencv-python-headless"), True, "opencv-python"),
        (("opencv-python-headless",), False, "opencv-python-headless"),
        (("opencv-contrib-python-headless",), True, "opencv-contrib-python-headless"),
        ((), False, "opencv-python"),
    ],
)
def test_one_wheel_is_chosen(wheels: tuple[str, ...], paddle: bool, kept: str) -> None:
    assert one_cv2.chosen(dict.fromkeys(wheels, "5.0"), paddle) == kept


class FakeEnvironment:
    """Distributions that pip commands change; `works` says which of them can be imported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wheels: Mapping[str, str], works: set[str]) -> None:
        self.wheels = dict(wheels)
        self.works = works
        self.intact = len(wheels) == 1
        self.calls: list[tuple[str, ...]] = []
        monkeypatch.setattr(one_cv2, "installed", lambda: dict(self.wheels))
        monkeypatch.setattr(one_cv2, "trouble", self.trouble)
        monkeypatch.setattr(one_cv2, "_pip", self.pip)
        monkeypatch.setattr(one_cv2, "_is_installed", lambda _: False)

    def trouble(self) -> str | None:
        if not self.intact:
            return "ImportError: mixed up"
        missing = set(self.wheels) - self.works
        return f"ImportError: libGL.so.1, wanted by {missing}" if missing or not self.wheels else None

    def pip(self, *arguments: str) -> None:
        self.calls.append(arguments)
        if arguments[0] == "uninstall":
            for name in arguments[2:]:
                del self.wheels[name]
            self.intact = False  # the wheels that are left share files with those that went
        else:
            name, _, version = arguments[-1].partition("==")
            self.wheels[name] = version
            self.intact = len(self.wheels) == 1


def test_one_working_wheel_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEnvironment(monkeypatch, {"opencv-python": "5.0"}, {"opencv-python"})
    assert one_cv2.repair() == "cv2: opencv-python 5.0, works"
    assert fake.calls == []


def test_of_two_wheels_one_is_kept_and_laid_down_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = {"opencv-python": "5.0", "opencv-python-headless": "5.1"}
    fake = FakeEnvironment(monkeypatch, wheels, set(wheels))
    assert one_cv2.repair() == "cv2: kept opencv-python 5.0, removed opencv-python-headless"
    assert fake.wheels == {"opencv-python": "5.0"}
    assert fake.trouble() is None


def test_broken_wheel_is_laid_down_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEnvironment(monkeypatch, {"opencv-python": "5.0"}, {"opencv-python"})
    fake.intact = False
    assert one_cv2.repair() == "cv2: kept opencv-python 5.0"
    assert fake.trouble() is None


def test_host_without_libgl_gets_the_wheel_that_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEnvironment(monkeypatch, {"opencv-python": "5.0"}, {"opencv-python-headless"})
    assert one_cv2.repair() == "cv2: kept opencv-python-headless 5.0, removed opencv-python"
    assert fake.wheels == {"opencv-python-headless": "5.0"}


def test_when_no_wheel_works_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeEnvironment(monkeypatch, {"opencv-python": "5.0"}, set())
    assert one_cv2.main() != 0
    assert "libGL.so.1" in capsys.readouterr().err


def test_this_environment_has_one_working_cv2() -> None:
    assert len(one_cv2.installed()) == 1, f"run `{one_cv2.REPAIR_COMMAND}`"
    assert one_cv2.trouble() is None


# --- Makefile and scripts --------------------------------------------------------------------------


@pytest.fixture
def copy_of_makefile(tmp_path: Path) -> Path:
    assert ROOT
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_make_alone_tells_the_targets(copy_of_makefile: Path) -> None:
    shown = run("make", cwd=copy_of_makefile).stdout
    assert all(f"make {target} " in shown for target in ("demo", "test", "lint", "setup", "clean"))


def test_make_with_an_old_python_says_which_is_needed(copy_of_makefile: Path) -> None:
    old = copy_of_makefile / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ended = run("make", "setup", f"PYTHON={old}", cwd=copy_of_makefile)
    assert ended.returncode != 0
    assert f"Python 3.11 or newer is needed, and {old} is not one" in ended.stderr
    assert not (copy_of_makefile / ".venv").exists()


def test_clip_that_can_not_be_had_is_left_out_and_named(tmp_path: Path) -> None:
    assert ROOT
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "uk_mercedes_LS15EBC_720p.mp4").write_bytes(b"another clip")
    ended = run(
        sys.executable,
        ROOT / "scripts" / "fetch_clips.py",
        tmp_path / "clips",
        cwd=tmp_path,
        DASHCAM_CLIPS_MIRROR=str(tmp_path / "mirror"),
        https_proxy="http://127.0.0.1:1",  # no public network for this test
    )
    assert ended.returncode != 0
    assert "uk_mercedes_LS15EBC_720p.mp4 left out" in ended.stdout
    assert "wrong checksum" in ended.stdout
    assert "DASHCAM_CLIPS_MIRROR" in ended.stderr
    assert not list((tmp_path / "clips").glob("*.mp4"))


def test_clips_come_from_the_mirror(tmp_path: Path) -> None:
    assert ROOT
    mirror = Path(os.environ.get("DASHCAM_TEST_DATA") or ROOT.parent / "shared") / "videos"
    if not mirror.is_dir():
        reason = f"no clips in {mirror}: name the folder above in DASHCAM_TEST_DATA"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    command = (sys.executable, ROOT / "scripts" / "fetch_clips.py", tmp_path)
    first = run(*command, cwd=tmp_path, DASHCAM_CLIPS_MIRROR=str(mirror))
    assert first.returncode == 0, first.stdout + first.stderr
    again = run(*command, cwd=tmp_path, DASHCAM_CLIPS_MIRROR=str(mirror))
    assert (again.returncode, again.stdout) == (0, "")
    assert len(list(tmp_path.glob("*.mp4"))) == 3
