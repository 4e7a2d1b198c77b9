"""`dashcam weights`: what models there are and under which licence, bringing them here, checking them."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Column, Table

from dashcam_pipeline.cli.options import AsJson
from dashcam_pipeline.errors import WeightsCorrupt
from dashcam_pipeline.weights import State, Status, folder, verify
from dashcam_pipeline.weights.download import fetch
from dashcam_pipeline.weights.store import corrupt_text, fetch_command

app = typer.Typer(help="The models: list, fetch, verify.", no_args_is_help=True)

_STYLES = {State.OK: "green", State.MISSING: "yellow", State.CORRUPT: "bold red"}


@app.command("list")
def list_models(
    as_json: AsJson = False,
) -> None:
    """List every known model with its role, licence, size and whether its files are here.

    `fetch` without names brings those marked `*`, which a run with default settings needs.

    Example: dashcam weights list
    """
    statuses = verify()
    if as_json:
        print(json.dumps([_record(status) for status in statuses], indent=2))
        return
    columns = ("model", "role", "licence", "MB", "state")
    table = Table(*(Column(name, no_wrap=True) for name in columns), box=None, pad_edge=False)
    for status in statuses:
        model = status.model
        table.add_row(
            f"{model.name} *" if model.default else model.name,
            model.role,
            model.licence,
            f"{model.bytes / 1e6:.1f}",
            f"[{_STYLES[status.state]}]{status.state}[/]",
        )
    console = Console()
    console.print(table)
    console.print(
        f"* needed by a run with default settings. Files lie in {folder()}", highlight=False, markup=False
    )


@app.command("fetch")
def fetch_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Models to fetch; none = what a default run needs."),
    ] = None,
) -> None:
    """Bring models here: from DASHCAM_WEIGHTS_MIRROR (a folder or an address), else from where they are public.

    What is here and right is left alone. A file with a wrong checksum is refused and kept aside.

    Example: dashcam weights fetch
    """
    with _ProgressBars() as bars:
        fetched = fetch(names or (), bars.update)
    for item in fetched:
        print(f"{item.path.name} from {item.source}")
    print(f"{'Everything is' if not fetched else 'Now all'} in {folder()}")


@app.command("verify")
def verify_models(
    as_json: AsJson = False,
) -> None:
    """Compare the files that are here with the manifest's checksums; fails when one is wrong.

    Example: dashcam weights verify
    """
    statuses = [status for status in verify() if status.state is not State.MISSING]
    if as_json:
        print(json.dumps([_record(status) for status in statuses], indent=2))
    else:
        for status in statuses:
            print(f"{status.state:8}{status.model.name}")
        if not statuses:
            print(f"No model is in {folder()}: run `dashcam weights fetch`")
    bad = [status for status in statuses if status.state is State.CORRUPT]
    if bad:
        raise WeightsCorrupt(
            "; ".join(f"{corrupt_text(s)}: {fetch_command(s.model)} to replace it" for s in bad)
        )


def _record(status: Status) -> dict[str, object]:
    model = status.model
    return {
        "name": model.name,
        "role": model.role,
        "licence": model.licence,
        "publisher": model.publisher,
        "bytes": model.bytes,
        "default": model.default,
        "state": status.state,
        "about": model.about,
        "public_note": model.public_note,
    }


class _ProgressBars:
    """A bar a file on a terminal, gone when it is done; nothing elsewhere."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _ProgressBars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, path: str, done: int, total: int) -> None:
        task = self._tasks.get(path)
        if task is None:
            task = self._tasks[path] = self._progress.add_task(path, total=total)
        self._progress.update(task, completed=done, total=total)
