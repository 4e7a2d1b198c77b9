"""Numbers of a run as people read them, the same on the HUD, in plain lines and at the end."""

from __future__ import annotations

from dashcam_pipeline.engine.monitor import PAUSED, RunSnapshot

_UNITS = ("B", "KB", "MB", "GB", "TB")
ALERT = "ALERT"
ALERT_STYLE = "bold white on red"
FINE = "ok"  # how the state of a service begins that needs nobody's attention


def amount(nbytes: float) -> str:
    """Bytes, such as `1.2 GB` (decimal units)."""
    size = float(nbytes)
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def span(seconds: float) -> str:
    """A length of time, such as `0:42` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def pressure_line(now: RunSnapshot) -> str:
    """What readers wait for now, and how often and long they have waited."""
    load = now.queue.pressure
    waited = ", ".join(
        f"{gate} {count}× {load.wait_s.get(gate, 0.0):.1f} s" for gate, count in sorted(load.waits.items())
    )
    closed = f"now for {', '.join(load.closed)}" if load.waiting_readers and load.closed else "not now"
    return f"{closed} (so far: {waited or 'never'})"


def binding_line(now: RunSnapshot) -> str:
    """Which stage sets the pace."""
    return "reading the videos" if now.binding == "reading" else now.binding


class NewAlerts:
    """The alerts that came since the last call, each as one line."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, now: RunSnapshot) -> list[str]:
        new = min(now.board.alert_count - self._seen, len(now.board.alerts))
        self._seen = now.board.alert_count
        return [f"{ALERT} {text}" for text in now.board.alerts[len(now.board.alerts) - new :]]


def status_line(now: RunSnapshot) -> str:
    """The whole state in one line, for logs and pipes."""
    queue = now.queue
    waiting = " ".join(f"{load.name.lower()}={load.waiting}+{load.in_flight}" for load in queue.categories)
    parts = [
        f"{span(now.elapsed_s)}",
        f"{queue.sources_done}/{now.sources} videos",
        f"{now.progress:.0%}",
        f"{now.frames_per_s:.1f} frames/s",
        f"{now.realtime:.1f}x real time",
        f"eta {span(now.eta_s)}" if now.eta_s is not None else "eta -",
        f"store {queue.frames.frames} frames {amount(queue.frames.source_bytes)}",
        f"memory {amount(now.rss_bytes)}",
        f"bound by {binding_line(now)}",
        waiting,
    ]
    if now.phase == PAUSED:
        parts.insert(1, "stopped by Ctrl+Z: `fg` goes on")
    if now.deadline_s is not None:
        parts.insert(1, f"stopping, {now.deadline_s:.0f} s left")
    parts += [
        f"{name} {state}" for name, state in sorted(now.board.services.items()) if not state.startswith(FINE)
    ]
    if now.board.alert_count:
        parts.append(f"alerts {now.board.alert_count}")
    if queue.dead_letters:
        parts.append(f"given up {queue.dead_letters}")
    return " | ".join(parts)
