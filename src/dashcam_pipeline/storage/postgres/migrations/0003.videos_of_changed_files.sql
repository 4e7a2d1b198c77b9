-- A file that changed between two calls for one run is another video at the same path: both keep their row.

ALTER TABLE videos DROP CONSTRAINT videos_pkey;
ALTER TABLE videos ADD PRIMARY KEY (run_id, path, video_id);

COMMENT ON TABLE videos IS 'One row an input file of a run. A file belongs to as many runs as read it, two files of one run can have the same content, and a file can change before its run is resumed: hence the key (run_id, path, video_id).';
