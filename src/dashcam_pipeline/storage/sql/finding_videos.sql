-- name: named
SELECT DISTINCT ON (videos.video_id) videos.video_id, videos.path, videos.filename
FROM videos LEFT JOIN runs USING (run_id)
WHERE videos.video_id = %(name)s OR videos.filename = %(name)s OR videos.path = %(name)s
ORDER BY videos.video_id, runs.started_at DESC;
