-- In which shot of its video a vehicle was seen.

ALTER TABLE vehicles ADD COLUMN shot integer NOT NULL DEFAULT 0;

COMMENT ON COLUMN vehicles.shot IS 'Shot cuts of the video before it: where scenes were put together, or a camera slept. Rows of different shots are never joined.';
