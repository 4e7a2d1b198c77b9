"""Alerts as commands show them: a table, JSON, and the lines at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from dashcam_pipeline.cli.json_text import json_text
from dashcam_pipeline.engine.wording import ALERT, ALERT_STYLE
from dashcam_pipeline.storage.results.reading import with_offset
from dashcam_pipeline.storage.retention.plate_hash import shown
from dashcam_pipeline.storage.watching.alerts import Alert, AlertState

MOST_ALERTS = 20  # at the end of a run


def alerts_table(found: Sequence[Alert]) -> Table:
    """A row an alert; when it was seen and what that time goes by, only where the time of any is known."""
    timed = any(alert.ts is not None for alert in found)
    times = ("when", "by") if timed else ()
    names = (
        "raised",
        "plate",
        "watched",
        "note",
        "sure",
        "vehicle",
        "video",
        "from",
        *times,
        "id",
        "webhook",
    )
    table = Table(*names)
    table.box = None
    for column in table.columns:
        column.overflow = "fold"
    for alert in found:
        table.add_row(
            alert.raised_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            Text(shown(alert.plate), style="bold red"),
            Text(alert.spelling if not alert.distance else f"{alert.spelling} ({alert.distance:g} off)"),
            Text(alert.note or ""),
            f"{alert.confidence:.2f}" if alert.confidence is not None else "",
            alert.vehicle_class,
            Text(alert.video or ""),
            f"{alert.first_s:.1f} s",
            *(_time(alert) if timed else ()),
            alert.sighting,
            Text(_webhook(alert)),
        )
    return table


def _time(alert: Alert) -> tuple[str, str]:
    """Of the picture, in the camera's own time, and what that goes by."""
    when = with_offset(alert.ts, alert.utc_offset_min)
    return ("", "") if when is None else (when.isoformat(" ", "seconds"), alert.time_source or "")


def alerts_json(found: Sequence[Alert], work_dir: Path) -> str:
    """What a webhook gets of each, and how far it has got on its way there."""
    rows = [
        alert.payload(work_dir)
        | {
            "delivery": {
                "state": alert.state,
                "attempts": alert.attempts,
                "next_try_at": alert.next_try_at,
                "last_error": alert.last_error,
                "delivered_at": alert.delivered_at,
            }
        }
        for alert in found
    ]
    return json_text(rows)


def closing_lines(found: Sequence[Alert]) -> Iterator[Text]:
    """What the end of a run says of them."""
    for alert in found[:MOST_ALERTS]:
        yield Text.assemble((f" {ALERT} ", ALERT_STYLE), " ", (alert.line, "bold"), f"  {alert.sighting}")
    if len(found) > MOST_ALERTS:
        yield Text(f"… and {len(found) - MOST_ALERTS} more: dashcam watchlist alerts")
    if found:
        count = "1 alert" if len(found) == 1 else f"{len(found)} alerts"
        rest = delivery_line(found)
        if rest is None and all(alert.state is AlertState.DELIVERED for alert in found):
            rest = "delivered"
        yield Text(count if rest is None else f"{count}, {rest}")


def delivery_line(found: Sequence[Alert]) -> str | None:
    """What the webhook has not taken, and what to do; None when there is nothing to say."""
    lines = []
    pending = [alert for alert in found if alert.state is AlertState.PENDING]
    given_up = [alert for alert in found if alert.state is AlertState.UNDELIVERED]
    if pending:
        lines.append(f"{len(pending)} still to be posted{_why(pending)}: the next run does, or")
    if given_up:
        lines.append(f"{len(given_up)} undelivered{_why(given_up)}:")
    return f"{' '.join(lines)} `dashcam watchlist resend`" if lines else None


def _why(found: Sequence[Alert]) -> str:
    errors = sorted({alert.last_error for alert in found if alert.last_error})
    return f" ({'; '.join(errors)})" if errors else ""


def _webhook(alert: Alert) -> str:
    if alert.state is AlertState.KEPT:
        return ""
    if alert.state is AlertState.DELIVERED or not alert.last_error:
        return str(alert.state)
    return f"{alert.state}: {alert.last_error}"
