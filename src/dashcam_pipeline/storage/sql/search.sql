-- Parameters that are null drop out of a plan, and with them their conditions. Each condition on the text is written
-- as its index is, see migration 0008.

-- name: found
SELECT
    seen.id,
    plate_distance(coalesce(seen.final_plate, seen.best_guess), %(near)s::text) AS distance,
    count(*) OVER () AS total
FROM sightings AS seen
WHERE
    (%(exact)s::text[] IS NULL OR plate_plain(coalesce(seen.final_plate, seen.best_guess)) = ANY(%(exact)s))
    AND (
        %(pattern)s::text IS NULL
        OR plate_plain(coalesce(seen.final_plate, seen.best_guess)) LIKE %(pattern)s
        AND coalesce(seen.final_plate, seen.best_guess) NOT LIKE 'h:%%'
    )
    AND (
        %(pieces)s::text[] IS NULL
        OR plate_keys(coalesce(seen.final_plate, seen.best_guess) COLLATE "C") @> %(pieces)s
    )
    AND (
        %(near)s::text IS NULL
        -- The rows with a key first, which are few; whether the vehicle has that plate is known of the view alone. Behind
        -- their SELECT the keys are hidden from the planner, which takes some hundred of them for half of all rows.
        OR seen.id = ANY(ARRAY(
            SELECT vehicles.id FROM vehicles
            WHERE plate_keys(coalesce(vehicles.final_plate, vehicles.best_guess) COLLATE "C")
                && (SELECT plate_near_keys(%(near)s::text, %(within)s))
                AND plate_distance(coalesce(vehicles.final_plate, vehicles.best_guess), %(near)s::text) <= %(within)s
            UNION
            SELECT joined.id FROM joined
            WHERE plate_keys(coalesce(joined.final_plate, joined.best_guess) COLLATE "C")
                && (SELECT plate_near_keys(%(near)s::text, %(within)s))
                AND plate_distance(coalesce(joined.final_plate, joined.best_guess), %(near)s::text) <= %(within)s
        ))
        AND plate_distance(coalesce(seen.final_plate, seen.best_guess), %(near)s::text) <= %(within)s
    )
    AND (%(guesses)s OR seen.final_plate IS NOT NULL)
    AND (%(min_confidence)s::float8 IS NULL OR seen.plate_confidence >= %(min_confidence)s)
    AND (%(vehicle_classes)s::text[] IS NULL OR seen.vehicle_class = ANY(%(vehicle_classes)s))
    AND (
        CASE WHEN %(timeless)s
            THEN seen.ts IS NULL
            ELSE (%(since)s::timestamptz IS NULL OR seen.ts >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR seen.ts < %(until)s)
        END
    )
    AND (
        %(video_ids)s::text[] IS NULL
        OR seen.id = ANY(ARRAY(
            -- A vehicle is in the videos of all its parts.
            SELECT coalesce(vehicles.part_of, vehicles.id) FROM vehicles WHERE vehicles.video_id = ANY(%(video_ids)s)
        ))
    )
    AND (
        %(run_id)s::text IS NULL
        OR seen.id = ANY(ARRAY(
            SELECT coalesce(vehicles.part_of, vehicles.id) FROM vehicles WHERE vehicles.run_id = %(run_id)s
            UNION
            -- Videos of this run that an earlier one had read already.
            SELECT coalesce(vehicles.part_of, vehicles.id)
            FROM vehicles JOIN videos ON videos.video_id = vehicles.video_id
            WHERE videos.run_id = %(run_id)s AND videos.status = 'skipped'
        ))
    )
ORDER BY
    distance, seen.final_plate IS NULL, seen.ts DESC NULLS LAST,
    seen.video_path, seen.video_id, seen.first_frame, seen.track_id, seen.part
LIMIT %(limit)s;

-- name: videos_like
SELECT DISTINCT video_id FROM videos
WHERE filename LIKE %(pattern)s OR path LIKE %(pattern)s OR video_id = %(name)s;

-- name: has_hashes
SELECT EXISTS (SELECT 1 FROM vehicles WHERE plate_plain(coalesce(final_plate, best_guess)) LIKE 'h:%%')
    OR EXISTS (SELECT 1 FROM joined WHERE plate_plain(coalesce(final_plate, best_guess)) LIKE 'h:%%');
