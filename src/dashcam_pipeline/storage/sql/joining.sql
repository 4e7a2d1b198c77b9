-- name: lock
SELECT pg_advisory_xact_lock(%(key)s);

-- name: pending
WITH latest AS (
    SELECT DISTINCT ON (videos.video_id) videos.video_id, videos.path, videos.status, videos.joined_with, runs.work_dir
    FROM videos JOIN runs USING (run_id)
    WHERE videos.status <> 'skipped' AND runs.host = %(host)s
    ORDER BY videos.video_id, videos.updated_at DESC, runs.started_at DESC
)
SELECT video_id, path
FROM latest
WHERE status IN ('done', 'partial', 'failed')
    AND (
        joined_with IS NULL AND work_dir = %(work_dir)s
        OR video_id = ANY(%(video_ids)s) AND joined_with IS DISTINCT FROM %(stamp)s
    )
ORDER BY path;

-- name: videos_in_folders
SELECT DISTINCT ON (videos.video_id)
    videos.run_id, videos.video_id, videos.path, videos.status, videos.duration_s, videos.width, videos.height,
    videos.codec, videos.frames_decoded, videos.updated_at
FROM videos JOIN runs USING (run_id)
WHERE videos.status <> 'skipped'
    AND runs.host = %(host)s
    AND regexp_replace(videos.path, '[^/]*$', '') = ANY(%(folders)s)
ORDER BY videos.video_id, videos.updated_at DESC, runs.started_at DESC;

-- name: parts
SELECT
    id::text AS id, video_id, vehicle_class, first_frame, last_frame, first_s, last_s, final_plate, best_guess,
    plate_confidence, no_plate_reason, first_bbox, last_bbox, agreeing_reads, shot,
    plate_bbox[3] - plate_bbox[1] AS plate_width
FROM vehicles
WHERE video_id = ANY(%(video_ids)s);

-- name: votes
SELECT
    id::text AS id, looks, reads, agreeing_reads, char_votes, best_read, plate_region, plate_format, confidence_parts
FROM vehicles
WHERE id = ANY(%(ids)s::uuid[]);

-- name: heads
SELECT DISTINCT coalesce(vehicles.part_of, vehicles.id)::text
FROM vehicles
WHERE vehicles.video_id = ANY(%(video_ids)s)
    AND (vehicles.part_of IS NOT NULL OR EXISTS (SELECT 1 FROM joined WHERE joined.id = vehicles.id));

-- name: videos_of_heads
SELECT DISTINCT video_id FROM vehicles WHERE id = ANY(%(heads)s::uuid[]) OR part_of = ANY(%(heads)s::uuid[]);

-- name: let_go
UPDATE vehicles SET part_of = NULL WHERE part_of = ANY(%(heads)s::uuid[]);

-- name: forget_joined
DELETE FROM joined WHERE id = ANY(%(heads)s::uuid[]);

-- name: set_pending
UPDATE videos
SET joined_with = NULL, joined_vehicles = NULL, joined_plates = NULL, joined_reasons = NULL
WHERE video_id = ANY(%(video_ids)s) AND status <> 'skipped';

-- name: insert_joined
INSERT INTO joined (
    id, parts, until_id, shown_id, span_s, final_plate, plate_confidence, best_guess, no_plate_reason, reads,
    agreeing_reads, char_votes, best_read, plate_region, plate_format, confidence_parts
) VALUES (
    %(id)s, %(parts)s, %(until_id)s, %(shown_id)s, %(span_s)s, %(final_plate)s, %(plate_confidence)s, %(best_guess)s,
    %(no_plate_reason)s, %(reads)s, %(agreeing_reads)s, %(char_votes)s, %(best_read)s, %(plate_region)s,
    %(plate_format)s, %(confidence_parts)s
);

-- name: set_part_of
UPDATE vehicles SET part_of = %(id)s WHERE id = ANY(%(parts)s::uuid[]);

-- name: settle
UPDATE videos
SET
    trip = %(trip)s,
    joined_with = %(stamp)s,
    joined_vehicles = coalesce(counts.vehicles, 0),
    joined_plates = coalesce(counts.plates, 0),
    joined_reasons = coalesce(counts.reasons, '{}')
FROM unnest(%(run_ids)s::text[], %(video_ids)s::text[]) AS settled (run_id, video_id)
LEFT JOIN (
    SELECT video_id, sum(number)::bigint AS vehicles,
        coalesce(sum(number) FILTER (WHERE reason IS NULL), 0)::bigint AS plates,
        jsonb_object_agg(reason, number ORDER BY reason) FILTER (WHERE reason IS NOT NULL) AS reasons
    FROM (
        SELECT video_id, no_plate_reason AS reason, count(*) AS number
        FROM sightings
        WHERE video_id = ANY(%(video_ids)s)
        GROUP BY 1, 2
    ) AS by_reason
    GROUP BY video_id
) AS counts ON counts.video_id = settled.video_id
WHERE videos.run_id = settled.run_id AND videos.video_id = settled.video_id AND videos.status <> 'skipped';
