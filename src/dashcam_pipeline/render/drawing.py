"""What is drawn into one frame: boxes of vehicles and plates, and a label each."""

from __future__ import annotations

from dataclasses import dataclass

from dashcam_pipeline.render import labels
from dashcam_pipeline.render.canvas import Canvas
from dashcam_pipeline.render.colours import BLACK, Colour, of_track
from dashcam_pipeline.render.vehicles import InSight, Vehicle
from dashcam_pipeline.storage.retention.plate_hash import shown
from dashcam_pipeline.vision.types import Box

LINE_SHARE = 1 / 240
"""Thickness of a line, of the frame's height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is to be drawn."""

    vehicles: tuple[Vehicle, ...]
    chosen: tuple[Vehicle, ...] | None = (
        None  # these stand out, the others are thin and have no label; None: all
    )
    hidden_texts: bool = False  # plates are not told, except those of the chosen ones

    def is_chosen(self, vehicle: Vehicle) -> bool:
        """Whether it stands out."""
        return self.chosen is None or vehicle in self.chosen


class Painter:
    """Draws on the frames of one video, in their order."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._in_sight = InSight(drawing.vehicles)

    def paint(self, canvas: Canvas, ts_s: float) -> None:
        """Draw what is in sight at this second of the video."""
        shown = [(one, box) for one in self._in_sight.at(ts_s) if (box := one.box_at(ts_s)) is not None]
        chosen = [pair for pair in shown if self._drawing.is_chosen(pair[0])]
        for vehicle, box in shown:
            if (vehicle, box) not in chosen:
                canvas.outline(box, _even(_line(canvas) / 2), of_track(vehicle.track_id))
        for vehicle, box in chosen:
            _outline(canvas, box, _line(canvas), of_track(vehicle.track_id))
            if (plate := vehicle.plate_at(ts_s)) is not None:
                _outline(canvas, plate, _even(_line(canvas) / 2), of_track(vehicle.track_id))
        self._put_labels(canvas, chosen)

    def _put_labels(self, canvas: Canvas, chosen: list[tuple[Vehicle, Box]]) -> None:
        taken: list[Box] = []
        for vehicle, box in chosen:
            label = labels.label(
                label_text(vehicle, self._drawing),
                labels.text_px(canvas.height),
                of_track(vehicle.track_id),
                canvas.space,
                canvas.width,
            )
            if label.width > canvas.width or label.height > canvas.height:
                continue  # a picture smaller than a letter
            grown = Box(box.x1 - _line(canvas), box.y1 - _line(canvas), box.x2, box.y2 + _line(canvas))
            x, y = labels.place(grown, label, canvas.width, canvas.height, taken)
            taken.append(labels.area(label, x, y))
            canvas.paste(label, x, y)


def label_text(vehicle: Vehicle, drawing: Drawing) -> str:
    """Track, class, and the plate with its confidence; a text that is not claimed has a question mark."""
    seen = vehicle.sighting
    text = f"#{seen.track_id} {seen.vehicle_class}"
    told = not drawing.hidden_texts or (drawing.chosen is not None and drawing.is_chosen(vehicle))
    plate = shown(seen.plate or seen.best_guess or "")
    if not plate or not told:
        return text
    plate += "" if seen.plate else "?"
    confidence = f" {seen.confidence:.0%}" if seen.confidence is not None else ""
    return f"{text} {plate}{confidence}"


def _outline(canvas: Canvas, box: Box, thickness: int, colour: Colour) -> None:
    """With a dark line around, so that it is seen on any ground."""
    canvas.outline(box, thickness + 2, BLACK)
    canvas.outline(box, thickness, colour)


def _line(canvas: Canvas) -> int:
    return _even(canvas.height * LINE_SHARE)


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)
