-- name: add
INSERT INTO watchlist (plate, spelling, note, near)
VALUES (plate_plain(%(spelling)s), %(spelling)s, %(note)s, %(near)s)
ON CONFLICT (plate) DO UPDATE SET
    spelling = excluded.spelling, note = coalesce(excluded.note, watchlist.note), near = excluded.near
RETURNING plate, xmax = 0 AS new;

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
SELECT id::text
FROM sightings
WHERE final_plate IS NOT NULL
    AND plate_plain(coalesce(final_plate, best_guess)) = ANY(%(plates)s)
    AND coalesce(final_plate, best_guess) IS NOT NULL;

-- name: seen_near
SELECT id::text
FROM sightings
WHERE final_plate IS NOT NULL
    AND plate_keys(coalesce(final_plate, best_guess) COLLATE "C") && plate_near_keys(%(plate)s, %(near)s)
    AND coalesce(final_plate, best_guess) IS NOT NULL
    AND plate_distance(final_plate, %(plate)s) <= %(near)s;

-- name: has_entries
SELECT EXISTS (SELECT FROM watchlist);
