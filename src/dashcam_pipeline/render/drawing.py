"""What is drawn into one frame: boxes of vehicles and plates, and a label each."""

from __future__ import annotations

from dataclasses import dataclass

from dashcam_pipeline.render import labels
from dashcam_pipeline.render.canvas import Canvas
from dashcam_pipeline.render.colours import BLACK, Colour, of_track
from dashcam_pipeline.render.vehicles import InSight, Vehicle
from dashcam_pipeline.vision.types import Box

LINE_SHARE = 1 / 240
"""Thickness of a line, of the frame's height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is to be drawn."""

    vehicles: tuple[Vehicle, ...]
    only_plate: str | None = None  # this vehicle stands out, the others are thin and have no label
    hidden_texts: bool = False  # plates are not told, except `only_plate`

    def is_chosen(self, vehicle: Vehicle) -> bool:
        """Whether it stands out: all do when no plate is asked for."""
        return self.only_plate is None or has_plate(vehicle, self.only_plate)


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
    plate = seen.plate or (f"{seen.best_guess}?" if seen.best_guess else None)
    told = not drawing.hidden_texts or (drawing.only_plate is not None and drawing.is_chosen(vehicle))
    if plate is None or not told:
        return text
    confidence = f" {seen.confidence:.0%}" if seen.confidence is not None else ""
    return f"{text} {plate}{confidence}"


def has_plate(vehicle: Vehicle, plate: str) -> bool:
    """Whether a plate is this vehicle's, claimed or guessed; written in any case, with or without spaces."""
    return bare(plate) in (bare(vehicle.sighting.plate or ""), bare(vehicle.sighting.best_guess or ""))


def bare(plate: str) -> str:
    """Letters and digits of a plate, upper case."""
    return "".join(char for char in plate.upper() if char.isalnum())


def _outline(canvas: Canvas, box: Box, thickness: int, colour: Colour) -> None:
    """With a dark line around, so that it is seen on any ground."""
    canvas.outline(box, thickness + 2, BLACK)
    canvas.outline(box, thickness, colour)


def _line(canvas: Canvas) -> int:
    return _even(canvas.height * LINE_SHARE)


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)
