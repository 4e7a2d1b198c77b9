"""Write what is derived from the typed settings: configs/default.yaml and the tables in docs/configuration.md.

Run it after a change to src/dashcam_pipeline/config.py; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dashcam_pipeline.configuration_keys import default_yaml, markdown

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- settings: written by scripts/write_docs.py -->"
END = "<!-- end of settings -->"


def derived() -> dict[Path, str]:
    """Every file that holds derived text, with what it should hold."""
    docs = ROOT / "docs" / "configuration.md"
    before, _, rest = docs.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        ROOT / "configs" / "default.yaml": default_yaml(),
        docs: f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}",
    }


def main() -> int:
    """Write the files; with `--check`, only say which differ and fail if any does."""
    stale = [path for path, text in derived().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `python scripts/write_docs.py`")
        return 1 if stale else 0
    for path, text in derived().items():
        path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
