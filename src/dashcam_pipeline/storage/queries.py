"""SQL statements by name, from the `.sql` files of this package.

A file holds statements, each after a line `-- name: NAME`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_NAME_LINE = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def query(file: str, name: str) -> LiteralString:
    """The statement `name` of `sql/<file>.sql`.

    Raises:
        KeyError: there is none of that name.
    """
    return _statements(file)[name]


@cache
def _statements(file: str) -> dict[str, LiteralString]:
    text = resources.files("dashcam_pipeline.storage").joinpath("sql", f"{file}.sql").read_text("utf-8")
    parts = _NAME_LINE.split(text)
    # Shipped with the program and never built from input: as safe as a literal.
    return {
        name: cast(LiteralString, statement.strip())
        for name, statement in zip(parts[1::2], parts[2::2], strict=True)
    }
