-- name: runs
SELECT
    runs.run_id, runs.status, runs.started_at, runs.finished_at, runs.error, runs.work_dir,
    coalesce(counts.videos, 0) AS videos,
    coalesce(counts.done, 0) AS done,
    coalesce(counts.frames_decoded, 0) AS frames_decoded,
    coalesce(counts.vehicles, 0) AS vehicles,
    coalesce(counts.plates, 0) AS plates
FROM runs
LEFT JOIN (
    SELECT
        run_id,
        count(*) AS videos,
        count(*) FILTER (WHERE status = 'done') AS done,
        sum(frames_decoded)::bigint AS frames_decoded,
        sum(vehicles)::bigint AS vehicles,
        sum(plates)::bigint AS plates
    FROM videos
    GROUP BY run_id
) AS counts USING (run_id)
ORDER BY runs.started_at DESC, runs.run_id DESC;

-- name: videos
SELECT
    videos.path, videos.filename, videos.video_id, videos.status, videos.reason, videos.duration_s,
    videos.frames_decoded, videos.decode_errors, videos.dead_letters, videos.vehicles, videos.plates, videos.reasons,
    coalesce(found.claimed, '{}') AS claimed
FROM videos
LEFT JOIN (
    SELECT run_id, video_id, array_agg(final_plate ORDER BY first_frame, track_id) AS claimed
    FROM vehicles
    WHERE final_plate IS NOT NULL
    GROUP BY run_id, video_id
) AS found ON found.run_id = videos.run_id AND found.video_id = videos.video_id AND videos.status <> 'skipped'
WHERE videos.run_id = %(run_id)s
ORDER BY videos.path;

-- name: replaced_videos
SELECT count(*)
FROM videos
WHERE videos.run_id = %(run_id)s
    AND videos.status <> 'skipped'
    AND EXISTS (
        SELECT 1 FROM vehicles
        WHERE vehicles.video_id = videos.video_id AND vehicles.run_id <> videos.run_id
    );

-- name: count_stored
SELECT count(*) AS vehicles, count(final_plate) AS plates
FROM vehicles
WHERE run_id = %(run_id)s AND video_id = %(video_id)s;

-- name: sightings
SELECT
    vehicles.final_plate AS plate,
    vehicles.plate_confidence AS confidence,
    vehicles.video_filename AS video,
    vehicles.first_frame, vehicles.last_frame, vehicles.first_s, vehicles.last_s,
    vehicles.vehicle_class, vehicles.reads, vehicles.agreeing_reads,
    vehicles.best_guess, vehicles.no_plate_reason AS reason, vehicles.best_read,
    vehicles.frame_idx AS frame, vehicles.video_ts_frame AS frame_s, vehicles.ts,
    coalesce(runs.work_dir || '/', '') || vehicles.vehicle_picture AS evidence,
    coalesce(runs.work_dir || '/', '') || vehicles.plate_picture AS plate_evidence,
    vehicles.video_path, vehicles.video_id, vehicles.track_id, vehicles.id::text AS id, vehicles.run_id
FROM vehicles LEFT JOIN runs ON runs.run_id = vehicles.run_id
WHERE (
    vehicles.run_id = %(run_id)s
    OR vehicles.video_id IN (
        -- Videos of this run that an earlier one had read already.
        SELECT videos.video_id FROM videos WHERE videos.run_id = %(run_id)s AND videos.status = 'skipped'
    )
)
AND (%(video_ids)s::text[] IS NULL OR vehicles.video_id = ANY(%(video_ids)s))
ORDER BY vehicles.video_path, vehicles.video_id, vehicles.first_frame, vehicles.track_id;

-- name: dead_letters
SELECT
    dead_letters.run_id, dead_letters.video_id, dead_letters.task_id, dead_letters.category,
    dead_letters.attempts, dead_letters.error, dead_letters.traceback, dead_letters.frame_idx,
    dead_letters.ts_s, dead_letters.frame_picture, dead_letters.failed_at
FROM dead_letters
WHERE dead_letters.run_id = %(run_id)s
ORDER BY dead_letters.video_id, dead_letters.frame_idx NULLS LAST, dead_letters.task_id;

-- name: count_dead_letters
SELECT count(*) FROM dead_letters WHERE run_id = %(run_id)s;
