-- name: table_comment
SELECT obj_description(to_regclass(%(table)s), 'pg_class');

-- name: columns
SELECT
    attname AS name,
    format_type(atttypid, atttypmod) AS type,
    NOT attnotnull AS nullable,
    col_description(attrelid, attnum) AS comment
FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;

-- name: rules
SELECT pg_get_constraintdef(oid) AS rule
FROM pg_constraint
WHERE conrelid = to_regclass(%(table)s) AND contype IN ('p', 'u', 'c', 'f')
UNION ALL
SELECT regexp_replace(pg_get_indexdef(indexrelid), '^CREATE INDEX \w+ ON \w+\.\w+ USING btree ', 'INDEX ')
FROM pg_index
WHERE indrelid = to_regclass(%(table)s)
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY rule DESC;
