-- name: by_id
SELECT vehicles.id::text AS uuid, vehicles.video_id, vehicles.track_id, vehicles.part
FROM vehicles
WHERE starts_with(vehicles.video_id, %(prefix)s)
    AND vehicles.track_id = %(track_id)s
    AND vehicles.part = %(part)s
ORDER BY vehicles.video_id;

-- name: by_uuid
SELECT vehicles.id::text AS uuid, vehicles.video_id, vehicles.track_id, vehicles.part
FROM vehicles
WHERE vehicles.id = %(uuid)s;

-- name: by_plate
-- Of all runs, those of the latest first.
SELECT
    seen.id::text AS uuid, seen.video_id, seen.track_id, seen.part, seen.run_id, seen.video_filename AS video,
    seen.first_s, seen.plate IS NOT NULL AS claimed
FROM (
    SELECT
        sightings.*,
        upper(regexp_replace(final_plate, '[[:space:][:punct:]]', '', 'g')) AS plate,
        upper(regexp_replace(best_guess, '[[:space:][:punct:]]', '', 'g')) AS guess
    FROM sightings
) AS seen
LEFT JOIN runs USING (run_id)
WHERE seen.plate = ANY(%(texts)s) OR seen.guess = ANY(%(texts)s)
ORDER BY runs.started_at DESC NULLS LAST, seen.run_id DESC, seen.video_path, seen.first_frame, seen.track_id, seen.part;

-- name: explained
SELECT
    seen.id::text AS uuid, seen.video_id, seen.track_id, seen.part,
    (
        SELECT left(head.video_id, 8) || '-' || head.track_id || CASE WHEN head.part > 0 THEN '-' || head.part ELSE '' END
        FROM vehicles AS head WHERE head.id = seen.part_of
    ) AS part_of,
    seen.run_id, seen.video_path, seen.video_filename, seen.until_video_filename,
    seen.first_frame, seen.last_frame, seen.first_s, seen.last_s, seen.span_s,
    seen.vehicle_class, seen.final_plate, seen.plate_confidence, seen.best_guess, seen.no_plate_reason,
    seen.plate_region, seen.plate_format, seen.confidence_parts, seen.reads, seen.agreeing_reads, seen.char_votes,
    seen.best_read, seen.shown_video_filename, seen.frame_idx, seen.video_ts_frame, seen.ts, seen.car_bbox,
    seen.plate_bbox, seen.utc_offset_min, seen.time_source, seen.latitude, seen.longitude, seen.speed_kmh,
    seen.heading_deg, seen.position_source,
    (SELECT max(videos.width) FROM videos WHERE videos.video_id = seen.shown_video_id) AS frame_width,
    (SELECT max(videos.height) FROM videos WHERE videos.video_id = seen.shown_video_id) AS frame_height,
    made.started_at AS run_started_at, made.finished_at AS run_finished_at, made.version,
    runs.work_dir, runs.host, (runs.config -> 'vote' ->> 'claim_confidence')::double precision AS claim_confidence,
    (runs.config -> 'vote' ->> 'min_reads')::integer AS min_reads,
    (runs.config -> 'looks' ->> 'enough_reads')::integer AS enough_reads,
    (runs.config -> 'looks' ->> 'enough_confidence')::double precision AS enough_confidence,
    (runs.config -> 'looks' ->> 'kept_views')::integer AS kept_views,
    (runs.config -> 'storage' ->> 'evidence_mb')::integer AS evidence_mb,
    seen.vehicle_picture, seen.plate_picture, seen.frame_picture, seen.strip_picture
FROM (
    SELECT
        NULL::uuid AS part_of,
        sightings.id, video_id, track_id, part, run_id, video_path, video_filename, until_video_filename,
        first_frame, last_frame, first_s, last_s, span_s, vehicle_class, final_plate, plate_confidence, best_guess,
        no_plate_reason, plate_region, plate_format, confidence_parts, reads, agreeing_reads, char_votes, best_read,
        shown_run_id, shown_video_id, shown_video_filename, frame_idx, video_ts_frame, ts, car_bbox, plate_bbox,
        utc_offset_min, time_source, latitude, longitude, speed_kmh, heading_deg, position_source,
        vehicle_picture, plate_picture, frame_picture, strip_picture
    FROM sightings
    WHERE sightings.id = ANY(%(uuids)s::uuid[])
    UNION ALL
    -- A row that another one speaks for is no sighting of its own, but can be asked for.
    SELECT
        part_of,
        id, video_id, track_id, part, run_id, video_path, video_filename, video_filename,
        first_frame, last_frame, first_s, last_s, last_s - first_s, vehicle_class, final_plate, plate_confidence,
        best_guess, no_plate_reason, plate_region, plate_format, confidence_parts, reads, agreeing_reads, char_votes,
        best_read, run_id, video_id, video_filename, frame_idx, video_ts_frame, ts, car_bbox, plate_bbox,
        utc_offset_min, time_source, latitude, longitude, speed_kmh, heading_deg, position_source,
        vehicle_picture, plate_picture, frame_picture, strip_picture
    FROM vehicles
    WHERE id = ANY(%(uuids)s::uuid[]) AND part_of IS NOT NULL
) AS seen
LEFT JOIN runs AS made ON made.run_id = seen.run_id
LEFT JOIN runs ON runs.run_id = seen.shown_run_id;

-- name: looks
-- Of each sighting those of all its parts, its own first.
SELECT
    (CASE WHEN id = ANY(%(uuids)s::uuid[]) THEN id ELSE part_of END)::text AS whose,
    video_id, track_id, part, video_filename, video_path,
    (SELECT max(videos.size_bytes) FROM videos WHERE videos.video_id = vehicles.video_id) AS size_bytes,
    (SELECT max(videos.duration_s) FROM videos WHERE videos.video_id = vehicles.video_id) AS duration_s,
    looks
FROM vehicles
WHERE id = ANY(%(uuids)s::uuid[]) OR part_of = ANY(%(uuids)s::uuid[])
ORDER BY id <> ALL(%(uuids)s::uuid[]), video_path, first_frame, track_id, part;
