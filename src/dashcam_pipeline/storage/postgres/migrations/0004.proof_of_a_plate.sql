-- Parts of a track, what every look at a vehicle gave, and more pictures.

ALTER TABLE vehicles
    ADD COLUMN part integer NOT NULL DEFAULT 0 CHECK (part >= 0),
    ADD COLUMN plate_region text,
    ADD COLUMN plate_format text,
    ADD COLUMN confidence_parts jsonb,
    ADD COLUMN looks jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN frame_picture text,
    ADD COLUMN strip_picture text,
    ADD COLUMN first_bbox real[] CHECK (cardinality(first_bbox) = 4),
    ADD COLUMN last_bbox real[] CHECK (cardinality(last_bbox) = 4);

ALTER TABLE vehicles DROP CONSTRAINT vehicles_video_id_track_id_key;
ALTER TABLE vehicles ADD UNIQUE (video_id, track_id, part);

COMMENT ON TABLE vehicles IS 'One row a sighting: one vehicle passing one camera. The key (video_id, track_id, part) makes a second write an update, so a car stays one row however often its video is run. In commands a sighting is called <first 8 characters of video_id>-<track_id>, with -<part> behind it where part is not 0.';
COMMENT ON COLUMN vehicles.id IS 'Stable id: UUID version 5 of video_id/track_id, with /part behind it where part is not 0. The same video gives the same ids again, on every host.';
COMMENT ON COLUMN vehicles.part IS 'A track that turned out to show several vehicles one after the other has a row for each: 0, 1, …';
COMMENT ON COLUMN vehicles.no_plate_reason IS 'Why there is no final_plate, in one of the words of docs/reasons.md. Set exactly when final_plate is null.';
COMMENT ON COLUMN vehicles.reads IS 'Looks with a read that voted.';
COMMENT ON COLUMN vehicles.agreeing_reads IS 'Of these, looks with a read equal to the winner.';
COMMENT ON COLUMN vehicles.best_read IS 'The single strongest read, as the reader gave it: no vote, no plate format.';
COMMENT ON COLUMN vehicles.plate_region IS 'The country of the plate, as the readers guess it from its looks.';
COMMENT ON COLUMN vehicles.plate_format IS 'The plate format that the text has, as "ro/standard"; null where it has none that is known, or there is no text.';
COMMENT ON COLUMN vehicles.confidence_parts IS 'What plate_confidence was made of: {name: number, ...}.';
COMMENT ON COLUMN vehicles.looks IS 'The views of the vehicle that were kept, a list in the order of their frames: {frame_idx, ts_s, car_bbox, plate_bbox, plate_score, in_full, quality: {name: number}, reads: [{reader, text, char_confidences, alternatives, region, region_confidence, weight, agrees}], note: why it does not vote}. Empty for rows of older versions.';
COMMENT ON COLUMN vehicles.frame_picture IS 'Picture of the whole frame frame_idx, shrunk, path relative to runs.work_dir.';
COMMENT ON COLUMN vehicles.strip_picture IS 'Picture of the plate in all views that were read, with what was read, path relative to runs.work_dir.';
COMMENT ON COLUMN vehicles.first_bbox IS 'Vehicle in first_frame, like car_bbox.';
COMMENT ON COLUMN vehicles.last_bbox IS 'Vehicle in last_frame, like car_bbox.';
