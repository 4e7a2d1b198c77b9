-- name: raise
-- Of the sightings that are asked for, those that have a plate of the list, each with the plate that it is nearest to.
WITH seen AS MATERIALIZED (
    SELECT
        id, video_id, run_id, final_plate, plate_plain(final_plate) AS plain, plate_confidence, first_s,
        CASE WHEN EXISTS (SELECT FROM watchlist WHERE near > 0) THEN plate_keys(final_plate COLLATE "C") END AS keys,
        CASE WHEN until_video_id = video_id THEN last_s ELSE first_s END AS last_s
    FROM sightings
    WHERE final_plate IS NOT NULL
        AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
        AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
        AND EXISTS (SELECT FROM watchlist)
),
hits AS (
    SELECT seen.id, watchlist.plate AS watched, 0 AS distance
    FROM seen JOIN watchlist ON watchlist.plate = seen.plain
    UNION ALL
    SELECT seen.id, keyed.plate, 0
    FROM seen JOIN unnest(%(watched)s::text[], %(hashes)s::text[]) AS keyed (plate, hash) ON keyed.hash = seen.final_plate
    UNION ALL
    SELECT seen.id, watchlist.plate, plate_distance(seen.plain, watchlist.plate)
    FROM seen JOIN watchlist ON watchlist.near > 0 AND watchlist.plate <> seen.plain
        AND watchlist.near_keys && seen.keys
        AND plate_distance(seen.plain, watchlist.plate) <= watchlist.near
),
nearest AS (
    SELECT DISTINCT ON (hits.id)
        seen.id, seen.video_id, seen.run_id, seen.final_plate, seen.plate_confidence, seen.first_s, seen.last_s,
        watchlist.plate AS watched, watchlist.spelling, watchlist.note, hits.distance
    FROM hits JOIN seen USING (id) JOIN watchlist ON watchlist.plate = hits.watched
    WHERE (%(only)s::text[] IS NULL OR watchlist.plate = ANY(%(only)s))
        -- What was seen before its plate came onto the list raises nothing by being joined.
        AND (
            %(past)s
            OR EXISTS (
                SELECT FROM vehicles AS part
                WHERE (part.id = hits.id OR part.part_of = hits.id) AND part.updated_at >= watchlist.added_at
            )
        )
    ORDER BY hits.id, hits.distance, watchlist.plate
),
fresh AS (
    SELECT * FROM nearest
    WHERE NOT EXISTS (
        SELECT FROM alerts JOIN vehicles AS part ON part.id = alerts.sighting_id
        WHERE (part.id = nearest.id OR part.part_of = nearest.id) AND alerts.watched = nearest.watched
            AND NOT alerts.strayed
    )
),
-- Read with other settings, a vehicle may have another number: what was told of it is told of this row now.
known AS (
    SELECT DISTINCT ON (alert_id) *
    FROM fresh CROSS JOIN LATERAL (
        SELECT
            alerts.id AS alert_id,
            least(alerts.last_s, fresh.last_s) - greatest(alerts.first_s, fresh.first_s) AS common_s
        FROM alerts JOIN vehicles AS own ON own.id = alerts.sighting_id
        WHERE alerts.video_id = fresh.video_id AND alerts.watched = fresh.watched
            AND alerts.first_s <= fresh.last_s AND alerts.last_s >= fresh.first_s
            AND (
                alerts.strayed
                OR own.run_id <> fresh.run_id
                OR (alerts.run_id <> fresh.run_id AND own.final_plate IS DISTINCT FROM alerts.plate)
            )
        ORDER BY common_s DESC, alerts.raised_at, alerts.id
        LIMIT 1
    ) AS earlier
    ORDER BY alert_id, common_s DESC, fresh.first_s, fresh.id
),
moved AS (
    UPDATE alerts
    SET sighting_id = known.id, strayed = false, spelling = known.spelling, note = known.note, plate = known.final_plate,
        distance = known.distance, confidence = known.plate_confidence,
        first_s = least(alerts.first_s, known.first_s), last_s = greatest(alerts.last_s, known.last_s)
    FROM known
    WHERE alerts.id = known.alert_id
    RETURNING alerts.sighting_id
)
INSERT INTO alerts (
    sighting_id, watched, spelling, note, plate, distance, confidence, run_id, video_id, first_s, last_s, state, next_try_at
)
SELECT
    fresh.id, fresh.watched, fresh.spelling, fresh.note, fresh.final_plate, fresh.distance, fresh.plate_confidence,
    fresh.run_id, fresh.video_id, fresh.first_s, fresh.last_s,
    %(state)s::text, CASE WHEN %(state)s::text = 'pending' THEN now() END
FROM fresh
WHERE fresh.id NOT IN (SELECT sighting_id FROM moved)
    -- What an earlier run saw as one vehicle may be two by now: the one alert was of both.
    AND NOT EXISTS (
        SELECT FROM alerts
        WHERE alerts.video_id = fresh.video_id AND alerts.watched = fresh.watched AND alerts.run_id <> fresh.run_id
            AND alerts.first_s <= fresh.last_s AND alerts.last_s >= fresh.first_s
    )
ON CONFLICT DO NOTHING;

-- name: lock_rows
-- Nobody else raises an alert of these meanwhile.
SELECT FROM vehicles
WHERE id = ANY(%(ids)s::uuid[]) OR video_id = ANY(%(video_ids)s::text[])
ORDER BY video_id, track_id, part
FOR UPDATE;

-- name: stray
-- The same number, and another vehicle by now: the alert that stands there is of the former.
UPDATE alerts
SET strayed = true
FROM vehicles AS own
WHERE own.id = alerts.sighting_id AND own.id = ANY(%(ids)s::uuid[])
    AND NOT alerts.strayed
    AND (own.last_s < alerts.first_s OR own.first_s > alerts.last_s);

-- name: follow
-- A vehicle that a stop has cut short is written again as a whole when its run goes on.
UPDATE alerts
SET first_s = least(alerts.first_s, own.first_s), last_s = greatest(alerts.last_s, own.last_s),
    confidence = CASE WHEN own.final_plate = alerts.plate THEN own.plate_confidence ELSE alerts.confidence END
FROM vehicles AS own
WHERE own.id = alerts.sighting_id AND own.id = ANY(%(ids)s::uuid[])
    AND NOT alerts.strayed
    AND (
        own.first_s < alerts.first_s OR own.last_s > alerts.last_s
        OR own.final_plate = alerts.plate AND own.plate_confidence IS DISTINCT FROM alerts.confidence
    );

-- name: merge
WITH grouped AS (
    SELECT
        alerts.id,
        first_value(alerts.id) OVER (
            PARTITION BY coalesce(part.part_of, part.id), alerts.watched
            ORDER BY alerts.state = 'delivered' DESC, alerts.raised_at, alerts.first_s, alerts.id
        ) AS first_id
    FROM alerts JOIN vehicles AS part ON part.id = alerts.sighting_id
    WHERE coalesce(part.part_of, part.id) IN (
        SELECT coalesce(part_of, id) FROM vehicles WHERE video_id = ANY(%(video_ids)s)
    )
        AND NOT alerts.strayed
)
UPDATE alerts
SET part_of = nullif(grouped.first_id, grouped.id)
FROM grouped
WHERE alerts.id = grouped.id AND alerts.part_of IS DISTINCT FROM nullif(grouped.first_id, grouped.id);

-- name: merged_delivered
-- Of a vehicle that was told of, no part is told of later, should they be parted or the first one's row go.
UPDATE alerts
SET state = 'delivered', next_try_at = NULL, claimed_until = NULL, claimed_by = NULL, last_error = NULL,
    delivered_at = first.delivered_at
FROM alerts AS first
WHERE first.id = alerts.part_of AND first.state = 'delivered' AND alerts.state <> 'delivered'
    AND (first.video_id = ANY(%(video_ids)s) OR alerts.video_id = ANY(%(video_ids)s));

-- name: forget_strayed
DELETE FROM alerts WHERE video_id = %(video_id)s AND strayed;

-- name: hashes_asked_for
SELECT EXISTS (
    SELECT FROM sightings
    WHERE left(final_plate, 2) = 'h:'
        AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
        AND (%(video_ids)s::text[] IS NULL OR video_id = ANY(%(video_ids)s))
);

-- name: watched
SELECT plate, spelling FROM watchlist;

-- name: alerts
SELECT
    alerts.id::text AS id, alerts.raised_at, alerts.run_id, alerts.plate, alerts.watched, alerts.spelling, alerts.note,
    alerts.distance, alerts.confidence, seen.vehicle_class,
    left(seen.video_id, 8) || '-' || seen.track_id || CASE WHEN seen.part > 0 THEN '-' || seen.part ELSE '' END AS sighting,
    seen.id::text AS uuid,
    seen.video_filename AS video, seen.video_path, seen.first_s, seen.until_video_filename AS last_video, seen.last_s,
    seen.ts, seen.utc_offset_min, seen.time_source, seen.latitude, seen.longitude,
    seen.vehicle_picture, seen.plate_picture, seen.frame_picture, seen.strip_picture,
    runs.work_dir, runs.host,
    alerts.run_id <> seen.run_id AS told_before,
    alerts.state, alerts.attempts, alerts.next_try_at, alerts.last_error, alerts.delivered_at
FROM alerts
JOIN vehicles AS own ON own.id = alerts.sighting_id
JOIN sightings AS seen ON seen.id = coalesce(own.part_of, own.id)
LEFT JOIN runs ON runs.run_id = seen.shown_run_id
WHERE alerts.part_of IS NULL AND NOT alerts.strayed
    AND (%(run_id)s::text IS NULL OR alerts.run_id = %(run_id)s OR own.run_id = %(run_id)s OR seen.run_id = %(run_id)s)
    AND (%(sighting_ids)s::uuid[] IS NULL OR alerts.sighting_id = ANY(%(sighting_ids)s))
    AND (%(alert_ids)s::uuid[] IS NULL OR alerts.id = ANY(%(alert_ids)s))
ORDER BY alerts.raised_at, seen.video_path, seen.first_frame, alerts.id;

-- name: claim
UPDATE alerts
SET attempts = attempts + 1, claimed_until = now() + make_interval(secs => %(lease_s)s), claimed_by = %(owner)s
WHERE id = (
    SELECT id FROM alerts
    WHERE state = 'pending' AND part_of IS NULL AND NOT strayed AND next_try_at <= now()
        AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY next_try_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id::text;

-- name: release
UPDATE alerts SET claimed_until = NULL, claimed_by = NULL WHERE state = 'pending' AND claimed_by = %(owner)s;

-- name: delivered
UPDATE alerts
SET state = 'delivered', next_try_at = NULL, claimed_until = NULL, claimed_by = NULL, last_error = NULL, delivered_at = now()
WHERE (id = %(id)s OR part_of = %(id)s) AND state <> 'delivered';

-- name: try_again
UPDATE alerts
SET next_try_at = now() + make_interval(secs => %(pause_s)s), claimed_until = NULL, claimed_by = NULL, last_error = %(error)s
WHERE id = %(id)s AND state = 'pending';

-- name: undelivered
UPDATE alerts
SET state = 'undelivered', next_try_at = NULL, claimed_until = NULL, claimed_by = NULL, last_error = %(error)s
WHERE id = %(id)s AND state = 'pending';

-- name: outlook
SELECT
    count(*) AS pending,
    extract(epoch FROM min(greatest(next_try_at, claimed_until)) - now())::float8 AS due_in_s
FROM alerts
WHERE state = 'pending' AND part_of IS NULL AND NOT strayed;

-- name: send_again
UPDATE alerts
SET state = 'pending', attempts = 0, next_try_at = now(), claimed_until = NULL, claimed_by = NULL
FROM vehicles
WHERE vehicles.id = alerts.sighting_id
    AND alerts.part_of IS NULL AND NOT alerts.strayed
    AND (
        alerts.state = 'undelivered'
        OR alerts.state = 'kept' AND %(kept)s
        OR alerts.state = 'pending' AND (alerts.claimed_until IS NULL OR alerts.claimed_until <= now())
    )
    AND (%(run_id)s::text IS NULL OR alerts.run_id = %(run_id)s OR vehicles.run_id = %(run_id)s)
RETURNING alerts.id::text;
