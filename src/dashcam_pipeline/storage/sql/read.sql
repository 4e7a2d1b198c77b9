-- name: runs
SELECT
    runs.run_id, runs.status, runs.started_at, runs.finished_at, runs.error, runs.work_dir, runs.host,
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
        sum(coalesce(joined_vehicles, vehicles))::bigint AS vehicles,
        sum(coalesce(joined_plates, plates))::bigint AS plates
    FROM videos
    GROUP BY run_id
) AS counts USING (run_id)
ORDER BY runs.started_at DESC, runs.run_id DESC;

-- name: videos
SELECT
    videos.path, videos.filename, videos.video_id, videos.status, videos.reason, videos.duration_s,
    videos.frames_decoded, videos.decode_errors, videos.dead_letters,
    coalesce(videos.joined_vehicles, videos.vehicles) AS vehicles,
    coalesce(videos.joined_plates, videos.plates) AS plates,
    coalesce(videos.joined_reasons, videos.reasons) AS reasons,
    coalesce(found.claimed, '{}') AS claimed,
    videos.trip
FROM videos
LEFT JOIN (
    SELECT run_id, video_id, array_agg(final_plate ORDER BY first_frame, track_id, part) AS claimed
    FROM sightings
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
    left(seen.video_id, 8) || '-' || seen.track_id || CASE WHEN seen.part > 0 THEN '-' || seen.part ELSE '' END AS id,
    seen.final_plate AS plate,
    seen.plate_confidence AS confidence,
    seen.plate_region AS region,
    seen.plate_format AS format,
    seen.video_filename AS video,
    seen.first_frame, seen.last_frame, seen.first_s, seen.last_s,
    seen.vehicle_class, seen.reads, seen.agreeing_reads,
    seen.best_guess, seen.no_plate_reason AS reason, seen.best_read,
    seen.frame_idx AS frame, seen.video_ts_frame AS frame_s, seen.utc_offset_min,
    seen.ts, seen.time_source, seen.latitude, seen.longitude, seen.speed_kmh, seen.heading_deg, seen.position_source,
    seen.vehicle_picture AS evidence,
    seen.plate_picture AS plate_evidence,
    seen.frame_picture AS frame_evidence,
    seen.strip_picture AS strip_evidence,
    seen.until_video_filename AS last_video, seen.shown_video_filename AS frame_video, seen.span_s, seen.parts,
    seen.video_path, seen.video_id, seen.track_id, seen.part, seen.id::text AS uuid, seen.run_id,
    runs.work_dir, runs.host
FROM sightings AS seen LEFT JOIN runs ON runs.run_id = seen.shown_run_id
WHERE (%(ids)s::uuid[] IS NULL OR seen.id = ANY(%(ids)s))
AND (
    %(run_id)s::text IS NULL
    OR seen.run_id = %(run_id)s
    OR seen.video_id IN (
        -- Videos of this run that an earlier one had read already.
        SELECT videos.video_id FROM videos WHERE videos.run_id = %(run_id)s AND videos.status = 'skipped'
    )
    -- Vehicles that came out of a video which another run had read.
    OR seen.id IN (SELECT vehicles.part_of FROM vehicles WHERE vehicles.run_id = %(run_id)s)
)
AND (
    %(video_ids)s::text[] IS NULL
    OR seen.video_id = ANY(%(video_ids)s)
    OR seen.id IN (SELECT vehicles.part_of FROM vehicles WHERE vehicles.video_id = ANY(%(video_ids)s))
)
ORDER BY seen.video_path, seen.video_id, seen.first_frame, seen.track_id, seen.part;

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

-- name: count_without_pictures
SELECT count(*)
FROM vehicles
WHERE run_id = %(run_id)s AND vehicle_picture IS NULL AND jsonb_array_length(looks) > 0
    AND no_plate_reason IS DISTINCT FROM 'error';
