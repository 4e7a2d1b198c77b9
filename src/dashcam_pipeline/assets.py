"""Where the files that travel with the code are: presets, the weights manifest, a source checkout's folders.

`_assets` holds links into the checkout; a built wheel has the files themselves in their place, so that
both are read the same way.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_ASSETS = PACKAGE / "_assets"


def configs_folder() -> Path:
    """The folder of the presets, one YAML file each."""
    return _ASSETS / "configs"


def weights_manifest() -> Path:
    """The YAML file that says which model files there are."""
    return _ASSETS / "weights.yaml"


def checkout() -> Path | None:
    """The root of the source checkout this code runs from, or None where it was installed as a copy."""
    root = PACKAGE.parent.parent
    if PACKAGE.parent.name == "src" and (root / "pyproject.toml").is_file():
        return root
    return None
