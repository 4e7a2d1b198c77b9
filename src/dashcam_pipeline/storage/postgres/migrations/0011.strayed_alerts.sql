-- An alert outlives its row's becoming another vehicle, until its own vehicle has a row again or its video is read.

ALTER TABLE alerts ADD COLUMN strayed boolean NOT NULL DEFAULT false;
ALTER TABLE alerts DROP CONSTRAINT alerts_sighting_id_watched_key;

CREATE UNIQUE INDEX alerts_one_of_a_sighting ON alerts (sighting_id, watched) WHERE NOT strayed;
CREATE INDEX alerts_sighting_id ON alerts (sighting_id);

COMMENT ON TABLE alerts IS 'One row a sighting of a plate of the watchlist. A sighting raises it once, however often its video is read: read with other settings, the vehicle may have another row, and the alert moves there. It goes when its sighting is removed, and stays when the plate is taken off the list.';
COMMENT ON COLUMN alerts.sighting_id IS 'The row of vehicles that it is of.';
COMMENT ON COLUMN alerts.first_s IS 'From this second of that video, in whichever reading of it the vehicle was found earliest.';
COMMENT ON COLUMN alerts.last_s IS 'To this one, in whichever reading it was found longest.';
COMMENT ON COLUMN alerts.strayed IS 'While its video is read anew: its row is another vehicle by now, and its own has no row yet. It is neither listed nor posted; it moves to the row of its vehicle, or goes when the video is over.';
