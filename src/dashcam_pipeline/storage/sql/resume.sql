-- name: readings_of_videos
SELECT
    videos.run_id, videos.video_id, videos.path, videos.status, videos.reason, videos.dead_letters,
    videos.codec IS NOT NULL AS begun,
    runs.started_at, runs.work_dir, runs.host, runs.config_fingerprint, runs.model_fingerprint
FROM videos
JOIN runs USING (run_id)
WHERE videos.video_id = ANY(%(video_ids)s) AND videos.status <> 'skipped'
ORDER BY videos.updated_at, runs.started_at;

-- name: readings_of_run
SELECT
    videos.run_id, videos.video_id, videos.path, videos.status, videos.reason, videos.dead_letters,
    videos.codec IS NOT NULL AS begun,
    runs.started_at, runs.work_dir, runs.host, runs.config_fingerprint, runs.model_fingerprint
FROM videos
JOIN runs USING (run_id)
WHERE videos.run_id = %(run_id)s
ORDER BY videos.path, videos.video_id;

-- name: run
SELECT
    run_id, started_at, status, finished_at, error, version, config, config_fingerprint, model_fingerprint,
    work_dir, host
FROM runs
WHERE run_id = %(run_id)s;

-- name: settle_runs
UPDATE runs
SET
    status = CASE WHEN counts.harmed > 0 THEN 'partial' ELSE 'done' END,
    error = NULL,
    finished_at = coalesce(runs.finished_at, counts.last_written),
    updated_at = now()
FROM (
    SELECT
        run_id,
        count(*) FILTER (
            WHERE status IN ('queued', 'running', 'stopped') AND reason IS DISTINCT FROM %(changed)s
        ) AS unfinished,
        count(*) FILTER (WHERE status IN ('partial', 'failed')) AS harmed,
        count(*) FILTER (WHERE status IN ('done', 'partial', 'failed')) AS final,
        max(updated_at) AS last_written
    FROM videos
    GROUP BY run_id
) AS counts
WHERE counts.run_id = runs.run_id
    AND runs.work_dir = %(work_dir)s
    AND runs.host = %(host)s
    AND runs.status IN ('running', 'stopped', 'failed')
    AND counts.unfinished = 0
    AND counts.final > 0;

-- name: stop_unfinished
UPDATE videos
SET
    status = 'stopped',
    reason = %(reason)s,
    vehicles = (SELECT count(*) FROM vehicles AS v WHERE v.run_id = videos.run_id AND v.video_id = videos.video_id),
    plates = (
        SELECT count(v.final_plate) FROM vehicles AS v
        WHERE v.run_id = videos.run_id AND v.video_id = videos.video_id
    ),
    updated_at = now()
WHERE run_id = %(run_id)s AND status IN ('queued', 'running');

-- name: remove_video
DELETE FROM videos
WHERE run_id = %(run_id)s AND path = %(path)s AND video_id = %(video_id)s;

-- name: mark_changed
UPDATE videos
SET status = 'stopped', reason = %(reason)s, updated_at = now()
WHERE run_id = %(run_id)s AND path = %(path)s AND video_id = %(video_id)s;

-- name: remove_copy
DELETE FROM videos
WHERE run_id = %(run_id)s AND path = %(new_path)s AND video_id = %(video_id)s AND path <> %(old_path)s;

-- name: move_video
UPDATE videos
SET path = %(new_path)s, filename = %(filename)s, joined_with = NULL
WHERE run_id = %(run_id)s AND path = %(old_path)s AND video_id = %(video_id)s;

-- name: forget_sightings
DELETE FROM vehicles
WHERE run_id = %(run_id)s AND video_id = ANY(%(video_ids)s);

-- name: go_on_with
UPDATE videos
SET status = 'running', reason = NULL, updated_at = now()
WHERE run_id = %(run_id)s AND video_id = ANY(%(video_ids)s) AND status <> 'skipped';
