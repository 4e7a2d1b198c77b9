-- name: made_with
SELECT runs.version, runs.config_fingerprint, runs.model_fingerprint
FROM runs
WHERE runs.run_id = %(run_id)s;

-- name: videos
-- Of a video that an earlier run had read, what that one knows.
SELECT
    videos.path, videos.video_id, read.run_id <> videos.run_id AS of_another_run, read.duration_s,
    read.width, read.height, read.fps, read.started_at, read.utc_offset_min,
    read.time_source, read.time_note, read.position_source, read.position_note, read.track
FROM videos
CROSS JOIN LATERAL (
    SELECT other.*
    FROM videos AS other
    WHERE other.video_id = videos.video_id
        AND (
            (other.run_id, other.path) = (videos.run_id, videos.path)
            OR videos.status = 'skipped' AND other.status <> 'skipped'
        )
    ORDER BY other.status = 'skipped', other.run_id = videos.run_id DESC, other.updated_at DESC, other.path
    LIMIT 1
) AS read
WHERE videos.run_id = %(run_id)s
ORDER BY videos.path;

-- name: alerts
SELECT alerts.sighting_id::text AS uuid, alerts.spelling, alerts.note, alerts.distance
FROM alerts
WHERE alerts.part_of IS NULL AND NOT alerts.strayed AND alerts.sighting_id = ANY(%(uuids)s::uuid[])
ORDER BY alerts.distance, alerts.watched;
