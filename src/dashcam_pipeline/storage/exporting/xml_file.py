"""XML written as it comes, with nothing of it kept in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO
from xml.sax.saxutils import XMLGenerator

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold even as a reference, and CR, which its readers turn into LF."""


class XmlFile:
    """An XML document that is being written, indented, in UTF-8."""

    def __init__(self, file: IO[str]) -> None:
        self._xml = XMLGenerator(file, encoding="utf-8", short_empty_elements=True)  # type: ignore[arg-type]
        self._depth = 0
        self._xml.startDocument()

    @contextmanager
    def element(self, name: str, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
        """An element with others in it, which are written meanwhile."""
        self._start(name, attributes)
        self._xml.ignorableWhitespace("\n")
        self._depth += 1
        yield
        self._depth -= 1
        self._indent()
        self._end(name)

    def text(self, name: str, text: str, attributes: Mapping[str, str] | None = None) -> None:
        """An element with text in it."""
        self._start(name, attributes)
        self._xml.characters(valid(text))
        self._end(name)

    def end(self) -> None:
        """After the last element."""
        self._xml.endDocument()

    def _start(self, name: str, attributes: Mapping[str, str] | None) -> None:
        self._indent()
        clean = {key: valid(value) for key, value in (attributes or {}).items()}
        self._xml.startElement(name, clean)  # type: ignore[arg-type]

    def _end(self, name: str) -> None:
        self._xml.endElement(name)
        self._xml.ignorableWhitespace("\n")

    def _indent(self) -> None:
        self._xml.ignorableWhitespace("  " * self._depth)


def valid(text: str) -> str:
    """The text with characters that XML can't hold as backslash escapes."""
    return _NOT_XML.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
