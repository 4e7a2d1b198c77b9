"""The batch job: videos in, a table of sightings out. Everything `dashcam run` does, without its printing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from dashcam_pipeline import __version__
from dashcam_pipeline.batch import fingerprints, leftovers
from dashcam_pipeline.batch.alerting import post_alerts
from dashcam_pipeline.batch.catching_up import catch_up, close_books, database_name
from dashcam_pipeline.batch.current_run import CurrentRun, note_run, recall_run
from dashcam_pipeline.batch.fingerprints import Fingerprints
from dashcam_pipeline.batch.inputs import Inputs
from dashcam_pipeline.batch.job_plan import MB, run_plan, settled, with_plate_key
from dashcam_pipeline.batch.joining import join_trips, let_go
from dashcam_pipeline.batch.records import Ending, RunRecords
from dashcam_pipeline.batch.resume import Plan, Question, Wish, make_plan, unfinished_run
from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.checkpoint_files import CheckpointFolder, SavedCheckpoint
from dashcam_pipeline.engine.frame_store import sweep_dead_runs
from dashcam_pipeline.engine.monitor import RunSnapshot
from dashcam_pipeline.engine.supervisor import RunEnd, RunResult, Supervisor
from dashcam_pipeline.errors import EXIT_STOPPED, DashcamError, SettingsDiffer
from dashcam_pipeline.stages.context import CHECKPOINTS, Job
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.rows import RunRow, RunStatus
from dashcam_pipeline.storage.watching.alerts import AlertState, Watching
from dashcam_pipeline.storage.work_dir import WorkDir, check_folder
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.weights import fingerprint, needed, resolve

TEND_EVERY_S = 5.0  # how often our own database server is looked after
LAST_WORDS_S = 5.0  # how long a run that fails tries to say so in the database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run is going to do."""

    plan: Plan
    inputs: Inputs
    checkpoints: tuple[SavedCheckpoint, ...]  # of the videos that go on in the middle

    @property
    def in_the_middle(self) -> frozenset[str]:
        """The ids of those videos."""
        return frozenset(saved.checkpoint.source_id for saved in self.checkpoints)

    @property
    def video_ids(self) -> frozenset[str]:
        """The ids of all videos of this call."""
        return frozenset(video.video_id for video in self.inputs.jobs)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    prepared: Prepared
    result: RunResult
    ending: Ending

    @property
    def run(self) -> RunRow:
        return self.ending.run


class BatchRun:
    """One run from preparation to its last row.

    Call `check_host` before any video is opened; then, holding the `work_dir`: `catch_up`, `prepare`, `run`, `finish`.
    """

    def __init__(self, settings: Settings, work_dir: Path, dsn: str | None) -> None:
        self._settings = settled(settings)
        self._dsn = dsn
        self.work_dir = WorkDir(work_dir)
        self.new_run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
        self._models: tuple[str, ...] = ()

    @property
    def frames_root(self) -> Path:
        """The folder of all runs' frames."""
        return self._settings.frame_store.dir or self.work_dir.path / "frame_store"

    def check_host(self) -> None:
        """See that models, plate formats and disk are there. Raises DashcamError with what is wrong and what to do.

        What killed runs have left in the frame store goes first: it takes the very room that is asked for, and
        the run to come may have nothing to read.
        """
        open_grammar(self._settings.vote)
        wanted = needed(self._settings.models)
        for model in wanted:
            resolve(model.name, model.role)
        self._models = tuple(model.name for model in wanted)
        store = self._settings.frame_store
        sweep_dead_runs(self.frames_root)
        self.work_dir.check(store.min_free_mb * MB)
        if self._settings.alerts.webhook is not None:
            from dashcam_pipeline.storage.watching.webhook import token_of_environment  # brings the network

            token_of_environment()
        self._settings = with_plate_key(self._settings, self.work_dir.path)
        check_folder(self.frames_root, (store.min_free_mb + store.quota_mb) * MB)

    @property
    def fingerprints(self) -> Fingerprints:
        """Of these settings and models."""
        return Fingerprints(fingerprints.of_config(self._settings), fingerprint(self._models))

    # --- before ------------------------------------------------------------------------------------------

    def catch_up(self, database: Database, wish: Wish, say: leftovers.Say) -> None:
        """See `catching_up.catch_up`."""
        catch_up(self.work_dir.path, database, wish, say, self._watching)

    def prepare(self, inputs: Inputs, database: Database, wish: Wish) -> Prepared:
        """Decide what to do with the inputs.

        Raises:
            SettingsDiffer: results are there that were made in another way, and the wish does not say what then.
        """
        records = RunRecords(database, self.work_dir.path)
        current = recall_run(self.work_dir.path)
        before = records.before([v.video_id for v in inputs.jobs], current.run_id if current else None)
        run_id = unfinished_run(inputs.jobs, before)
        of_run = records.of_run(run_id) if run_id else []
        plan = make_plan(inputs, before, of_run, self.fingerprints, wish, self.new_run_id)
        if isinstance(plan, Question):
            raise SettingsDiffer(self._worded(plan, records.run(plan.run_id), len(inputs.jobs)))
        return self.prepared(plan, inputs)

    def nothing_to_read(self, prepared: Prepared, database: Database, say: leftovers.Say) -> None:
        """Everything has been read already; names may have changed since, and how vehicles are joined."""
        RunRecords(database, self.work_dir.path).name_moved(prepared.plan)
        join_trips(database, self.work_dir.path, self._settings, prepared.video_ids, say)
        post_alerts(database, self.work_dir.path, self._settings.alerts, prepared.plan.run_id, say)

    def prepared(self, plan: Plan, inputs: Inputs) -> Prepared:
        """A plan with the checkpoints that it can go on from."""
        folder, stamp = self._checkpoint_folder(plan.run_id), self._stamp
        wanted = [v.video_id for v in plan.read if v.video_id not in plan.afresh] if plan.continues else []
        found = [folder.load(video_id, stamp) for video_id in wanted]
        return Prepared(plan, inputs, tuple(saved for saved in found if saved is not None))

    def _worded(self, question: Question, run: RunRow | None, videos: int) -> str:
        config = dict(run.config or {}) if run else {}
        what = fingerprints.differences(config, self._settings) if question.other_config else []
        what += ["models"] if question.other_models else []
        return (
            f"run {question.run_id} and these settings differ ({', '.join(what) or 'in what this version knows'}), "
            f"which concerns {question.videos} of {videos} videos: --resume keeps what is there and reads the rest "
            "with the settings as they are now, --restart reads everything anew"
        )

    # --- the run itself ----------------------------------------------------------------------------------

    def run(
        self,
        prepared: Prepared,
        database: Database,
        show: Callable[[RunSnapshot], None],
        log_level: int,
    ) -> RunResult:
        """Work off a plan. Raises DashcamError when the run can't go on; the same command continues it then."""
        plan, path = prepared.plan, self.work_dir.path
        records, run = RunRecords(database, path), self._run_row(prepared.plan.run_id)
        note_run(path, CurrentRun(run.run_id, database_name(database)))
        self._drop_checkpoints(prepared)
        let_go(database, {video.video_id for video in plan.read})
        records.begin(run, plan, prepared.inputs, prepared.in_the_middle)
        job = Job(
            settings=self._settings,
            run_id=run.run_id,
            work_dir=path,
            database_url=database.url,
            stamp=self._stamp,
        )
        to_do = run_plan(job, plan.read, prepared.checkpoints, self.frames_root, log_level)
        try:
            return Supervisor(to_do, _tending(database, show)).run()
        except BaseException as error:
            reason = str(error) if isinstance(error, DashcamError) else repr(error)
            with suppress(DashcamError, psycopg.Error):  # the database may be the very reason
                if not leftovers.deliver(path, database, 0.0, lambda line: None, self._watching):
                    stopped = isinstance(error, KeyboardInterrupt)
                    ended = (
                        _finished(run, RunStatus.STOPPED)
                        if stopped
                        else _finished(run, RunStatus.FAILED, reason)
                    )
                    records.finish(ended, prepared.video_ids, LAST_WORDS_S)
            if isinstance(error, DashcamError) and "same command" not in reason:
                error.args = (f"{reason.rstrip('.')}. The same command continues run {run.run_id}.",)
            raise

    def finish(self, prepared: Prepared, result: RunResult, database: Database, say: leftovers.Say) -> Report:
        """Bring in the last rows, write how the run ended, and join what was seen of one vehicle.

        Raises:
            DatabaseUnavailable: the database is away; the next start in this work dir does all this.
        """
        self._deliver_rest(database, result, say)
        status = None if result.end is RunEnd.FINISHED else RunStatus.STOPPED
        run = _finished(self._run_row(prepared.plan.run_id), status)
        ending = RunRecords(database, self.work_dir.path).finish(run, prepared.video_ids)
        if ending.whole:
            close_books(self.work_dir.path, run.run_id)
        if (
            result.end is not RunEnd.ABANDONED
        ):  # who wants to leave at once does not wait; the next run does it
            join_trips(database, self.work_dir.path, self._settings, prepared.video_ids, say)
            post_alerts(database, self.work_dir.path, self._settings.alerts, prepared.plan.run_id, say)
        return Report(prepared, result, ending)

    def _deliver_rest(self, database: Database, result: RunResult, say: leftovers.Say) -> None:
        """Bring in what the writer could not; a run that was stopped at once does not wait for it."""
        patience_s = self._settings.storage.database_patience_s if result.end is not RunEnd.ABANDONED else 0.0
        left = leftovers.deliver(self.work_dir.path, database, patience_s, say, self._watching)
        if left:
            error = leftovers.still_waiting(left, self.work_dir.path)
            if result.end is not RunEnd.FINISHED:
                error.exit_code = EXIT_STOPPED
            raise error

    @property
    def _watching(self) -> Watching:
        return Watching(self.work_dir.path, AlertState(self._settings.alerts.first_state))

    def _run_row(self, run_id: str) -> RunRow:
        now = self.fingerprints
        return RunRow(
            run_id=run_id,
            started_at=datetime.now(UTC),
            status=RunStatus.RUNNING,
            version=__version__,
            config=fingerprints.recorded(self._settings),
            config_fingerprint=now.config,
            model_fingerprint=now.models,
            work_dir=str(self.work_dir.path),
        )

    # --- checkpoints -------------------------------------------------------------------------------------

    @property
    def _stamp(self) -> str:
        return fingerprints.stamp(self.fingerprints, self._settings.frame_store.format)

    def _checkpoint_folder(self, run_id: str) -> CheckpointFolder:
        return CheckpointFolder(self.work_dir.path / CHECKPOINTS, run_id)

    def _drop_checkpoints(self, prepared: Prepared) -> None:
        """Remove the checkpoints, of any run, of videos that are read from their start or need no more reading."""
        plan, root = prepared.plan, self.work_dir.path / CHECKPOINTS
        done = {kept.video.video_id for kept in plan.kept}
        over = {video.video_id for video in plan.read} | done | {r.video_id for r in plan.changed}
        for path in root.iterdir() if root.exists() else ():
            folder = CheckpointFolder(root, path.name)
            here = prepared.in_the_middle if path.name == plan.run_id else frozenset()
            for video_id in set(folder.source_ids()) & (over - here):
                folder.remove(video_id)
            with suppress(OSError):
                path.rmdir()  # when it is empty


def _tending(database: Database, show: Callable[[RunSnapshot], None]) -> Callable[[RunSnapshot], None]:
    """Show a snapshot, and see now and then that our own server is still there."""
    look_again_s = TEND_EVERY_S

    def tend(snapshot: RunSnapshot) -> None:
        nonlocal look_again_s
        show(snapshot)
        if snapshot.elapsed_s >= look_again_s:
            look_again_s = snapshot.elapsed_s + TEND_EVERY_S
            try:
                database.ensure_running()
            except DashcamError as error:
                log.warning("%s", error)

    return tend


def _finished(run: RunRow, status: RunStatus | None, error: str | None = None) -> RunRow:
    return replace(run, status=status or run.status, error=error, finished_at=datetime.now(UTC))
