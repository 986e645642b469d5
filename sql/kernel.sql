-- The instruction sets of eventstore.kernel: which may be chosen, and that all give the same.
SET search_path = public, eventstore;
\set VERBOSITY default
SELECT boot_val, context FROM pg_settings WHERE name = 'eventstore.kernel';
SET eventstore.kernel = 'mmx';

-- What the machine lacks is refused, and nothing else.
CREATE TABLE kernel (name text PRIMARY KEY, problem text);
DO $$
DECLARE
    choice text;
    what text;
    why text;
BEGIN
    FOREACH choice IN ARRAY (SELECT enumvals FROM pg_settings WHERE name = 'eventstore.kernel') LOOP
        BEGIN
            PERFORM set_config('eventstore.kernel', choice, true);
            what := NULL;
        EXCEPTION WHEN invalid_parameter_value THEN
            GET STACKED DIAGNOSTICS what = MESSAGE_TEXT, why = PG_EXCEPTION_DETAIL;
            what := what || ': ' || why;
        END;
        INSERT INTO kernel VALUES (choice, what);
    END LOOP;
END
$$;
SELECT name FROM kernel WHERE name IN ('auto', 'scalar') AND problem IS NULL ORDER BY 1;
SELECT name, problem FROM kernel WHERE problem <> format(
    'invalid value for parameter "eventstore.kernel": "%s": This machine does not have the instructions.', name);

-- Only superusers may choose.
CREATE ROLE regress_kernel;
SET ROLE regress_kernel;
SET eventstore.kernel = 'scalar';
RESET ROLE;
DROP ROLE regress_kernel;

-- Strings of all lengths, with nothing, an escape, a quote too many or a control character at each place.
CREATE FUNCTION differences(kernel text, OUT documents bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
    json text;
    as_jsonb jsonb;
    as_event jsonb;
BEGIN
    PERFORM set_config('eventstore.kernel', kernel, false);
    documents := 0;
    wrong := 0;
    FOR json IN
        SELECT '"' || repeat('x', place) || what || repeat('y', length - place) || '"'
        FROM generate_series(0, 140) length, generate_series(0, length, 1 + length / 20) place,
            unnest(ARRAY['', '\n', '"', E'\t', E'\x7f', 'é']) what LOOP
        BEGIN as_jsonb := json; EXCEPTION WHEN invalid_text_representation THEN as_jsonb := NULL; END;
        BEGIN as_event := payload(('{"entity_id":"e","event_type":"t","payload":' || json || '}')::event);
        EXCEPTION WHEN invalid_text_representation OR invalid_parameter_value THEN as_event := NULL; END;
        documents := documents + 1;
        IF as_jsonb IS DISTINCT FROM as_event THEN
            wrong := wrong + 1;
        END IF;
    END LOOP;
END
$$;
SELECT DISTINCT documents, wrong FROM kernel, differences(name) WHERE problem IS NULL;
RESET eventstore.kernel;
DROP TABLE kernel;
DROP FUNCTION differences;
