"""The settings of a run as typed records: every key, its unit, its default and its bounds.

`configuration.py` fills them from YAML files, the environment and the command line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

NO_LIMIT = 10**9
"""Bound of what has no bound of its own; what is larger no clock, database or library takes."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=NO_LIMIT)]
Count = Annotated[int, Field(ge=1, le=NO_LIMIT)]
Processes = Annotated[int, Field(ge=1, le=1000)]


class Section(BaseModel):
    """A group of settings; unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        allow_inf_nan=False,  # neither JSON nor clocks know them
        defer_build=True,  # worker processes only unpickle settings, they need no validators
    )


class RunSettings(Section):
    """Processes, devices and how a run ends."""

    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|cuda(:\d+(,\d+)*)?)$",
        examples=["auto", "cpu", "cuda:0", "cuda:0,1"],
    )
    """Where models run; `auto` = CUDA devices when onnxruntime sees any, else the CPU."""
    decoder: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$", examples=["cpu", "cuda:0"])
    """What decodes video; `cuda` = NVDEC. Where that can't be had, the CPU does it, with a warning."""
    gpu_workers: Processes | None = None
    """Processes that run models; null = one a GPU, or on the CPU as many as the cores are worth."""
    cpu_workers: Processes | None = None
    """Processes that track, vote and write pictures; null = by the number of cores and `hybrid`."""
    hybrid: bool = False
    """One process may do both kinds of work: on a host with GPUs, CPU workers run models too while the GPUs are
    behind, and rows may differ in their last digits from run to run; without a GPU, model workers track and vote."""
    readers: Processes | None = None
    """Videos decoded at the same time; null = by the number of cores."""
    drain_deadline_s: Seconds = 30.0
    """After the first Ctrl+C, what is under way may take this long to finish."""
    checkpoint_s: float = Field(default=2.0, gt=0.0, le=NO_LIMIT)
    """Seconds of video between two checkpoints; a run that was killed reads about this much again."""
    worker_max_tasks: Count | None = 100_000
    """A worker process is replaced by a fresh one after this many tasks; null = never."""
    worker_max_rss_mb: Count = 4096
    """A worker process that holds more memory than this is replaced once its work in hand is done."""


class SamplingSettings(Section):
    """Which frames are looked at. Every frame is decoded; the others cost nothing more."""

    frames_per_s: float = Field(default=10.0, gt=0.0, le=NO_LIMIT)
    """Frames looked at in a second of video, chosen by their timestamps."""
    stride: Count | None = None
    """Look at every N-th frame instead, whatever the frame rate."""


class FrameStoreSettings(Section):
    """Where frames wait for their turn."""

    dir: Path | None = None
    """Folder for waiting frames; null = `frame_store` in the work dir."""
    format: Literal["raw", "jpeg", "png"] = "raw"
    """What a waiting frame is stored as; `raw` costs disk, the others time."""
    quota_mb: Count = 1024
    """Readers wait while the frames of this run take more than this; files of released frames, up to 128 MiB, are kept
    beside it."""
    min_free_mb: Count = 512
    """Readers wait while the disk has less than this left."""


class QueueSettings(Section):
    """Limits of the task queue, in tasks."""

    gpu_soft: Count | None = None
    """Readers wait once this many tasks wait for the GPU class, until half are left; null = 12 a model worker."""
    cpu_soft: Count | None = None
    """Likewise for the CPU class; null = three times gpu_soft."""
    writer_soft: Count = 2048
    """Likewise for rows and checkpoints that wait for the writer."""
    max_attempts: Count = 3
    """A task that fails this often becomes a dead letter; the run goes on."""
    lease_s: float = Field(default=15.0, ge=3.0, le=NO_LIMIT)
    """A worker that shows no sign of life for this long is killed, and its tasks go to others."""
    stuck_s: float = Field(default=120.0, ge=5.0, le=NO_LIMIT)
    """So is one whose task shows no progress for this long, although the process is alive."""


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


def _expression(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    if not groups.keys() & {"time", "number"}:
        raise ValueError("a regular expression without a group named time or number: (?P<time>...)")
    return text


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


class TripSettings(Section):
    """Which sightings are one vehicle: in one file, and in files that one camera recorded one after the other."""

    join: bool = True
    """One vehicle is one sighting, also where its track broke, and in several files of a trip."""
    max_gap_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 3.0
    """A file that begins so long after another has ended, by the times in their names, continues its trip."""
    pattern: Annotated[str, AfterValidator(_expression)] | None = Field(
        default=None,
        json_schema_extra={"allowed": "a regular expression with a group `time` or `number`, or null"},
    )
    """How the names of your camera's files are read, where the usual ones don't fit: named groups `camera`, `time` (12
    or 14 digits, with anything between them) and `number`."""
    same_plate_s: Seconds = 120.0
    """The same plate, out of sight for this long, is another sighting."""


class StorageSettings(Section):
    """Where results go."""

    dsn: str | None = None
    """Postgres connection string; null = a server of our own inside the work dir."""
    outbox_mb: Count = 512
    """Rows wait for a database that is away in a file of the work dir; past this size the writer waits."""
    database_patience_s: Seconds = 600.0
    """At the end of a run, so long is tried to bring waiting rows into a database that is away."""
    disk_patience_s: Seconds = 60.0
    """A disk that stays full or closed to us for this long ends the run, which can be resumed."""
    evidence_quality: int = Field(default=92, ge=1, le=100)
    """JPEG quality of evidence pictures."""
    evidence_frame_px: int = Field(default=800, ge=160, le=10_000)
    """Frames that prove a sighting are shrunk to this width."""
    evidence_mb: Count | None = 4096
    """All evidence pictures of a work dir take no more than this; null = no limit. When it is nearly used up, sightings
    without a plate get none any more, then no sighting does."""

    @property
    def evidence_bytes(self) -> int | None:
        return None if self.evidence_mb is None else self.evidence_mb * 2**20


class Settings(Section):
    """All settings of a run."""

    # Sections are made when a run is given its settings: see `defer_build`.
    run: RunSettings = Field(default_factory=RunSettings)
    sampling: SamplingSettings = Field(default_factory=SamplingSettings)
    frame_store: FrameStoreSettings = Field(default_factory=FrameStoreSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    tracking: TrackingSettings = Field(default_factory=TrackingSettings)
    looks: LookSettings = Field(default_factory=LookSettings)
    vote: VoteSettings = Field(default_factory=VoteSettings)
    trips: TripSettings = Field(default_factory=TripSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
