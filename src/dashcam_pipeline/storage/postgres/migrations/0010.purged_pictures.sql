-- Pictures whose rows were purged and that are still to be deleted.

CREATE TABLE purged_pictures (
    host text NOT NULL,
    folder text NOT NULL,
    path text NOT NULL,
    video_id text NOT NULL,
    purged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (host, folder, path)
);

COMMENT ON TABLE purged_pictures IS 'One row a picture that `dashcam purge` is about to delete: written in the transaction that removes the rows which pointed at it, removed when it is gone. Empty unless a purge was interrupted; the next one, or the next run in that work dir, does the rest.';
COMMENT ON COLUMN purged_pictures.host IS 'The host whose disk it is on.';
COMMENT ON COLUMN purged_pictures.folder IS 'The work dir that it lies in.';
COMMENT ON COLUMN purged_pictures.path IS 'Relative to that folder.';
COMMENT ON COLUMN purged_pictures.video_id IS 'The video that it is of. It stays when one of its rows points at it again.';
COMMENT ON COLUMN purged_pictures.purged_at IS 'When its row was removed.';
