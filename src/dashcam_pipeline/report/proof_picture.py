"""One sighting as one picture: the frame with the vehicle boxed, the vehicle, its plate, the looks, and the words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image, ImageDraw, UnidentifiedImageError

from dashcam_pipeline import __version__
from dashcam_pipeline.report.fonts import BOLD, FIXED, REGULAR, font
from dashcam_pipeline.report.frame_boxes import frame_boxes
from dashcam_pipeline.report.origin import CONFIDENCE_MEANS, Fact, analysed_line, checksum_line, file_line
from dashcam_pipeline.report.wording import clock, degrees, moment_with_source
from dashcam_pipeline.storage.results.explaining import Explained, Explanation
from dashcam_pipeline.vision.reasons import in_words

WIDTH_PX = 1200
MARGIN_PX = 32
GAP_PX = 20
FRAME_WIDTH_PX = 724
SIDE_WIDTH_PX = WIDTH_PX - 2 * MARGIN_PX - GAP_PX - FRAME_WIDTH_PX
PLATE_HEIGHT_PX = 140  # room for it
CAPTION_PX = 22
MOST_ENLARGED = 4.0
STRIP_ENLARGED = 1.25  # at most: its captions would look coarse
SHORTEST_SCENE_PX, TALLEST_SCENE_PX = 380, 560
PAPER, INK, QUIET, LINE, SOFT = "#ffffff", "#1b1f24", "#57606a", "#d8dde3", "#eceff2"

Picture = Image.Image


def proof_picture(explanation: Explanation) -> Picture:
    """The picture, RGB, `WIDTH_PX` wide. A picture that is not there any more leaves a field that says so."""
    seen = explanation.sighting
    found = {what: _opened(path) for what, path in explanation.pictures().items()}
    scene = _scene(seen, found)
    strip = _strip(found.get("all looks at the plate"))
    rows = [row for line in _lines(explanation) for row in _wrapped(line)]
    head, foot = 116, 44
    height = MARGIN_PX + head + scene.height + GAP_PX + len(rows) * 28 + foot + MARGIN_PX
    if strip is not None:
        height += CAPTION_PX + strip.height + GAP_PX
    canvas = Image.new("RGB", (WIDTH_PX, height), PAPER)
    pen = ImageDraw.Draw(canvas)
    _head(pen, seen)
    top = MARGIN_PX + head
    canvas.paste(scene, (MARGIN_PX, top))
    top += scene.height + GAP_PX
    if strip is not None:
        pen.text((MARGIN_PX, top), "every look at the plate that was read", QUIET, font(REGULAR, 15))
        canvas.paste(strip, (MARGIN_PX, top + CAPTION_PX))
        top += CAPTION_PX + strip.height + GAP_PX
    for row in rows:
        pen.text((MARGIN_PX, top), row.name, QUIET, font(REGULAR, 18))
        pen.text((MARGIN_PX + 150, top), row.value, INK, font(REGULAR, 18))
        top += 28
    pen.line((MARGIN_PX, top + 12, WIDTH_PX - MARGIN_PX, top + 12), LINE, 1)
    said = f"dashcam-pipeline {__version__}   ·   sighting {seen.id}   ·   run {seen.run_id}"
    pen.text((MARGIN_PX, top + 22), said, QUIET, font(REGULAR, 14))
    return canvas


def _head(pen: ImageDraw.ImageDraw, seen: Explained) -> None:
    """The plate as on a plate, and beside it how sure it is."""
    text = seen.text or "no plate"
    face = font(FIXED, 48 if len(text) <= 14 else 24) if seen.text else font(BOLD, 36)
    left, top = MARGIN_PX, MARGIN_PX
    width = pen.textlength(text, font=face)
    if seen.text:
        pen.rounded_rectangle(
            (left, top, left + width + 40, top + 80), 10, PAPER, INK, 4 if seen.final_plate else 2
        )
    pen.text((left + (20 if seen.text else 0), top + 40), text, INK, face, anchor="lm")
    beside = left + width + (64 if seen.text else 24)
    pen.text((beside, top + 8), _standing(seen), INK, font(BOLD, 24))
    columns = max(20, int((WIDTH_PX - beside - MARGIN_PX) / 10.5))
    for number, line in enumerate(textwrap.wrap(_beside(seen), columns)[:2]):
        pen.text((beside, top + 42 + 22 * number), line, QUIET, font(REGULAR, 18))


def _standing(seen: Explained) -> str:
    sure = "" if seen.plate_confidence is None else f"confidence {seen.plate_confidence:.2f}"
    if seen.final_plate is not None:
        return sure
    return f"best guess, {sure}" if seen.best_guess is not None else seen.vehicle_class


def _beside(seen: Explained) -> str:
    if seen.final_plate is not None:
        return f"{seen.vehicle_class}, {seen.agreeing_reads} of {seen.reads} looks that voted have this text"
    return in_words(seen.no_plate_reason or "unknown").meaning


def _lines(explanation: Explanation) -> Iterator[Fact]:
    """The facts below the pictures."""
    seen = explanation.sighting
    for original in explanation.originals:
        yield Fact("video", file_line(original))
        checksum = checksum_line(original)
        if checksum is not None:
            yield Fact("its SHA-256", checksum)
    until = seen.until_video_filename
    goes_on = f" of {until}" if until not in (None, seen.video_filename) else ""
    span = f"{clock(seen.first_s)} to {clock(seen.last_s)}{goes_on}"
    shown = f"picture at {seen.video_ts_frame:.1f} s (frame {seen.frame_idx})"
    yield Fact("in the video", f"{span}; {shown}")
    when = moment_with_source(seen.ts, seen.time_source)
    if when is not None:
        yield Fact("time", when)
    if seen.latitude is not None and seen.longitude is not None:
        speed = f", {seen.speed_kmh:.0f} km/h" if seen.speed_kmh is not None else ""
        yield Fact("place", f"{degrees(seen.latitude, seen.longitude)}{speed}")
    if seen.plate_region or seen.plate_format:
        known = [seen.plate_format or "", f"region {seen.plate_region}" if seen.plate_region else ""]
        yield Fact("plate format", ", ".join(part for part in known if part))
    if seen.plate_confidence is not None:
        yield Fact("confidence", CONFIDENCE_MEANS)
    yield Fact("analysed", analysed_line(explanation))


def _wrapped(line: Fact) -> list[Fact]:
    parts = textwrap.wrap(line.value, 98, break_on_hyphens=False) or [""]
    return [Fact(line.name if number == 0 else "", part) for number, part in enumerate(parts)]


def _scene(seen: Explained, found: Mapping[str, Picture | None]) -> Picture:
    """The frame, and beside it the vehicle above its plate. Where no frame was kept, the vehicle takes its place."""
    frame = found.get("frame")
    whole = "frame" if "frame" in found or "vehicle" not in found else "vehicle"
    main = found.get(whole) if frame is None else _boxed(frame, seen)
    width, full = FRAME_WIDTH_PX, WIDTH_PX - 2 * MARGIN_PX
    height = TALLEST_SCENE_PX if main is None else round(main.height * width / main.width)
    height = min(TALLEST_SCENE_PX, max(SHORTEST_SCENE_PX, height))
    above = height - PLATE_HEIGHT_PX - GAP_PX
    canvas = Image.new("RGB", (full, height), PAPER)
    canvas.paste(_field(main, width, height, f"the {whole}", whole in found), (0, 0))
    left = width + GAP_PX
    if whole == "frame":
        vehicle = _field(found.get("vehicle"), SIDE_WIDTH_PX, above, "the vehicle", "vehicle" in found)
        canvas.paste(vehicle, (left, 0))
    plate = _field(found.get("plate"), SIDE_WIDTH_PX, PLATE_HEIGHT_PX, "the plate", "plate" in found)
    canvas.paste(plate, (left, above + GAP_PX if whole == "frame" else 0))
    return canvas


def _boxed(frame: Picture, seen: Explained) -> Picture:
    """The frame with the vehicle and its plate boxed, where it is known how much it was shrunk."""
    boxes = frame_boxes(seen)
    if not boxes or not seen.frame_width:
        return frame
    drawn = frame.resize((FRAME_WIDTH_PX, max(1, round(frame.height * FRAME_WIDTH_PX / frame.width))))
    factor = FRAME_WIDTH_PX / seen.frame_width
    pen = ImageDraw.Draw(drawn)
    for box in boxes:
        corners = (box.left * factor, box.top * factor, box.right * factor, box.bottom * factor)
        pen.rectangle(corners, outline=box.colour, width=3)
    return drawn


def _strip(strip: Picture | None) -> Picture | None:
    if strip is None:
        return None
    widest = WIDTH_PX - 2 * MARGIN_PX
    factor = min(STRIP_ENLARGED, widest / strip.width)
    return strip.resize(
        (round(strip.width * factor), max(1, round(strip.height * factor))), Image.Resampling.LANCZOS
    )


def _field(picture: Picture | None, width: int, height: int, what: str, was_there: bool) -> Picture:
    """A field of that size with the picture in its middle, or with the reason why there is none."""
    field = Image.new("RGB", (width, height), SOFT)
    if picture is None:
        said = f"the picture of {what} is not on this host" if was_there else f"no picture of {what}"
        ImageDraw.Draw(field).text((width / 2, height / 2), said, QUIET, font(REGULAR, 15), anchor="mm")
        return field
    factor = min(width / picture.width, height / picture.height, MOST_ENLARGED)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    shown = picture.resize(size, Image.Resampling.LANCZOS)
    field.paste(shown, ((width - shown.width) // 2, (height - shown.height) // 2))
    return field


def _opened(path: Path) -> Picture | None:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, UnidentifiedImageError):
        return None
