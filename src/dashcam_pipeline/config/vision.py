"""Settings of what is seen: models, detection, tracking, looks, the vote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from dashcam_pipeline.config.base import NO_LIMIT, Count, Seconds, Section, Share


class ModelSettings(Section):
    """The models and how they are run."""

    engine: Literal["auto", "openvino", "onnxruntime", "ultralytics"] = "auto"
    """What runs the models; `auto` = OpenVINO on the CPU, onnxruntime on a GPU; `ultralytics`: vehicles only."""
    precision: Literal["auto", "f32", "bf16", "f16"] = "auto"
    """Arithmetic of the models; `auto` = bf16 on CPUs that multiply in it, else f32. Results repeat with each; between
    CPUs of different kinds they stay closest with `f32`."""
    tensorrt: bool = False
    """On NVIDIA, ask onnxruntime for TensorRT instead of CUDA."""
    vehicle_detector: str = "picodet_s_320_coco"
    """A name from the weights manifest, or a path to an `.xml`, `.onnx`, `.pt` or `.engine` file."""
    plate_detector: str = "yolo-v9-t-416-license-plates"
    """Likewise a name or a path; what it is given are crops of vehicles."""
    plate_reader: Literal["fast-plate-ocr", "rapidocr", "paddleocr"] = "fast-plate-ocr"
    """What reads plates: `rapidocr` needs no download, `paddleocr` needs the `paddle` extra."""
    reader_model: str = "cct_xs_v2_global"
    """The fast-plate-ocr model."""
    second_reader_model: str | None = "cct_xs_v1_global"
    """A second fast-plate-ocr model that reads every plate too: it errs elsewhere; null = none."""
    gpu_batch: int = Field(default=8, ge=1, le=1024)
    """Pictures of one inference on a GPU; where fewer wait, black ones fill it up. On the CPU it is always one."""
    vehicle_input: Literal["fitted", "own"] = "fitted"
    """Input of the vehicle detector: `fitted` = as wide as the model's own, as high as the frames' shape asks for."""
    plate_input_px: int | None = Field(default=320, ge=64, le=2048)
    """Side to which vehicles are shrunk for the plate search; null = the model's own. Large ones that show no plate
    that small are searched again in full."""
    vehicle_batch: Count = 8
    """Frames that a worker takes at once for the vehicle detector."""
    plate_batch: Count = 8
    """Vehicle crops that a worker takes at once for the plate detector."""
    reader_batch: Count = 16
    """Plate crops that a worker takes at once to read."""

    @property
    def reader_models(self) -> tuple[str, ...]:
        """The fast-plate-ocr models that read every plate; one that is named twice reads once, it would agree with
        itself."""
        names = (self.reader_model, self.second_reader_model)
        return tuple(
            dict.fromkeys(name for name in names if name is not None)
        )  # one that agrees with itself says nothing


class Mask(NamedTuple):
    """A part of the picture, in shares of its width (x) and height (y) from the top left."""

    x1: Share
    y1: Share
    x2: Share
    y2: Share


def _with_area(mask: Mask) -> Mask:
    if mask.x1 >= mask.x2 or mask.y1 >= mask.y2:
        raise ValueError("a mask without area")
    return mask


class DetectionSettings(Section):
    """What counts as a vehicle and as a plate."""

    vehicle_min_score: Share = 0.35
    """Vehicle boxes with a lower score are dropped."""
    plate_min_score: Share = 0.45
    """Plate boxes with a lower score are dropped."""
    vehicle_margin: Share = 0.1
    """The vehicle box is grown by this share on every side before plates are searched in it."""
    plate_margin: Share = 0.08
    """The plate box is grown by this share to both sides, and twice this share up and down, before it is read."""
    straighten: bool = True
    """Plates that are slanted in their picture are turned upright before they are read."""
    overlay: bool = True
    """Find by itself what the camera writes into its picture (time, speed, place): no plate is there."""
    masks: tuple[Annotated[Mask, AfterValidator(_with_area)], ...] = Field(
        default=(),
        json_schema_extra={
            "allowed": "a list of `[x1, y1, x2, y2]`, each from 0 to 1, with x1 below x2 and y1 below y2"
        },
    )
    """Parts of the picture, in shares of its width and height, in which no vehicle and no plate has its centre: known
    overlays, one's own bonnet."""


class TrackingSettings(Section):
    """How boxes become vehicles."""

    lost_after_s: Seconds = 1.0
    """A vehicle that isn't seen for this long has left; so has every one where a shot is cut."""
    gap_s: Seconds = 0.3
    """A vehicle that wasn't seen for this long was out of sight; where it should be, one that looks different is
    another one."""
    most_difference: float = Field(default=21.0, ge=0.0, le=255.0)
    """So much of a difference in colours (CIELAB, 0..255) is still the same vehicle."""
    activation_score: Share = 0.45
    """A box needs this score to begin a new vehicle; weaker ones only continue one."""
    min_hits: Count = 2
    """Boxes that a vehicle needs before it counts."""
    min_iou: Share = 0.1
    """Overlap of a box with a vehicle's predicted box, below which they don't match."""
    step_s: float = Field(default=0.1, gt=0.0, le=NO_LIMIT)
    """The usual time between two frames that are looked at; the motion model is scaled to it."""


class LookSettings(Section):
    """Which views of a vehicle are searched for its plate, and when there were enough."""

    min_vehicle_px: Count = 120
    """Narrower vehicle boxes are counted as too small and not searched; for motorcycles, half of it."""
    kept_views: int = Field(default=12, ge=2, le=1_000_000)
    """So many views of a vehicle, the widest and sharpest, wait until it has passed; no more are ever searched."""
    first_searches: Count = 2
    """So many of them are searched first; while that is not enough, as many again as were searched so far."""
    enough_reads: Count = 2
    """It is enough once the reads of so many views agree …"""
    enough_confidence: Share = 0.97
    """… and the vote is at least this sure."""
    fruitless_searches: Count = 6
    """It is enough, too, when so many searches found no plate, or when the best views show one that is too small."""
    picture_quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality of the views, out of which plates are searched and read."""


def _norway(code: object) -> object:
    """YAML takes a bare `no` for false."""
    return "no" if code is False else code


CountryCode = Annotated[str, BeforeValidator(_norway)]


class VoteSettings(Section):
    """How reads become one plate, and from when on a plate is claimed."""

    min_plate_px: Count = 32
    """Narrower plate boxes are counted as too small and not read."""
    min_chars: Count = 4
    """Shorter reads don't vote."""
    min_reads: Count = 2
    """A plate needs at least this many agreeing reads to be claimed."""
    quality: bool = True
    """A read weighs less whose picture is small, blurred, glaring or cut off."""
    grammar: bool = True
    """Texts that fit a country's plate format count more; off: formats are only told."""
    countries: tuple[CountryCode, ...] | None = Field(
        default=None,
        json_schema_extra={"allowed": "null or a list of countries' codes or names, like `[ro, de]`"},
    )
    """Where the camera drives: the plate formats of these countries count, whatever region a reader takes a plate for;
    null = that region alone."""
    plate_formats: Path | None = None
    """Folder with plate formats of your own (docs/plates.md); a country that is there replaces the one known here."""
    guess_confidence: Share = 0.1
    """Below, a text is not even a best guess: the plate counts as unreadable."""
    claim_confidence: Share = 0.7
    """At or above, a text is the sighting's plate; below, only its best guess."""
