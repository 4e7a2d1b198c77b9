-- Plates of interest, and the alerts of sightings that have one of them.

CREATE TABLE watchlist (
    plate text PRIMARY KEY,
    spelling text NOT NULL,
    note text,
    near real NOT NULL DEFAULT 0 CHECK (near BETWEEN 0 AND 2),
    near_keys text[] COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (CASE WHEN near > 0 THEN plate_near_keys(plate, near) ELSE '{}' END) STORED,
    added_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX watchlist_near_keys ON watchlist USING gin (near_keys) WHERE near > 0;

COMMENT ON TABLE watchlist IS 'One row a plate that is watched for, see watchlist.md.';
COMMENT ON COLUMN watchlist.plate IS 'As it is compared: plate_plain of what was given.';
COMMENT ON COLUMN watchlist.spelling IS 'As it was given.';
COMMENT ON COLUMN watchlist.note IS 'What is to be said with an alert.';
COMMENT ON COLUMN watchlist.near IS 'The greatest plate_distance that is a hit; 0: this very plate only.';
COMMENT ON COLUMN watchlist.near_keys IS 'plate_near_keys of a plate that has near ones: by them they are found among many.';
COMMENT ON COLUMN watchlist.added_at IS 'When it came onto the list. What was seen before raises no alert, unless that was asked for.';

CREATE TABLE alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sighting_id uuid NOT NULL REFERENCES vehicles (id) ON DELETE CASCADE,
    watched text NOT NULL,
    spelling text NOT NULL,
    note text,
    plate text NOT NULL,
    distance real NOT NULL,
    confidence double precision,
    run_id text NOT NULL,
    video_id text NOT NULL,
    first_s double precision NOT NULL,
    last_s double precision NOT NULL,
    part_of uuid REFERENCES alerts (id) ON DELETE SET NULL,
    state text NOT NULL CHECK (state IN ('kept', 'pending', 'delivered', 'undelivered')),
    attempts integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    claimed_until timestamptz,
    claimed_by text,
    last_error text,
    raised_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    UNIQUE (sighting_id, watched),
    CHECK ((state = 'pending') = (next_try_at IS NOT NULL)),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);

CREATE INDEX alerts_video_id ON alerts (video_id);
CREATE INDEX alerts_run_id ON alerts (run_id);
CREATE INDEX alerts_raised_at ON alerts (raised_at);
CREATE INDEX alerts_next_try_at ON alerts (next_try_at) WHERE state = 'pending';
CREATE INDEX alerts_part_of ON alerts (part_of) WHERE part_of IS NOT NULL;

COMMENT ON TABLE alerts IS 'One row a sighting of a plate of the watchlist. A sighting raises it once, however often its video is read; it goes when its sighting is removed, and stays when the plate is taken off the list.';
COMMENT ON COLUMN alerts.id IS 'Of the alert; a webhook may get it twice, with the same id.';
COMMENT ON COLUMN alerts.sighting_id IS 'The row of vehicles that raised it.';
COMMENT ON COLUMN alerts.watched IS 'The plate of the watchlist, as in watchlist.plate.';
COMMENT ON COLUMN alerts.spelling IS 'The same, as it was given.';
COMMENT ON COLUMN alerts.note IS 'What the list said of it then.';
COMMENT ON COLUMN alerts.plate IS 'The plate that the sighting claimed then.';
COMMENT ON COLUMN alerts.distance IS 'plate_distance of the two; 0: the same plate.';
COMMENT ON COLUMN alerts.confidence IS 'Confidence of the plate, 0 to 1.';
COMMENT ON COLUMN alerts.run_id IS 'The run that raised it.';
COMMENT ON COLUMN alerts.video_id IS 'The video where the vehicle was seen first.';
COMMENT ON COLUMN alerts.first_s IS 'From this second of that video.';
COMMENT ON COLUMN alerts.last_s IS 'To this one.';
COMMENT ON COLUMN alerts.part_of IS 'The alert that stands for this one, because both are of one vehicle; null: it stands for itself.';
COMMENT ON COLUMN alerts.state IS 'kept: no webhook was configured when it was raised; pending: to be posted at next_try_at; delivered: the webhook has taken it; undelivered: given up, see last_error; `dashcam watchlist resend` tries again.';
COMMENT ON COLUMN alerts.attempts IS 'How often it was posted.';
COMMENT ON COLUMN alerts.next_try_at IS 'When it is to be posted next.';
COMMENT ON COLUMN alerts.claimed_until IS 'Somebody is posting it; who was killed on the way is not waited for longer than this.';
COMMENT ON COLUMN alerts.claimed_by IS 'Who that is: the run, or a call of `dashcam watchlist resend`.';
COMMENT ON COLUMN alerts.last_error IS 'Why it was not taken at last, in one line.';
COMMENT ON COLUMN alerts.raised_at IS 'When it was raised.';
COMMENT ON COLUMN alerts.delivered_at IS 'When the webhook took it.';
