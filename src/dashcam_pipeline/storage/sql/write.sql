-- name: upsert_run
INSERT INTO runs (
    run_id, status, started_at, finished_at, error, version, work_dir, host,
    config, config_fingerprint, model_fingerprint
) VALUES (
    %(run_id)s, %(status)s, %(started_at)s, %(finished_at)s, %(error)s, %(version)s, %(work_dir)s,
    %(host)s, %(config)s, %(config_fingerprint)s, %(model_fingerprint)s
)
ON CONFLICT (run_id) DO UPDATE SET
    status = excluded.status,
    started_at = least(runs.started_at, excluded.started_at),
    finished_at = excluded.finished_at,
    error = excluded.error,
    version = excluded.version,
    work_dir = excluded.work_dir,
    host = excluded.host,
    config = excluded.config,
    config_fingerprint = excluded.config_fingerprint,
    model_fingerprint = excluded.model_fingerprint,
    updated_at = now();

-- name: upsert_video
INSERT INTO videos (
    run_id, path, filename, video_id, status, reason, size_bytes, duration_s, width, height, fps, codec,
    frames_decoded, frames_sampled, decode_errors, dead_letters, vehicles, plates, reasons,
    started_at, utc_offset_min, time_source, zone_source, time_note, position_source, position_note, track
) VALUES (
    %(run_id)s, %(path)s, %(filename)s, %(video_id)s, %(status)s, %(reason)s, %(size_bytes)s,
    %(duration_s)s, %(width)s, %(height)s, %(fps)s, %(codec)s, %(frames_decoded)s, %(frames_sampled)s,
    %(decode_errors)s, %(dead_letters)s, %(vehicles)s, %(plates)s, %(reasons)s,
    %(started_at)s, %(utc_offset_min)s, %(time_source)s, %(zone_source)s, %(time_note)s, %(position_source)s,
    %(position_note)s, %(track)s
)
ON CONFLICT (run_id, path, video_id) DO UPDATE SET
    filename = excluded.filename,
    video_id = excluded.video_id,
    status = excluded.status,
    reason = excluded.reason,
    size_bytes = excluded.size_bytes,
    duration_s = excluded.duration_s,
    width = excluded.width,
    height = excluded.height,
    fps = excluded.fps,
    codec = excluded.codec,
    frames_decoded = excluded.frames_decoded,
    frames_sampled = excluded.frames_sampled,
    decode_errors = excluded.decode_errors,
    dead_letters = excluded.dead_letters,
    vehicles = excluded.vehicles,
    plates = excluded.plates,
    reasons = excluded.reasons,
    -- Rows of videos that nobody opened know nothing of when and where.
    (started_at, utc_offset_min, time_source, zone_source, time_note, position_source, position_note, track) = (
        SELECT
            excluded.started_at, excluded.utc_offset_min, excluded.time_source, excluded.zone_source,
            excluded.time_note, excluded.position_source, excluded.position_note, excluded.track
        WHERE num_nonnulls(excluded.time_source, excluded.time_note, excluded.position_source, excluded.position_note) > 0
        UNION ALL
        SELECT
            videos.started_at, videos.utc_offset_min, videos.time_source, videos.zone_source,
            videos.time_note, videos.position_source, videos.position_note, videos.track
        WHERE num_nonnulls(excluded.time_source, excluded.time_note, excluded.position_source, excluded.position_note) = 0
    ),
    joined_with = NULL,
    joined_vehicles = NULL,
    joined_plates = NULL,
    joined_reasons = NULL,
    updated_at = now();

-- name: upsert_sighting
INSERT INTO vehicles (
    id, video_id, track_id, part, run_id, vehicle_class, first_frame, last_frame, first_s, last_s,
    frame_idx, video_ts_frame, ts, final_plate, plate_confidence, best_guess, no_plate_reason,
    reads, agreeing_reads, char_votes, best_read, car_bbox, plate_bbox, vehicle_picture, plate_picture,
    plate_region, plate_format, confidence_parts, looks, frame_picture, strip_picture, first_bbox, last_bbox, shot,
    utc_offset_min, time_source, latitude, longitude, speed_kmh, heading_deg, position_source, path
) VALUES (
    %(id)s, %(video_id)s, %(track_id)s, %(part)s, %(run_id)s, %(vehicle_class)s, %(first_frame)s, %(last_frame)s,
    %(first_s)s, %(last_s)s, %(frame_idx)s, %(video_ts_frame)s, %(ts)s, %(final_plate)s,
    %(plate_confidence)s, %(best_guess)s, %(no_plate_reason)s, %(reads)s, %(agreeing_reads)s,
    %(char_votes)s, %(best_read)s, %(car_bbox)s, %(plate_bbox)s, %(vehicle_picture)s, %(plate_picture)s,
    %(plate_region)s, %(plate_format)s, %(confidence_parts)s, %(looks)s, %(frame_picture)s, %(strip_picture)s,
    %(first_bbox)s, %(last_bbox)s, %(shot)s, %(utc_offset_min)s, %(time_source)s, %(latitude)s, %(longitude)s,
    %(speed_kmh)s, %(heading_deg)s, %(position_source)s, %(path)s
)
ON CONFLICT (video_id, track_id, part) DO UPDATE SET
    run_id = excluded.run_id,
    vehicle_class = excluded.vehicle_class,
    first_frame = excluded.first_frame,
    last_frame = excluded.last_frame,
    first_s = excluded.first_s,
    last_s = excluded.last_s,
    frame_idx = excluded.frame_idx,
    video_ts_frame = excluded.video_ts_frame,
    ts = excluded.ts,
    final_plate = excluded.final_plate,
    plate_confidence = excluded.plate_confidence,
    best_guess = excluded.best_guess,
    no_plate_reason = excluded.no_plate_reason,
    reads = excluded.reads,
    agreeing_reads = excluded.agreeing_reads,
    char_votes = excluded.char_votes,
    best_read = excluded.best_read,
    car_bbox = excluded.car_bbox,
    plate_bbox = excluded.plate_bbox,
    vehicle_picture = excluded.vehicle_picture,
    plate_picture = excluded.plate_picture,
    plate_region = excluded.plate_region,
    plate_format = excluded.plate_format,
    confidence_parts = excluded.confidence_parts,
    looks = excluded.looks,
    frame_picture = excluded.frame_picture,
    strip_picture = excluded.strip_picture,
    first_bbox = excluded.first_bbox,
    last_bbox = excluded.last_bbox,
    shot = excluded.shot,
    utc_offset_min = excluded.utc_offset_min,
    time_source = excluded.time_source,
    latitude = excluded.latitude,
    longitude = excluded.longitude,
    speed_kmh = excluded.speed_kmh,
    heading_deg = excluded.heading_deg,
    position_source = excluded.position_source,
    path = excluded.path,
    updated_at = now();

-- name: name_videos
UPDATE vehicles
SET video_path = videos.path, video_filename = videos.filename
FROM videos
WHERE vehicles.video_id = ANY(%(video_ids)s)
    AND videos.video_id = vehicles.video_id
    AND videos.run_id = vehicles.run_id
    AND videos.status <> 'skipped'
    AND vehicles.video_path IS DISTINCT FROM videos.path;

-- name: remove_replaced
DELETE FROM vehicles
WHERE video_id = %(video_id)s
    AND run_id <> %(run_id)s
    AND first_frame < %(frames_read)s;

-- name: end_dead_runs
WITH dead AS (
    UPDATE runs
    SET status = 'failed', error = %(reason)s, finished_at = updated_at, updated_at = now()
    WHERE status = 'running'
        AND (%(work_dir)s::text IS NULL OR work_dir = %(work_dir)s AND host = %(host)s)
    RETURNING run_id
)
UPDATE videos
SET status = 'stopped', reason = %(reason)s, updated_at = now()
FROM dead
WHERE videos.run_id = dead.run_id AND videos.status IN ('queued', 'running');

-- name: upsert_dead_letter
INSERT INTO dead_letters (
    run_id, video_id, task_id, category, attempts, error, traceback, frame_idx, ts_s, frame_picture, failed_at
) VALUES (
    %(run_id)s, %(video_id)s, %(task_id)s, %(category)s, %(attempts)s, %(error)s, %(traceback)s,
    %(frame_idx)s, %(ts_s)s, %(frame_picture)s, %(failed_at)s
)
ON CONFLICT (run_id, task_id) DO UPDATE SET
    video_id = excluded.video_id,
    category = excluded.category,
    attempts = excluded.attempts,
    error = excluded.error,
    traceback = excluded.traceback,
    frame_idx = excluded.frame_idx,
    ts_s = excluded.ts_s,
    frame_picture = excluded.frame_picture,
    failed_at = excluded.failed_at,
    updated_at = now();

-- name: clear_dead_letters
DELETE FROM dead_letters
WHERE run_id = %(run_id)s AND video_id = ANY(%(video_ids)s)
RETURNING frame_picture;

-- name: forget_overcome_dead_letters
DELETE FROM dead_letters
WHERE run_id = %(run_id)s AND video_id = %(video_id)s AND category <> %(kept)s;
