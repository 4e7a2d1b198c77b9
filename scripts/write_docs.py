"""Write what is derived: configs/default.yaml, the tables in docs/configuration.md, the formats in docs/plates.md,
the reasons in docs/reasons.md, the columns in docs/export.md.

Run it after a change to src/dashcam_pipeline/config/, configs/plates/, vision/reasons.py,
vision/plates/not_a_plate.py or storage/results/reading.py; a test compares.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from dashcam_pipeline.configuration_keys import default_yaml, markdown
from dashcam_pipeline.storage.results.reading import Sighting
from dashcam_pipeline.vision import reasons
from dashcam_pipeline.vision.plates.plate_format_files import own_countries
from dashcam_pipeline.vision.plates.plate_formats import Country

COLUMN = re.compile(r" {4}(?P<name>\w+): [^#]+?(?:  # (?P<comment>.+))?")
"""A field of a record, in its source."""

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- settings: written by scripts/write_docs.py -->"
END = "<!-- end of settings -->"
PLATES_BEGIN = "<!-- plates: written by scripts/write_docs.py -->"
PLATES_END = "<!-- end of plates -->"
REASONS_BEGIN = "<!-- reasons: written by scripts/write_docs.py -->"
REASONS_END = "<!-- end of reasons -->"
NOTES_BEGIN = "<!-- notes: written by scripts/write_docs.py -->"
NOTES_END = "<!-- end of notes -->"
EXPORT_BEGIN = "<!-- columns: written by scripts/write_docs.py -->"
EXPORT_END = "<!-- end of columns -->"


def derived() -> dict[Path, str]:
    """Every file that holds derived text, with what it should hold."""
    settings, plates = ROOT / "docs" / "configuration.md", ROOT / "docs" / "plates.md"
    why = ROOT / "docs" / "reasons.md"
    export = ROOT / "docs" / "export.md"
    with_reasons = _between(why.read_text("utf-8"), REASONS_BEGIN, reasons.markdown(), REASONS_END)
    return {
        ROOT / "configs" / "default.yaml": default_yaml(),
        settings: _between(settings.read_text("utf-8"), BEGIN, markdown(), END),
        plates: _between(plates.read_text("utf-8"), PLATES_BEGIN, _formats(), PLATES_END),
        why: _between(with_reasons, NOTES_BEGIN, reasons.notes_markdown(), NOTES_END),
        export: _between(export.read_text("utf-8"), EXPORT_BEGIN, _columns(), EXPORT_END),
    }


def _between(page: str, begin: str, text: str, end: str) -> str:
    """A page with `text` in the place of what stands between two of its lines."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def _columns() -> str:
    """The columns of `dashcam export` as a Markdown table, out of the comments of its record."""
    found = [COLUMN.fullmatch(line) for line in inspect.getsource(Sighting).splitlines()]
    rows = [f"| {column['name']} | {column['comment'] or ''} |" for column in found if column]
    return "\n".join(["| column | meaning |", "|---|---|", *rows, ""])


def _formats() -> str:
    """All countries as a Markdown table."""
    rows = [_row(country) for country in own_countries()]
    return "\n".join(
        ["| code | region | formats: an example of each | source |", "|---|---|---|---|", *rows, ""]
    )


def _row(country: Country) -> str:
    examples = "; ".join(f"{known.name} `{known.example}`" for known in country.formats)
    sources = dict.fromkeys(known.source for known in country.formats)
    links = ", ".join(f"[{number}]({source})" for number, source in enumerate(sources, 1))
    return f"| {country.code} | {country.name} | {examples} | {links} |"


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
