-- name: of_video
SELECT
    left(head.video_id, 8) || '-' || head.track_id || CASE WHEN head.part > 0 THEN '-' || head.part ELSE '' END AS id,
    own.id::text AS uuid, own.track_id, own.part,
    CASE WHEN joined.id IS NULL THEN own.final_plate ELSE joined.final_plate END AS plate,
    CASE WHEN joined.id IS NULL THEN own.best_guess ELSE joined.best_guess END AS best_guess,
    CASE WHEN joined.id IS NULL THEN own.plate_confidence ELSE joined.plate_confidence END AS confidence,
    CASE WHEN joined.id IS NULL THEN own.no_plate_reason ELSE joined.no_plate_reason END AS reason,
    own.vehicle_class, own.first_frame, own.last_frame, own.first_s, own.last_s, own.first_bbox, own.last_bbox,
    own.path, own.looks
FROM vehicles AS own
JOIN vehicles AS head ON head.id = coalesce(own.part_of, own.id)
LEFT JOIN joined ON joined.id = head.id
WHERE own.video_id = %(video_id)s
ORDER BY own.first_frame, own.track_id, own.part;
