-- Finding a plate among many: as it is written, by its beginning, by a part of it, and by what it may have been misread as.

CREATE FUNCTION plate_plain(plate text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF plate LIKE 'h:%' THEN  -- the hash of a plate
        RETURN plate;
    END IF;
    -- Of the ASCII letters alone: the same in every locale.
    RETURN translate(upper(plate COLLATE "C"), E' -._:/\\|*+,;!"#$%&''()<=>?@[]^`{}~\t', '');
END
$$;

COMMENT ON FUNCTION plate_plain IS 'A plate as it is compared: upper case, without blanks, dashes and other signs. The hash of a plate (h:…) stays as it is.';

CREATE FUNCTION plate_lookalikes(letter text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE letter
        WHEN '0' THEN '28DOQU'
        WHEN '1' THEN '7ILT'
        WHEN '2' THEN '0Z'
        WHEN '3' THEN 'E'
        WHEN '4' THEN 'A'
        WHEN '5' THEN 'BS'
        WHEN '6' THEN 'G'
        WHEN '7' THEN '1ITZ'
        WHEN '8' THEN '0B'
        WHEN 'A' THEN '4'
        WHEN 'B' THEN '58R'
        WHEN 'C' THEN 'G'
        WHEN 'D' THEN '0OQ'
        WHEN 'E' THEN '3F'
        WHEN 'F' THEN 'EP'
        WHEN 'G' THEN '6C'
        WHEN 'H' THEN 'MN'
        WHEN 'I' THEN '17LT'
        WHEN 'L' THEN '1I'
        WHEN 'M' THEN 'HNW'
        WHEN 'N' THEN 'HMVW'
        WHEN 'O' THEN '0DQ'
        WHEN 'P' THEN 'FR'
        WHEN 'Q' THEN '0DO'
        WHEN 'R' THEN 'BP'
        WHEN 'S' THEN '5'
        WHEN 'T' THEN '17IZ'
        WHEN 'U' THEN '0V'
        WHEN 'V' THEN 'NUY'
        WHEN 'W' THEN 'MN'
        WHEN 'Y' THEN 'V'
        WHEN 'Z' THEN '27T'
        ELSE ''
    END
$$;

COMMENT ON FUNCTION plate_lookalikes IS 'The characters that one is taken for on plates: those of configs/plates/lookalikes.yaml.';

-- The functions that call others of these say where to find them: they also run where nothing else does, when a
-- dump is restored, an index is built or a table is analysed.

CREATE FUNCTION plate_folded(plate text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN translate(plate_plain(plate), 'ODQI7TZEASGBPMNV', '000111234568FHHU');
END
$$;

COMMENT ON FUNCTION plate_folded IS 'plate_plain with one character for each of 0ODQ, 1I7T, 2Z, 3E, 4A, 5S, 6G, 8B, FP, HMN and UV. Not all that looks alike: plate_near_keys knows the rest.';

CREATE FUNCTION plate_distance(a text, b text) RETURNS real
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 SET search_path FROM CURRENT AS $$
DECLARE
    x text := plate_plain(a);
    y text := plate_plain(b);
    of_x int;
    of_y int;
    equal int := 0;
    above real[];
    here real[];
    letter text;
    alike text;
    other text;
    best real;
BEGIN
    IF x = y THEN
        RETURN 0;
    ELSIF x LIKE 'h:%' OR y LIKE 'h:%' THEN
        RETURN 'Infinity';
    END IF;
    -- What is equal at both ends is never worth an edit.
    of_x := length(x);
    of_y := length(y);
    WHILE equal < least(of_x, of_y) AND substr(x, equal + 1, 1) = substr(y, equal + 1, 1) LOOP
        equal := equal + 1;
    END LOOP;
    WHILE least(of_x, of_y) > equal AND substr(x, of_x, 1) = substr(y, of_y, 1) LOOP
        of_x := of_x - 1;
        of_y := of_y - 1;
    END LOOP;
    x := substr(x, equal + 1, of_x - equal);
    y := substr(y, equal + 1, of_y - equal);
    of_x := length(x);
    of_y := length(y);
    IF of_x = 0 OR of_y = 0 THEN
        RETURN of_x + of_y;
    END IF;
    above := ARRAY(SELECT generate_series(0, of_y))::real[];
    FOR i IN 1..of_x LOOP
        letter := substr(x, i, 1);
        alike := plate_lookalikes(letter);
        here := ARRAY[i]::real[];
        FOR j IN 1..of_y LOOP
            other := substr(y, j, 1);
            best := above[j];
            IF letter <> other THEN
                best := best + CASE WHEN strpos(alike, other) > 0 THEN 0.5 ELSE 1 END;
            END IF;
            here[j + 1] := least(best, above[j + 1] + 1, here[j] + 1);
        END LOOP;
        above := here;
    END LOOP;
    RETURN above[of_y + 1];
END
$$;

COMMENT ON FUNCTION plate_distance IS 'What it takes to make one plate of another: 1 for each character put in, left out or put in another''s place, 0.5 where that one looks alike (plate_lookalikes). Infinite for hashes that differ.';

CREATE FUNCTION plate_keys(plate text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 SET search_path FROM CURRENT AS $$
DECLARE
    plain text := plate_plain(plate);
    folded text := plate_folded(plate);
    edged text := '^' || plain || '$';
    keys text[] := ARRAY[folded];
BEGIN
    IF plain LIKE 'h:%' OR plain = '' THEN
        RETURN '{}';
    END IF;
    FOR i IN 1..length(plain) LOOP
        -- Without one of a row of equal characters is the same without any of them.
        IF substr(folded, i, 1) <> substr(folded, i + 1, 1) THEN
            keys := keys || (left(folded, i - 1) || substr(folded, i + 1));
        END IF;
    END LOOP;
    FOR i IN 1..length(edged) - 1 LOOP
        keys := keys || ('~' || substr(edged, i, 2));
    END LOOP;
    RETURN keys;
END
$$;

COMMENT ON FUNCTION plate_keys IS 'What a plate is found by in an index: plate_folded, as it is and without each of its characters; and behind a ~ each two characters that stand side by side, with ^ in front of the first and $ behind the last. None of a hash.';

CREATE FUNCTION plate_near_keys(plate text, within double precision) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE SET search_path FROM CURRENT AS $$  -- done before helpers have started
DECLARE
    plain text := plate_plain(plate);
    folded text := plate_folded(plate);
    classes text[] := string_to_array('0 1 2 3 4 5 6 8 9 C F H J K L R U W X Y', ' ');
    keys text[];
BEGIN
    IF plain LIKE 'h:%' OR plain = '' THEN
        RETURN '{}';
    ELSIF within > 2 THEN
        RAISE 'plates are searched up to a distance of 2, not %', within;
    END IF;
    -- Take a plate that is near, and undo all the edits between the two but the dearest, on this side: the plate is a
    -- spelling of this one, and the last edit is what the keys are for, on either side one character less.
    -- What is left are lookalikes of another class (below), and at a distance of 2 one edit of any kind (further below).
    WITH RECURSIVE letters AS (
        SELECT DISTINCT place, plate_folded(alike) AS instead
        FROM generate_series(1, length(plain)) AS place,
            regexp_split_to_table(nullif(plate_lookalikes(substr(plain, place, 1)), ''), '') AS alike
        WHERE plate_folded(alike) <> substr(folded, place, 1)
    ), spellings (text, place, edits) AS (
        SELECT folded, 0, 0
        UNION ALL
        SELECT overlay(spellings.text PLACING letters.instead FROM letters.place FOR 1), letters.place, edits + 1
        FROM spellings JOIN letters ON letters.place > spellings.place
        WHERE edits + 1 <= 2 * within - 1
    )
    SELECT array_agg(DISTINCT key) INTO keys
    FROM (
        SELECT text FROM spellings
        UNION
        SELECT left(text, i - 1) || substr(text, i + 1)
        FROM spellings, generate_series(1, length(folded)) AS i
    ) AS made (key);
    IF within < 2 THEN
        RETURN keys;
    END IF;
    RETURN keys || ARRAY(
        WITH places AS (
            SELECT i, left(folded, i - 1) AS front, substr(folded, i + 1) AS back
            FROM generate_series(1, length(folded)) AS i
        ), replaced AS (
            SELECT i, front, class || back AS rest FROM places, unnest(classes) AS class
        )
        SELECT front || rest FROM replaced
        UNION
        -- Of two characters in another's place, the first is the one left out.
        SELECT left(front, j - 1) || substr(front, j + 1) || rest
        FROM replaced, generate_series(1, i - 1) AS j
        UNION
        SELECT left(folded, i) || class || substr(folded, i + 1)
        FROM generate_series(0, length(folded)) AS i, unnest(classes) AS class
        UNION
        SELECT left(front, j - 1) || substr(front, j + 1) || back
        FROM places, generate_series(1, i - 1) AS j
    );
END
$$;

COMMENT ON FUNCTION plate_near_keys IS 'Keys of which every plate within that plate_distance, 2 at most, has one in its plate_keys. A plate that has one need not be that near.';

-- Of all rows, with a text or not: planners have no use for the statistics of an expression on a part of the rows.
CREATE INDEX vehicles_plate_plain ON vehicles (plate_plain(coalesce(final_plate, best_guess)) text_pattern_ops);
CREATE INDEX joined_plate_plain ON joined (plate_plain(coalesce(final_plate, best_guess)) text_pattern_ops);
CREATE INDEX vehicles_plate_keys ON vehicles USING gin (plate_keys(coalesce(final_plate, best_guess) COLLATE "C"));
CREATE INDEX joined_plate_keys ON joined USING gin (plate_keys(coalesce(final_plate, best_guess) COLLATE "C"));
