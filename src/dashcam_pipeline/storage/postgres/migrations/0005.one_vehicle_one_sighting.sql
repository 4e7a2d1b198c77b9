-- Sightings that are one vehicle: which rows of vehicles belong together, and what they say together.

ALTER TABLE vehicles ADD COLUMN part_of uuid REFERENCES vehicles (id) ON DELETE SET NULL;

CREATE INDEX vehicles_part_of ON vehicles (part_of) WHERE part_of IS NOT NULL;

COMMENT ON TABLE vehicles IS 'One row a track of a vehicle in a video, as it was found there. The key (video_id, track_id, part) makes a second write an update, so a car stays one row however often its video is run. A vehicle whose track broke, or that is seen in several files of a trip, has several rows: the view sightings has one. In commands a sighting is called <first 8 characters of video_id>-<track_id>, with -<part> behind it where part is not 0.';
COMMENT ON COLUMN vehicles.part_of IS 'The row that speaks for this one, because both are the same vehicle; null: it speaks for itself. See joined.';

CREATE TABLE joined (
    id uuid PRIMARY KEY REFERENCES vehicles (id) ON DELETE CASCADE,
    parts integer NOT NULL CHECK (parts > 1),
    until_id uuid NOT NULL REFERENCES vehicles (id) ON DELETE CASCADE,
    shown_id uuid NOT NULL REFERENCES vehicles (id) ON DELETE CASCADE,
    span_s double precision NOT NULL,
    final_plate text,
    plate_confidence double precision CHECK (plate_confidence BETWEEN 0 AND 1),
    best_guess text,
    no_plate_reason text,
    reads integer NOT NULL,
    agreeing_reads integer NOT NULL,
    char_votes jsonb NOT NULL,
    best_read text,
    plate_region text,
    plate_format text,
    confidence_parts jsonb,
    CONSTRAINT joined_plate_or_reason CHECK ((final_plate IS NULL) = (no_plate_reason IS NOT NULL))
);

CREATE INDEX joined_until_id ON joined (until_id);
CREATE INDEX joined_shown_id ON joined (shown_id);
CREATE INDEX joined_final_plate ON joined (final_plate) WHERE final_plate IS NOT NULL;

COMMENT ON TABLE joined IS 'One row a vehicle that has several rows in vehicles: what holds for them together. Made anew of vehicles at the end of every run for the trips that it touched, so nothing is lost when it is emptied. Read the view sightings instead.';
COMMENT ON COLUMN joined.id IS 'The row of vehicles that speaks for the others: the earliest.';
COMMENT ON COLUMN joined.parts IS 'Rows of vehicles that it stands for, itself too.';
COMMENT ON COLUMN joined.until_id IS 'The one of them in which the vehicle was seen last.';
COMMENT ON COLUMN joined.shown_id IS 'The one of them whose pictures are the proof.';
COMMENT ON COLUMN joined.span_s IS 'Seconds from the first sight to the last, on the clock of the trip.';
COMMENT ON COLUMN joined.final_plate IS 'As in vehicles, of a vote over the looks of all parts; the next columns likewise.';
COMMENT ON COLUMN joined.plate_confidence IS 'Confidence of final_plate, or else of best_guess, 0 to 1.';
COMMENT ON COLUMN joined.best_guess IS 'The text of a vote that claims nothing.';
COMMENT ON COLUMN joined.no_plate_reason IS 'Why there is no final_plate.';
COMMENT ON COLUMN joined.reads IS 'Looks with a read that voted.';
COMMENT ON COLUMN joined.agreeing_reads IS 'Of these, looks with a read equal to the winner.';
COMMENT ON COLUMN joined.char_votes IS 'The vote for each position of the text.';
COMMENT ON COLUMN joined.best_read IS 'The single strongest read.';
COMMENT ON COLUMN joined.plate_region IS 'The country of the plate, as the readers guess it.';
COMMENT ON COLUMN joined.plate_format IS 'The plate format that the text has.';
COMMENT ON COLUMN joined.confidence_parts IS 'What plate_confidence was made of.';

ALTER TABLE videos
    ADD COLUMN trip text,
    ADD COLUMN joined_with text,
    ADD COLUMN joined_vehicles bigint,
    ADD COLUMN joined_plates bigint,
    ADD COLUMN joined_reasons jsonb;

COMMENT ON COLUMN videos.vehicles IS 'Rows of vehicles that this run wrote.';
COMMENT ON COLUMN videos.plates IS 'Of these, rows with a claimed plate.';
COMMENT ON COLUMN videos.reasons IS 'Rows of vehicles without a plate, counted by reason: {"too_small": 3, ...}.';
COMMENT ON COLUMN videos.trip IS 'Files with the same value were recorded one after the other by one camera: the video_id of the first of them. Null until that has been looked into.';
COMMENT ON COLUMN videos.joined_with IS 'Names the settings with which its vehicles were joined; null: that is to be done.';
COMMENT ON COLUMN videos.joined_vehicles IS 'Sightings that begin in this video, each vehicle counted once.';
COMMENT ON COLUMN videos.joined_plates IS 'Of these, sightings with a claimed plate.';
COMMENT ON COLUMN videos.joined_reasons IS 'Sightings without a plate, counted by reason.';

-- Two halves, so that a search by plate finds its index in both.
CREATE VIEW sightings AS
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
    head.vehicle_picture, head.plate_picture, head.frame_picture, head.strip_picture
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
    shown.vehicle_picture, shown.plate_picture, shown.frame_picture, shown.strip_picture
FROM joined
JOIN vehicles AS head ON head.id = joined.id
JOIN vehicles AS until ON until.id = joined.until_id
JOIN vehicles AS shown ON shown.id = joined.shown_id
WHERE head.part_of IS NULL;

COMMENT ON VIEW sightings IS 'One row a vehicle passing a camera, however often its track broke and however many files of a trip it was seen in. What to query; vehicles has the parts. Columns are those of vehicles, and these:';
COMMENT ON COLUMN sightings.parts IS 'Rows of vehicles that it is made of: itself, and those whose part_of is its id.';
COMMENT ON COLUMN sightings.first_s IS 'Second of first_frame in the video where it was seen first.';
COMMENT ON COLUMN sightings.until_video_id IS 'The video where it was seen last; most often the same.';
COMMENT ON COLUMN sightings.until_video_path IS 'Path of that video.';
COMMENT ON COLUMN sightings.until_video_filename IS 'Last part of that path.';
COMMENT ON COLUMN sightings.last_frame IS 'Last frame of the vehicle, in that video.';
COMMENT ON COLUMN sightings.last_s IS 'Second of last_frame in that video.';
COMMENT ON COLUMN sightings.span_s IS 'Seconds from the first sight to the last.';
COMMENT ON COLUMN sightings.shown_run_id IS 'The run to whose work dir the paths of the pictures are relative.';
COMMENT ON COLUMN sightings.shown_video_id IS 'The video of frame_idx.';
COMMENT ON COLUMN sightings.shown_video_filename IS 'Last part of its path.';
