"""The font of pictures that are drawn here: one that knows the letters of many languages, where there is one."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

REGULAR, BOLD, FIXED = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono-Bold.ttf"


@cache
def font(name: str, size_px: int) -> FreeTypeFont | ImageFont.ImageFont:
    """A font of that size.

    DejaVu travels with matplotlib, which a library of ours brings along; without it, Pillow's own font knows little
    more than ASCII.
    """
    path = _shipped(name)
    return ImageFont.load_default(size_px) if path is None else ImageFont.truetype(str(path), size_px)


def _shipped(name: str) -> Path | None:
    spec = find_spec("matplotlib")  # is not imported: that takes half a second
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    paths = (Path(folder) / "mpl-data" / "fonts" / "ttf" / name for folder in folders)
    return next((path for path in paths if path.is_file()), None)
