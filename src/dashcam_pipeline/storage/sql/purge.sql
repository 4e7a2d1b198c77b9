-- name: make_chosen
CREATE TEMP TABLE purge_chosen (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    head uuid NOT NULL,
    parts bigint NOT NULL,
    timed boolean NOT NULL,
    kept boolean NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now()
);

-- name: choose
INSERT INTO purge_chosen (head, parts, timed, kept)
SELECT head, parts, timed, kept
FROM (
    SELECT
        coalesce(vehicles.part_of, vehicles.id) AS head,
        count(*) AS parts,
        bool_and(vehicles.ts IS NOT NULL) AS timed,
        max(coalesce(vehicles.ts, runs.finished_at, runs.updated_at, vehicles.updated_at)) AS last_seen,
        bool_or(vehicles.video_id = ANY(%(video_ids)s)) AS in_videos,
        bool_or(
            vehicles.final_plate = ANY(%(plates)s) OR vehicles.best_guess = ANY(%(plates)s)
            OR joined.final_plate = ANY(%(plates)s) OR joined.best_guess = ANY(%(plates)s)
        ) AS has_plate,
        coalesce(bool_or(
            vehicles.final_plate = ANY(%(keep)s) OR vehicles.best_guess = ANY(%(keep)s)
            OR joined.final_plate = ANY(%(keep)s) OR joined.best_guess = ANY(%(keep)s)
        ), false) AS kept,
        min(vehicles.video_id) AS video_id
    FROM vehicles
    LEFT JOIN runs ON runs.run_id = vehicles.run_id
    LEFT JOIN joined ON joined.id = vehicles.id
    GROUP BY 1
) AS seen
WHERE (%(before)s::timestamptz IS NULL OR last_seen < %(before)s)
    AND (%(video_ids)s::text[] IS NULL OR in_videos)
    AND (%(plates)s::text[] IS NULL OR has_plate)
ORDER BY video_id, head;

-- name: counted
SELECT
    count(*) FILTER (WHERE NOT kept) AS sightings,
    coalesce(sum(parts) FILTER (WHERE NOT kept), 0)::bigint AS parts,
    count(*) FILTER (WHERE NOT kept AND timed) AS timed,
    count(*) FILTER (WHERE kept) AS kept
FROM purge_chosen;

-- name: count_dead_letters
SELECT count(*) FROM dead_letters
WHERE (%(before)s::timestamptz IS NULL OR failed_at < %(before)s)
    AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
    AND (%(plate_texts)s::text[] IS NULL OR category = %(refused)s AND traceback LIKE ANY(%(plate_texts)s))
    AND NOT (category = %(refused)s AND traceback LIKE ANY(%(keep_texts)s));

-- name: count_tracks
SELECT count(*)
FROM videos LEFT JOIN runs USING (run_id)
WHERE videos.track IS NOT NULL
    AND %(plates)s::text[] IS NULL
    AND (
        %(before)s::timestamptz IS NULL
        OR coalesce(
            videos.started_at + coalesce(videos.duration_s, 0) * interval '1 second', runs.finished_at, videos.updated_at
        ) < %(before)s
    )
    AND (%(video_ids)s::text[] IS NULL OR videos.video_id = ANY(%(video_ids)s));

-- name: remove_tracks
UPDATE videos
SET track = NULL, position_note = 'its track was removed by dashcam purge', updated_at = now()
FROM videos AS old LEFT JOIN runs ON runs.run_id = old.run_id
WHERE (videos.run_id, videos.path, videos.video_id) = (old.run_id, old.path, old.video_id)
    AND old.track IS NOT NULL
    AND (
        %(before)s::timestamptz IS NULL
        OR coalesce(
            old.started_at + coalesce(old.duration_s, 0) * interval '1 second', runs.finished_at, old.updated_at
        ) < %(before)s
    )
    AND (%(video_ids)s::text[] IS NULL OR old.video_id = ANY(%(video_ids)s));

-- name: one_picture_of_each_run
SELECT DISTINCT ON (vehicles.run_id) vehicles.run_id, runs.work_dir, runs.host, vehicles.vehicle_picture
FROM purge_chosen
JOIN vehicles ON coalesce(vehicles.part_of, vehicles.id) = purge_chosen.head
LEFT JOIN runs ON runs.run_id = vehicles.run_id
WHERE NOT purge_chosen.kept AND vehicles.vehicle_picture IS NOT NULL
ORDER BY vehicles.run_id, vehicles.id;

-- name: one_picture_of_dead_letters
SELECT DISTINCT ON (dead_letters.run_id) dead_letters.run_id, runs.work_dir, runs.host,
    dead_letters.frame_picture AS vehicle_picture
FROM dead_letters
LEFT JOIN runs ON runs.run_id = dead_letters.run_id
WHERE dead_letters.frame_picture IS NOT NULL
    AND (%(before)s::timestamptz IS NULL OR failed_at < %(before)s)
    AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
    AND (%(plate_texts)s::text[] IS NULL OR category = %(refused)s AND traceback LIKE ANY(%(plate_texts)s))
    AND NOT (category = %(refused)s AND traceback LIKE ANY(%(keep_texts)s))
ORDER BY dead_letters.run_id, dead_letters.task_id;

-- name: next_heads
SELECT ordinal, head::text, parts, chosen_at FROM purge_chosen
WHERE NOT kept AND ordinal > %(after)s
ORDER BY ordinal
LIMIT %(most)s;

-- name: parts_of_heads
SELECT
    vehicles.id::text AS id, coalesce(vehicles.part_of, vehicles.id)::text AS head, vehicles.run_id, vehicles.video_id,
    array_remove(ARRAY[vehicle_picture, plate_picture, frame_picture, strip_picture], NULL) AS pictures,
    vehicles.updated_at
FROM vehicles
WHERE vehicles.id = ANY(%(heads)s::uuid[]) OR vehicles.part_of = ANY(%(heads)s::uuid[]);

-- name: remove_rows
DELETE FROM vehicles WHERE id = ANY(%(ids)s::uuid[]);

-- name: remove_dead_letters
DELETE FROM dead_letters
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM dead_letters
    WHERE (%(before)s::timestamptz IS NULL OR failed_at < %(before)s)
        AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
        AND (%(plate_texts)s::text[] IS NULL OR category = %(refused)s AND traceback LIKE ANY(%(plate_texts)s))
        AND NOT (category = %(refused)s AND traceback LIKE ANY(%(keep_texts)s))
    LIMIT %(most)s
))
RETURNING task_id AS id, task_id AS head, run_id, video_id, array_remove(ARRAY[frame_picture], NULL) AS pictures,
    updated_at;

-- name: remove_strayed_alerts
-- Their vehicles have no row that would take them along.
DELETE FROM alerts
WHERE strayed
    AND (%(before)s::timestamptz IS NULL OR raised_at < %(before)s)
    AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
    AND (%(plates)s::text[] IS NULL OR plate = ANY(%(plates)s))
    AND NOT coalesce(plate = ANY(%(keep)s), false);

-- name: note_pictures
INSERT INTO purged_pictures (host, folder, path, video_id)
SELECT %(host)s, noted.folder, noted.path, noted.video_id
FROM unnest(%(folders)s::text[], %(paths)s::text[], %(video_ids)s::text[]) AS noted (folder, path, video_id)
ON CONFLICT DO NOTHING;

-- name: noted_pictures
-- One that a row points at again, because its video was read anew, is no longer to be deleted.
SELECT
    noted.folder, noted.path,
    EXISTS (
        SELECT 1 FROM vehicles
        WHERE vehicles.video_id = noted.video_id
            AND noted.path IN (vehicle_picture, plate_picture, frame_picture, strip_picture)
    ) OR EXISTS (
        SELECT 1 FROM dead_letters
        WHERE dead_letters.video_id = noted.video_id AND dead_letters.frame_picture = noted.path
    ) AS in_use
FROM purged_pictures AS noted
WHERE noted.host = %(host)s AND noted.folder = ANY(%(folders)s)
ORDER BY noted.folder, noted.path
LIMIT %(most)s;

-- name: forget_pictures
DELETE FROM purged_pictures
USING unnest(%(folders)s::text[], %(paths)s::text[]) AS gone (folder, path)
WHERE purged_pictures.host = %(host)s
    AND purged_pictures.folder = gone.folder
    AND purged_pictures.path = gone.path;

-- name: noted_folders
SELECT DISTINCT folder FROM purged_pictures WHERE host = %(host)s ORDER BY folder;

-- name: count_rows
UPDATE videos
SET
    vehicles = coalesce(counts.vehicles, 0),
    plates = coalesce(counts.plates, 0),
    reasons = coalesce(counts.reasons, '{}')
FROM unnest(%(run_ids)s::text[], %(video_ids)s::text[]) AS touched (run_id, video_id)
LEFT JOIN (
    SELECT run_id, video_id, sum(number)::bigint AS vehicles,
        coalesce(sum(number) FILTER (WHERE reason IS NULL), 0)::bigint AS plates,
        jsonb_object_agg(reason, number ORDER BY reason) FILTER (WHERE reason IS NOT NULL) AS reasons
    FROM (
        SELECT run_id, video_id, no_plate_reason AS reason, count(*) AS number
        FROM vehicles
        WHERE video_id = ANY(%(video_ids)s)
        GROUP BY 1, 2, 3
    ) AS by_reason
    GROUP BY run_id, video_id
) AS counts ON counts.run_id = touched.run_id AND counts.video_id = touched.video_id
WHERE videos.run_id = touched.run_id AND videos.video_id = touched.video_id AND videos.status <> 'skipped';

-- name: count_sightings
UPDATE videos
SET
    joined_vehicles = coalesce(counts.vehicles, 0),
    joined_plates = coalesce(counts.plates, 0),
    joined_reasons = coalesce(counts.reasons, '{}')
FROM unnest(%(video_ids)s::text[]) AS touched (video_id)
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
) AS counts ON counts.video_id = touched.video_id
WHERE videos.video_id = touched.video_id AND videos.joined_vehicles IS NOT NULL AND videos.status <> 'skipped';

-- name: pictures_of_chosen
SELECT
    vehicles.run_id, runs.work_dir, runs.host,
    array_remove(ARRAY[vehicle_picture, plate_picture, frame_picture, strip_picture], NULL) AS pictures
FROM purge_chosen
JOIN vehicles ON coalesce(vehicles.part_of, vehicles.id) = purge_chosen.head
LEFT JOIN runs ON runs.run_id = vehicles.run_id
WHERE NOT purge_chosen.kept AND vehicles.vehicle_picture IS NOT NULL;

-- name: settled_videos
SELECT DISTINCT ON (videos.video_id) videos.video_id
FROM videos JOIN runs USING (run_id)
WHERE videos.video_id = ANY(%(video_ids)s) AND videos.status <> 'skipped'
    AND NOT EXISTS (
        SELECT 1 FROM videos AS other
        WHERE other.video_id = videos.video_id AND other.status IN ('queued', 'running', 'stopped')
    );

-- name: pictures_of_videos
SELECT unnest(ARRAY[vehicle_picture, plate_picture, frame_picture, strip_picture]) AS path
FROM vehicles WHERE video_id = ANY(%(video_ids)s)
UNION
SELECT frame_picture FROM dead_letters WHERE video_id = ANY(%(video_ids)s);
