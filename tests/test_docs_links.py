"""Every link inside the repository leads somewhere: the file is there, and the heading it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "scripts").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("http://", "https://", "mailto:")


def text_of(page: Path) -> str:
    """A page without its code blocks, in which nothing is a link or a heading."""
    return CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


def links() -> list[tuple[Path, str]]:
    found = [(page, link) for page in PAGES for link in LINK.findall(text_of(page))]
    return [(page, link) for page, link in found if not link.startswith(ELSEWHERE)]


def anchors(page: Path) -> set[str]:
    """What its headings are called in links: lower case, dashes for blanks, nothing else but letters and digits."""
    names = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text_of(page)))
    return {name.strip().replace(" ", "-") for name in names}


@pytest.mark.parametrize(
    ("page", "link"), links(), ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), f"{page.relative_to(ROOT)} links to {link}: there is no such file"
    if anchor and target.suffix == ".md":
        assert anchor in anchors(target), f"{page.relative_to(ROOT)} links to {link}: no such heading"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / link.partition("#")[0]).resolve() for page, link in links() if page == index}
    missing = (
        {page.name for page in (ROOT / "docs").glob("*.md")} - {path.name for path in named} - {"README.md"}
    )
    assert missing == set(), f"docs/README.md has no line for {sorted(missing)}"
