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
FROM watchlist LEFT JOIN alerts ON alerts.watched = watchlist.plate AND alerts.part_of IS NULL
GROUP BY watchlist.plate
ORDER BY watchlist.plate;

-- name: seen
SELECT asked.plate, array_agg(DISTINCT seen.id::text) AS ids
FROM unnest(%(plates)s::text[], %(texts)s::text[]) AS asked (plate, text)
JOIN sightings AS seen ON plate_plain(coalesce(seen.final_plate, seen.best_guess)) = asked.text
WHERE seen.final_plate IS NOT NULL AND coalesce(seen.final_plate, seen.best_guess) IS NOT NULL
GROUP BY asked.plate;

-- name: seen_near
SELECT watchlist.plate, array_agg(DISTINCT seen.id::text) AS ids
FROM watchlist
JOIN sightings AS seen ON plate_keys(coalesce(seen.final_plate, seen.best_guess) COLLATE "C") && watchlist.near_keys
WHERE watchlist.plate = ANY(%(plates)s) AND watchlist.near > 0
    AND seen.final_plate IS NOT NULL AND coalesce(seen.final_plate, seen.best_guess) IS NOT NULL
    AND plate_distance(seen.final_plate, watchlist.plate) <= watchlist.near
GROUP BY watchlist.plate;

-- name: has_entries
SELECT EXISTS (SELECT FROM watchlist);
