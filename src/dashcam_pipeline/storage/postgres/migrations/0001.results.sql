-- The tables of results: runs, videos, vehicles.

CREATE TABLE runs (
    run_id text PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('running', 'done', 'partial', 'stopped', 'failed')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error text,
    version text NOT NULL,
    work_dir text,
    config jsonb,
    config_fingerprint text NOT NULL,
    model_fingerprint text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX runs_started_at ON runs (started_at DESC);

COMMENT ON TABLE runs IS 'One row a call of `dashcam run`; a resumed run keeps its row.';
COMMENT ON COLUMN runs.run_id IS 'Id of the run.';
COMMENT ON COLUMN runs.status IS 'running; done: every video was read to its end; partial: some failed or were only partly readable; stopped: by the user; failed: it ended by an error.';
COMMENT ON COLUMN runs.started_at IS 'When it began.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended; null while it runs, and after it was killed.';
COMMENT ON COLUMN runs.error IS 'The error that ended it, in one line.';
COMMENT ON COLUMN runs.version IS 'Version of the program.';
COMMENT ON COLUMN runs.work_dir IS 'Work dir of the run on its host: evidence paths are relative to it.';
COMMENT ON COLUMN runs.config IS 'The effective settings.';
COMMENT ON COLUMN runs.config_fingerprint IS 'Changes when a setting that can change a sighting does.';
COMMENT ON COLUMN runs.model_fingerprint IS 'Changes when a model file does.';
COMMENT ON COLUMN runs.created_at IS 'When this row was first written.';
COMMENT ON COLUMN runs.updated_at IS 'When this row was last written.';

CREATE TABLE videos (
    run_id text NOT NULL,
    path text NOT NULL,
    filename text NOT NULL,
    video_id text NOT NULL,
    status text NOT NULL
        CHECK (status IN ('queued', 'running', 'done', 'partial', 'failed', 'skipped', 'stopped')),
    reason text,
    size_bytes bigint,
    duration_s double precision,
    width integer,
    height integer,
    fps double precision,
    codec text,
    frames_decoded bigint NOT NULL,
    frames_sampled bigint NOT NULL,
    decode_errors bigint NOT NULL,
    dead_letters bigint NOT NULL,
    vehicles bigint NOT NULL,
    plates bigint NOT NULL,
    reasons jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, path)
);

CREATE INDEX videos_video_id ON videos (video_id);

COMMENT ON TABLE videos IS 'One row an input file of a run. A file belongs to as many runs as read it, and two files of one run can have the same content: hence the key (run_id, path).';
COMMENT ON COLUMN videos.run_id IS 'The run.';
COMMENT ON COLUMN videos.path IS 'Path of the file on the host of the run.';
COMMENT ON COLUMN videos.filename IS 'Last part of the path.';
COMMENT ON COLUMN videos.video_id IS 'Identity of the content, whatever the file is called; of a file that was skipped unread, made from its path.';
COMMENT ON COLUMN videos.status IS 'queued; running; done: read to its end without an error; partial: damaged, what was readable is here; failed: nothing could be read; skipped: hidden, empty, or the same content as another file of the run; stopped: the run was stopped before its end.';
COMMENT ON COLUMN videos.reason IS 'Why it is not done, in one line.';
COMMENT ON COLUMN videos.size_bytes IS 'Size of the file, bytes.';
COMMENT ON COLUMN videos.duration_s IS 'Length, seconds.';
COMMENT ON COLUMN videos.width IS 'Width of the upright frame, pixels.';
COMMENT ON COLUMN videos.height IS 'Height of the upright frame, pixels.';
COMMENT ON COLUMN videos.fps IS 'Mean frame rate, frames a second. Times of frames come from their timestamps, never from this.';
COMMENT ON COLUMN videos.codec IS 'Codec of the video stream.';
COMMENT ON COLUMN videos.frames_decoded IS 'Frames decoded so far.';
COMMENT ON COLUMN videos.frames_sampled IS 'Of these, frames that were looked at.';
COMMENT ON COLUMN videos.decode_errors IS 'Errors while decoding.';
COMMENT ON COLUMN videos.dead_letters IS 'Tasks of this video that were given up after several tries.';
COMMENT ON COLUMN videos.vehicles IS 'Sightings found by this run.';
COMMENT ON COLUMN videos.plates IS 'Of these, sightings with a claimed plate.';
COMMENT ON COLUMN videos.reasons IS 'Sightings without a plate, counted by reason: {"too_small": 3, ...}.';
COMMENT ON COLUMN videos.created_at IS 'When this row was first written.';
COMMENT ON COLUMN videos.updated_at IS 'When this row was last written.';

CREATE TABLE vehicles (
    id uuid PRIMARY KEY,
    video_id text NOT NULL,
    track_id bigint NOT NULL,
    run_id text NOT NULL,
    video_path text,
    video_filename text,
    vehicle_class text NOT NULL,
    first_frame bigint NOT NULL,
    last_frame bigint NOT NULL,
    first_s double precision NOT NULL,
    last_s double precision NOT NULL,
    frame_idx bigint NOT NULL,
    video_ts_frame double precision NOT NULL,
    ts timestamptz,
    final_plate text,
    plate_confidence double precision CHECK (plate_confidence BETWEEN 0 AND 1),
    best_guess text,
    no_plate_reason text,
    reads integer NOT NULL,
    agreeing_reads integer NOT NULL,
    char_votes jsonb NOT NULL,
    best_read text,
    car_bbox real[] CHECK (cardinality(car_bbox) = 4),
    plate_bbox real[] CHECK (cardinality(plate_bbox) = 4),
    vehicle_picture text,
    plate_picture text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (video_id, track_id),
    CHECK (first_frame <= last_frame),
    CONSTRAINT plate_or_reason CHECK ((final_plate IS NULL) = (no_plate_reason IS NOT NULL))
);

CREATE INDEX vehicles_run_id ON vehicles (run_id);
CREATE INDEX vehicles_final_plate ON vehicles (final_plate) WHERE final_plate IS NOT NULL;
CREATE INDEX vehicles_best_guess ON vehicles (best_guess) WHERE best_guess IS NOT NULL;
CREATE INDEX vehicles_ts ON vehicles (ts) WHERE ts IS NOT NULL;

COMMENT ON TABLE vehicles IS 'One row a sighting: one vehicle passing one camera. The key (video_id, track_id) makes a second write an update, so a car stays one row however often its video is run.';
COMMENT ON COLUMN vehicles.id IS 'Stable id: UUID version 5 of video_id/track_id. The same video gives the same ids again, on every host.';
COMMENT ON COLUMN vehicles.video_id IS 'Identity of the content of the video, see videos.video_id.';
COMMENT ON COLUMN vehicles.track_id IS 'Number of the vehicle within its video, from 1.';
COMMENT ON COLUMN vehicles.run_id IS 'The run that wrote this row last.';
COMMENT ON COLUMN vehicles.video_path IS 'Path of the video in that run; filled as soon as the row of the video is known.';
COMMENT ON COLUMN vehicles.video_filename IS 'Last part of video_path.';
COMMENT ON COLUMN vehicles.vehicle_class IS 'car, truck, bus, motorcycle; vehicle where the model has one class only.';
COMMENT ON COLUMN vehicles.first_frame IS 'First frame of the vehicle; frames count from 0 in decode order.';
COMMENT ON COLUMN vehicles.last_frame IS 'Last frame of the vehicle.';
COMMENT ON COLUMN vehicles.first_s IS 'Second of first_frame in the video, from its timestamps.';
COMMENT ON COLUMN vehicles.last_s IS 'Second of last_frame in the video.';
COMMENT ON COLUMN vehicles.frame_idx IS 'The frame of the evidence pictures and boxes.';
COMMENT ON COLUMN vehicles.video_ts_frame IS 'Second of frame_idx in the video.';
COMMENT ON COLUMN vehicles.ts IS 'Wall time of frame_idx, where the video tells it.';
COMMENT ON COLUMN vehicles.final_plate IS 'The plate, only when the vote is sure enough to claim it (vote.claim_confidence).';
COMMENT ON COLUMN vehicles.plate_confidence IS 'Confidence of final_plate, or else of best_guess, 0 to 1.';
COMMENT ON COLUMN vehicles.best_guess IS 'The text of a vote that claims nothing.';
COMMENT ON COLUMN vehicles.no_plate_reason IS 'Why there is no final_plate: too_small, no_plate_found, plate_too_small, unreadable, too_few_reads, low_confidence, reads_disagree, error. Set exactly when final_plate is null.';
COMMENT ON COLUMN vehicles.reads IS 'Texts that voted.';
COMMENT ON COLUMN vehicles.agreeing_reads IS 'Of these, texts equal to the winner.';
COMMENT ON COLUMN vehicles.char_votes IS 'The vote for each position of the text: a list of {character: share of the weight}.';
COMMENT ON COLUMN vehicles.best_read IS 'The single strongest read, as the reader gave it.';
COMMENT ON COLUMN vehicles.car_bbox IS 'Vehicle in frame_idx: {x1, y1, x2, y2}, pixels of the upright frame, right and bottom exclusive. An array, because the type box sorts its corners.';
COMMENT ON COLUMN vehicles.plate_bbox IS 'Plate in frame_idx, likewise.';
COMMENT ON COLUMN vehicles.vehicle_picture IS 'Picture of the vehicle, path relative to runs.work_dir.';
COMMENT ON COLUMN vehicles.plate_picture IS 'Picture of the plate, path relative to runs.work_dir.';
COMMENT ON COLUMN vehicles.created_at IS 'When this row was first written.';
COMMENT ON COLUMN vehicles.updated_at IS 'When this row was last written.';
