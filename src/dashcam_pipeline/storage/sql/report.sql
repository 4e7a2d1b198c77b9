-- name: made_with
SELECT runs.version, runs.config_fingerprint, runs.model_fingerprint
FROM runs
WHERE runs.run_id = %(run_id)s;

-- name: videos
SELECT
    videos.path, videos.video_id, videos.width, videos.height, videos.fps, videos.started_at, videos.utc_offset_min,
    videos.time_source, videos.time_note, videos.position_source, videos.position_note, videos.track
FROM videos
WHERE videos.run_id = %(run_id)s
ORDER BY videos.path;

-- name: alerts
SELECT alerts.sighting_id::text AS uuid, alerts.spelling, alerts.note, alerts.distance
FROM alerts
WHERE alerts.part_of IS NULL AND NOT alerts.strayed AND alerts.sighting_id = ANY(%(uuids)s::uuid[])
ORDER BY alerts.distance, alerts.watched;
