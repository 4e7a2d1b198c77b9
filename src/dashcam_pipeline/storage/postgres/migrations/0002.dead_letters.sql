-- Work that was given up, and the host of a run.

CREATE TABLE dead_letters (
    run_id text NOT NULL,
    video_id text NOT NULL,
    task_id text NOT NULL,
    category text NOT NULL,
    attempts integer NOT NULL,
    error text NOT NULL,
    traceback text NOT NULL,
    frame_idx bigint,
    ts_s double precision,
    frame_picture text,
    failed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, task_id)
);

CREATE INDEX dead_letters_video_id ON dead_letters (video_id);

COMMENT ON TABLE dead_letters IS 'One row a piece of work that was given up after its last attempt. `dashcam retry` reads the videos again and removes their rows.';
COMMENT ON COLUMN dead_letters.run_id IS 'The run.';
COMMENT ON COLUMN dead_letters.video_id IS 'The video, see videos.video_id.';
COMMENT ON COLUMN dead_letters.task_id IS 'Id of the task in the run''s queue.';
COMMENT ON COLUMN dead_letters.category IS 'The stage that failed: READ, VEHICLE_DETECT, TRACK, PLATE_DETECT, OCR, PLATE_SMOOTH, SUMMARY, ...';
COMMENT ON COLUMN dead_letters.attempts IS 'How often it was tried.';
COMMENT ON COLUMN dead_letters.error IS 'What went wrong at last, in one line.';
COMMENT ON COLUMN dead_letters.traceback IS 'The whole traceback, or how the worker process died; of a row that was refused, the row.';
COMMENT ON COLUMN dead_letters.frame_idx IS 'The frame it was about, where it was about one.';
COMMENT ON COLUMN dead_letters.ts_s IS 'Second of frame_idx in the video.';
COMMENT ON COLUMN dead_letters.frame_picture IS 'Picture of that frame, path relative to runs.work_dir; null where the frame could not be read.';
COMMENT ON COLUMN dead_letters.failed_at IS 'When it was given up.';
COMMENT ON COLUMN dead_letters.created_at IS 'When this row was first written.';
COMMENT ON COLUMN dead_letters.updated_at IS 'When this row was last written.';

ALTER TABLE runs ADD COLUMN host text;

COMMENT ON TABLE runs IS 'One row a run. A run that is resumed keeps its row, however often `dashcam run` was called for it.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended; null while it runs, and after it was killed until the next run in its work dir.';
COMMENT ON COLUMN runs.host IS 'Name of the host that it last ran on.';
COMMENT ON COLUMN videos.status IS 'queued; running; done: read to its end without an error; partial: damaged, what was readable is here; failed: nothing could be read; skipped: hidden, empty, the same content as another file of the run, or read by an earlier run already; stopped: the run was stopped before its end.';
