-- name: videos
-- Of files with the same content, and of a video that several runs have, the row that knows most.
SELECT video_id, filename, width, height, started_at
FROM (
    SELECT DISTINCT ON (videos.video_id)
        videos.video_id, videos.filename, videos.path, videos.width, videos.height, videos.started_at
    FROM videos
    WHERE
        videos.video_id IN (SELECT own.video_id FROM videos AS own WHERE own.run_id = %(run_id)s)
        AND (%(video_ids)s::text[] IS NULL OR videos.video_id = ANY(%(video_ids)s))
    ORDER BY
        videos.video_id, videos.width IS NULL, videos.run_id = %(run_id)s DESC, videos.updated_at DESC, videos.path
) AS found
ORDER BY path, video_id;

-- name: track
SELECT track FROM videos
WHERE video_id = %(video_id)s AND jsonb_typeof(track) = 'array' AND track <> '[]'
ORDER BY updated_at DESC
LIMIT 1;
