-- When and where a vehicle was seen, and its path through the picture.

ALTER TABLE vehicles
    ADD COLUMN utc_offset_min integer,
    ADD COLUMN time_source text,
    ADD COLUMN latitude double precision CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN longitude double precision CHECK (longitude BETWEEN -180 AND 180),
    ADD COLUMN speed_kmh double precision,
    ADD COLUMN heading_deg double precision,
    ADD COLUMN position_source text,
    ADD COLUMN path jsonb NOT NULL DEFAULT '[]';

COMMENT ON COLUMN vehicles.ts IS 'Wall time of frame_idx. See time_source for how much it is worth.';
COMMENT ON COLUMN vehicles.utc_offset_min IS 'The camera''s time of day less UTC, minutes; null where that is unknown.';
COMMENT ON COLUMN vehicles.time_source IS 'Where ts comes from: gps, sidecar (a file beside the video), name (of the file), container (its creation time), file (when it was written last).';
COMMENT ON COLUMN vehicles.latitude IS 'Where the camera was at ts, degrees north (WGS84); null where no position is known.';
COMMENT ON COLUMN vehicles.longitude IS 'Likewise, degrees east.';
COMMENT ON COLUMN vehicles.speed_kmh IS 'How fast the camera moved then, km/h.';
COMMENT ON COLUMN vehicles.heading_deg IS 'Where it moved to, degrees clockwise from north.';
COMMENT ON COLUMN vehicles.position_source IS 'Where the position comes from: gpx, nmea, srt, ...';
COMMENT ON COLUMN vehicles.path IS 'The vehicle in the frames in which it was seen, at most 600 of them: a list of [frame_idx, second, x1, y1, x2, y2], whole pixels of the upright frame. Empty for rows of older versions.';

ALTER TABLE videos
    ADD COLUMN started_at timestamptz,
    ADD COLUMN utc_offset_min integer,
    ADD COLUMN time_source text,
    ADD COLUMN zone_source text,
    ADD COLUMN time_note text,
    ADD COLUMN position_source text,
    ADD COLUMN position_note text,
    ADD COLUMN track jsonb;

COMMENT ON COLUMN videos.started_at IS 'Wall time of its first frame.';
COMMENT ON COLUMN videos.utc_offset_min IS 'The camera''s time of day less UTC, minutes; null where that is unknown.';
COMMENT ON COLUMN videos.time_source IS 'Where started_at comes from, as in vehicles.';
COMMENT ON COLUMN videos.zone_source IS 'Where utc_offset_min comes from, see docs/gps.md.';
COMMENT ON COLUMN videos.time_note IS 'What was doubtful about the time.';
COMMENT ON COLUMN videos.position_source IS 'Where track comes from, as in vehicles.';
COMMENT ON COLUMN videos.position_note IS 'What was dropped of the positions, and why.';
COMMENT ON COLUMN videos.track IS 'Where the camera was: a list of [second of the video, latitude, longitude, km/h, degrees from north].';

-- As before, with when and where behind the other columns.
CREATE OR REPLACE VIEW sightings AS
SELECT
    head.id, 1 AS parts, head.run_id, head.video_id, head.track_id, head.part,
    head.video_path, head.video_filename,
    head.first_frame, head.first_s,
    head.video_id AS until_video_id, head.video_path AS until_video_path, head.video_filename AS until_video_filename,
    head.last_frame, head.last_s, head.last_s - head.first_s AS span_s,
    head.vehicle_class,
    head.final_plate, head.plate_confidence, head.best_guess, head.no_plate_reason,
    head.reads, head.agreeing_reads, head.char_votes, head.best_read,
    head.plate_region, head.plate_format, head.confidence_parts,
    head.run_id AS shown_run_id, head.video_id AS shown_video_id, head.video_filename AS shown_video_filename,
    head.frame_idx, head.video_ts_frame, head.ts, head.car_bbox, head.plate_bbox,
    head.vehicle_picture, head.plate_picture, head.frame_picture, head.strip_picture,
    head.utc_offset_min, head.time_source, head.latitude, head.longitude,
    head.speed_kmh, head.heading_deg, head.position_source
FROM vehicles AS head
WHERE head.part_of IS NULL AND NOT EXISTS (SELECT 1 FROM joined WHERE joined.id = head.id)
UNION ALL
SELECT
    head.id, joined.parts, head.run_id, head.video_id, head.track_id, head.part,
    head.video_path, head.video_filename,
    head.first_frame, head.first_s,
    until.video_id, until.video_path, until.video_filename,
    until.last_frame, until.last_s, joined.span_s,
    shown.vehicle_class,
    joined.final_plate, joined.plate_confidence, joined.best_guess, joined.no_plate_reason,
    joined.reads, joined.agreeing_reads, joined.char_votes, joined.best_read,
    joined.plate_region, joined.plate_format, joined.confidence_parts,
    shown.run_id, shown.video_id, shown.video_filename,
    shown.frame_idx, shown.video_ts_frame, shown.ts, shown.car_bbox, shown.plate_bbox,
    shown.vehicle_picture, shown.plate_picture, shown.frame_picture, shown.strip_picture,
    shown.utc_offset_min, shown.time_source, shown.latitude, shown.longitude,
    shown.speed_kmh, shown.heading_deg, shown.position_source
FROM joined
JOIN vehicles AS head ON head.id = joined.id
JOIN vehicles AS until ON until.id = joined.until_id
JOIN vehicles AS shown ON shown.id = joined.shown_id
WHERE head.part_of IS NULL;

COMMENT ON COLUMN sightings.utc_offset_min IS 'Of ts, like the next columns, and as in vehicles.';
