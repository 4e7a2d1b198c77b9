"""The trial of one seed: the job is disturbed and called again until it is done, then compared."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import yaml

from chaoskit.cluster import Cluster
from chaoskit.faults import KINDS, Fault, Plan, Scene
from chaoskit.injected import FAULTS_FILE, FRAMES_FILE, WORK_FILE, StageFaults
from chaoskit.leftovers import leftovers, shared_memory
from chaoskit.ramdisk import RamDisk
from chaoskit.running import Running, end_all, environment
from chaoskit.surroundings import Webhook, watch, watch_at
from chaoskit.table import Result, differences, read_result
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_INTERNAL, EXIT_OK, EXIT_SOME_FAILED
from dashcam_pipeline.storage.postgres.database import Database

MOST_CALLS = 12
CALL_LIMIT_S = 600.0  # a call that takes longer hangs
LOOK_S = 0.02
WORKERS_DO = frozenset({"VEHICLE_DETECT", "TRACK", "PLATE_DETECT", "OCR", "PLATE_SMOOTH"})
SMALL_JOB: Mapping[str, Mapping[str, object]] = {
    "sampling": {
        "frames_per_s": 20.0
    },  # twice the usual: a trial must last long enough for its faults to meet it
    "queue": {"lease_s": 3.0},
    "frame_store": {"quota_mb": 128, "min_free_mb": 24},
    "journey": {"zone": "+01:00"},
    "alerts": {"first_pause_s": 0.2},
}
DISK_MB = 512
CONTINUED = re.compile(r"(\d+) goe?s? on in the middle")
NEVER = frozenset({EXIT_SOME_FAILED, EXIT_BAD_INPUT, EXIT_INTERNAL})  # no fault of ours excuses these
RAISE_SHARE = 0.03
CRASH_SHARE = 0.02


@dataclass(slots=True)
class Outcome:
    """What the trial of a seed came to."""

    seed: int
    planned: tuple[str, ...] = ()
    injected: Counter[str] = field(default_factory=Counter)
    exit_codes: list[int] = field(default_factory=list)
    seconds: float = 0.0
    rows: int = 0
    differing: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # hangs, tracebacks, exit codes that must not be
    frames_read: int = 0  # looked at, the ones that were read again included
    frames_twice: int = 0
    continued: int = 0  # videos that a call went on with in their middle
    longest_stall_s: float = 0.0  # of the workers, where their work is noted

    @property
    def failed(self) -> bool:
        return bool(self.differing or self.left or self.problems)

    @property
    def resumes(self) -> int:
        return max(0, len(self.exit_codes) - 1)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trials share."""

    clips: tuple[Path, ...]
    base: Path
    config: Mapping[str, Mapping[str, object]]  # of the job, as in a config file
    note_work: bool = False  # note when each batch was done

    def folder(self, name: str) -> Path:
        return self.base / name


class Trial:
    """One job in a folder of its own."""

    def __init__(self, setting: Setting, name: str, plan: Plan, frames_in_all: int = 0) -> None:
        self.folder = setting.folder(name)
        self.work = self.folder / "work"
        self.mark = str(self.folder)
        self._setting, self._plan = setting, plan
        self._frames_in_all = frames_in_all
        self._webhook = Webhook()
        self._disk: RamDisk | None = None
        self._cluster: Cluster | None = None
        self.outcome = Outcome(plan.seed, plan.kinds)

    def run(self, expected: Result | None = None) -> Result:
        """Run the job to its end; compared with `expected` if there is one. The outcome is in `outcome`."""
        shared_before = shared_memory()
        started = time.monotonic()
        try:
            with self._webhook:
                self._prepare()
                self._call_until_done()
            self.outcome.seconds = time.monotonic() - started
            self.outcome.left = leftovers(self.mark, self.work, shared_before)
            dsn = self._cluster.dsn if self._cluster else None
            result = read_result(dsn, self.work)
            if self.outcome.exit_codes[-1] == EXIT_OK:
                self.outcome.problems += self._webhook.missed(dsn, self.work)
        finally:
            if self._cluster is not None:
                self._cluster.close()
            end_all(self.mark, self.folder)
            self._count()
        self.outcome.rows = result.rows
        if expected is not None and self.outcome.exit_codes[-1] == EXIT_OK:
            self.outcome.differing = differences(expected, result)
            self.outcome.problems += [f"not finished in the table: {line}" for line in result.unfinished]
        return result

    def remove(self) -> None:
        if self._disk is not None:
            self._disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True)
        if self._plan.needs("disk"):
            self._disk = RamDisk(self.work, DISK_MB)
        self.work.mkdir(exist_ok=True)
        if self._plan.needs("cluster"):
            self._cluster = Cluster(self.folder / "pg")
            watch_at(self._cluster.dsn, self.work)
        else:
            copy = ["cp", "-a", str(database_template(self._setting)), str(self.work / "postgres")]
            subprocess.run(copy, check=True)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self._config()))

    def _config(self) -> dict[str, dict[str, object]]:
        """The job's settings with the checkpoints of the plan."""
        config = {section: dict(values) for section, values in self._setting.config.items()}
        config.setdefault("run", {})["checkpoint_s"] = self._plan.checkpoint_s
        config.setdefault("alerts", {})["webhook"] = self._webhook.url
        return config

    def _call_until_done(self) -> None:
        faults = [fault for fault in self._plan.faults if KINDS[fault.kind].act is not None]
        while len(self.outcome.exit_codes) < MOST_CALLS:
            code = self._call(faults)
            self.outcome.exit_codes.append(code)
            if code == EXIT_OK or code in NEVER:
                break
        if code != EXIT_OK:
            self.outcome.problems.append(f"exit code {code} at call {len(self.outcome.exit_codes)}")

    def _call(self, faults: list[Fault]) -> int:
        """One call of the command; takes the faults that happen to it from the list."""
        running = Running(self._arguments(), self._environment(), self._log(len(self.outcome.exit_codes) + 1))
        scene = Scene(running, self.work, self._disk, self._cluster)
        due_s: float | None = None  # when the next fault happens, by the time of this call
        undo: list[tuple[float, Fault]] = []
        while running.exit_code is None:
            now = time.monotonic()
            for due, fault in list(undo):
                if now >= due:
                    undo.remove((due, fault))
                    self._undo(scene, fault)
            if faults and due_s is None and self._frames_read() >= faults[0].read_share * self._frames_in_all:
                due_s = running.elapsed_s + faults[0].delay_s
            if due_s is not None and running.elapsed_s >= due_s and self._act(scene, faults[0]):
                fault, due_s = faults.pop(0), None
                self._say(f"{running.elapsed_s:.2f} s: {fault.kind}")
                self.outcome.injected[fault.kind] += 1
                if KINDS[fault.kind].undo is not None:
                    undo.append((time.monotonic() + fault.hold_s, fault))
            if running.elapsed_s > CALL_LIMIT_S:
                self.outcome.problems.append(f"call {len(self.outcome.exit_codes) + 1} hung")
                end_all(self.mark, self.folder)
            time.sleep(LOOK_S)
        for _, fault in undo:
            self._undo(scene, fault)
        self.outcome.continued += sum(int(found[1]) for found in CONTINUED.finditer(running.text()))
        if "Traceback" in running.text():
            self.outcome.problems.append(f"call {len(self.outcome.exit_codes) + 1} printed a traceback")
        self._say(f"{running.elapsed_s:.2f} s: exit code {running.exit_code}")
        return running.wait(1.0)

    def _frames_read(self) -> int:
        """Frames that have been read so far, once or twice."""
        path = self.folder / FRAMES_FILE
        return len(set(path.read_text().splitlines())) if path.exists() else 0

    def _act(self, scene: Scene, fault: Fault) -> bool:
        act = KINDS[fault.kind].act
        return act is not None and act(scene, fault)

    def _undo(self, scene: Scene, fault: Fault) -> None:
        undo = KINDS[fault.kind].undo
        if undo is not None:
            undo(scene, fault)
            self._say(f"{scene.running.elapsed_s:.2f} s: {fault.kind} taken back")

    def _arguments(self) -> Sequence[str | Path]:
        where: list[str | Path] = [
            "--work-dir",
            self.work,
            "--config",
            self.folder / "config.yaml",
            "--no-hud",
        ]
        if self._cluster is not None:
            where += ["--db", self._cluster.dsn]
        return ["run", *self._setting.clips, *where]

    def _environment(self) -> dict[str, str]:
        kinds = self._plan.kinds
        crashes, raises = "stage_crashes" in kinds, "stage_raises" in kinds
        faults = StageFaults(
            folder=str(self.folder),
            seed=self._plan.seed,
            raise_share=RAISE_SHARE if raises else 0.0,
            raise_times=1
            if crashes
            else 1 + self._plan.seed % 2,  # with the crash fewer than queue.max_attempts
            crash_share=CRASH_SHARE if crashes else 0.0,
            note_work=self._setting.note_work,
        )
        return environment(self.mark, self.folder / "state", faults.to_environment())

    def _log(self, call: int) -> Path:
        return self.folder / f"call-{call}.log"

    def _say(self, line: str) -> None:
        with (self.folder / "trial.log").open("a") as log:
            log.write(f"call {len(self.outcome.exit_codes) + 1}, {line}\n")

    def _count(self) -> None:
        """What the stages have noted: their faults, the frames that were read, when work was done."""
        frames, faults, work = (self.folder / name for name in (FRAMES_FILE, FAULTS_FILE, WORK_FILE))
        if work.exists():
            notes = [line.split() for line in work.read_text().splitlines()]
            moments = sorted(float(when) for when, category, _ in notes if category in WORKERS_DO)
            self.outcome.longest_stall_s = max((b - a for a, b in pairwise(moments)), default=0.0)
        if frames.exists():
            lines = frames.read_text().splitlines()
            self.outcome.frames_read = len(lines)
            self.outcome.frames_twice = len(lines) - len(set(lines))
        if faults.exists():
            for line in set(faults.read_text().splitlines()):
                self.outcome.injected["stage_crashes" if line.startswith("crash") else "stage_raises"] += 1


def database_template(setting: Setting) -> Path:
    """An embedded database with its tables and no rows, made once: each trial begins with a copy."""
    folder = setting.folder("template")
    if not (folder / "postgres" / "PG_VERSION").exists():
        with Database.open(None, folder) as database:
            database.migrate()
            watch(database)
    return folder / "postgres"
