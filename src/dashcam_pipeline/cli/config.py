"""`dashcam config`: the settings that hold here, where each came from, and what settings there are."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from dashcam_pipeline.cli.options import Config, preset_names
from dashcam_pipeline.cli.tables import print_table
from dashcam_pipeline.configuration import Loaded, load, presets
from dashcam_pipeline.configuration_keys import all_keys, section_names
from dashcam_pipeline.presets import all_presets, preset
from dashcam_pipeline.storage.postgres.dsn import redacted

app = typer.Typer(help="The settings: show those that hold, list those there are.", no_args_is_help=True)


class Format(StrEnum):
    """How `config show` prints."""

    YAML = "yaml"
    JSON = "json"


@app.command("show")
def show(
    config: Config = None,
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.YAML,
) -> None:
    """Print the settings that a run would have, each with where its value came from.

    Example: dashcam config show --config night
    """
    loaded = load(config)
    if format is Format.JSON:
        shown = {
            key: {"value": value, "origin": loaded.origin(key)} for key, value in shown_values(loaded).items()
        }
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print(_yaml(loaded), end="")


@app.command("presets")
def show_presets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print the file of this one.", autocompletion=preset_names),
    ] = None,
) -> None:
    """List the presets with what each is for and what it changes; with a name, print its file.

    A file of your own begins well with one of them: dashcam config presets night > my.yaml

    Example: dashcam config presets weak-laptop
    """
    if name is not None:
        print(preset(name).path.read_text(encoding="utf-8"), end="")
        return
    table = Table(Column("preset", no_wrap=True), "for", "changes", box=None)
    for one in all_presets():
        changes = "\n".join(f"{key}: {value}" for key, value in one.changes.items())
        table.add_row(one.name, escape(one.purpose), escape(changes) or "nothing")
    print_table(table)


@app.command("keys")
def keys() -> None:
    """List every setting with what it may be, its default and its meaning.

    Example: dashcam config keys
    """
    table = Table(Column("setting", no_wrap=True), "allowed", "default", "meaning", box=None)
    for key in all_keys().values():
        table.add_row(key.name, key.allowed, key.default_text, key.meaning)
    Console().print(table, markup=False)
    print(f"presets for --config: {', '.join(presets())}")


def shown_values(loaded: Loaded) -> dict[str, Any]:
    """The settings by `section.key` as plain values, fit to be shown: the DSN without its password."""
    sections = loaded.settings.model_dump(mode="json")
    values = {f"{section}.{key}": value for section in sections for key, value in sections[section].items()}
    if values["storage.dsn"]:
        values["storage.dsn"] = redacted(values["storage.dsn"])
    return values


def _yaml(loaded: Loaded) -> str:
    """YAML that can be used as a configuration, with the origins as comments."""
    values = shown_values(loaded)
    lines = []
    for section in section_names():
        lines.append(f"{section}:")
        for name in (name for name in values if name.startswith(f"{section}.")):
            item = yaml.safe_dump(
                {name.partition(".")[2]: values[name]},
                width=1_000,
                allow_unicode=True,
                default_flow_style=None if isinstance(values[name], list) else False,  # lists in one line
            )
            origin = loaded.origin(name)
            lines.append(f"  {item.strip():40} # {origin}")
    return "\n".join(line.rstrip() for line in lines) + "\n"
