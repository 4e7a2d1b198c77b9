-- name: add
INSERT INTO watchlist (plate, spelling, note, near)
SELECT DISTINCT ON (plain) plain, spelling, note, near
FROM unnest(%(spellings)s::text[], %(notes)s::text[], %(nears)s::real[])
    WITH ORDINALITY AS given (spelling, note, near, number)
CROSS JOIN LATERAL (SELECT plate_plain(spelling) AS plain) AS as_compared
ORDER BY plain, number DESC
ON CONFLICT (plate) DO UPDATE SET
    spelling = excluded.spelling, note = coalesce(excluded.note, watchlist.note), near = excluded.near
RETURNING plate, spelling, near, xmax = 0 AS new;

-- name: remove
DELETE FROM watchlist WHERE plate = plate_plain(%(spelling)s) RETURNING spelling;

-- name: list
SELECT
    watchlist.plate, watchlist.spelling, watchlist.note, watchlist.near, watchlist.added_at,
    count(alerts.id) AS alerts, max(alerts.raised_at) AS last_alert_at
FROM watchlist LEFT JOIN alerts ON alerts.watched = watchlist.plate AND alerts.part_of IS NULL AND NOT alerts.strayed
GROUP BY watchlist.plate
ORDER BY watchlist.plate;

-- name: seen
-- The rows with such a text first, by the indexes; whether their vehicle claims it is known of the view alone.
SELECT asked.plate, array_agg(DISTINCT seen.id::text) AS ids
FROM unnest(%(plates)s::text[], %(texts)s::text[]) AS asked (plate, text)
JOIN sightings AS seen ON plate_plain(seen.final_plate) = asked.text
WHERE seen.id = ANY(ARRAY(
    SELECT vehicles.id FROM vehicles
    WHERE plate_plain(coalesce(vehicles.final_plate, vehicles.best_guess)) = ANY(%(texts)s)
    UNION
    SELECT joined.id FROM joined
    WHERE plate_plain(coalesce(joined.final_plate, joined.best_guess)) = ANY(%(texts)s)
))
GROUP BY asked.plate;

-- name: seen_near
SELECT watchlist.plate, array_agg(DISTINCT seen.id::text) AS ids
FROM watchlist
JOIN sightings AS seen ON plate_distance(seen.final_plate, watchlist.plate) <= watchlist.near
WHERE watchlist.plate = ANY(%(plates)s) AND watchlist.near > 0
    AND seen.id = ANY(ARRAY(
        SELECT vehicles.id
        FROM watchlist AS entry
        JOIN vehicles
            ON plate_keys(coalesce(vehicles.final_plate, vehicles.best_guess) COLLATE "C") && entry.near_keys
        WHERE entry.plate = ANY(%(plates)s) AND entry.near > 0
        UNION
        SELECT joined.id
        FROM watchlist AS entry
        JOIN joined ON plate_keys(coalesce(joined.final_plate, joined.best_guess) COLLATE "C") && entry.near_keys
        WHERE entry.plate = ANY(%(plates)s) AND entry.near > 0
    ))
GROUP BY watchlist.plate;

-- name: has_entries
SELECT EXISTS (SELECT FROM watchlist);
