"""The page templates of this package, filled in with everything escaped."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dashcam_pipeline.report.wording import clock, counted, length

_CODE = re.compile(r"`([^`]+)`")


def render(template: str, **values: object) -> str:
    """A page of `templates/`. Texts are escaped, and a value that a template asks for must be there."""
    return _environment().get_template(template).render(**values)


def with_code(text: str) -> Markup:
    """A text in which `backticks` mark commands, as HTML."""
    parts = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


@cache
def asset(name: str) -> str:
    """A style sheet or script of `templates/`, as it is."""
    return resources.files("dashcam_pipeline.report").joinpath("templates", name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dashcam_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"clock": clock, "lasting": length, "with_code": with_code}
    environment.globals |= {"counted": counted, "css": asset("report.css"), "js": asset("report.js")}
    return environment
