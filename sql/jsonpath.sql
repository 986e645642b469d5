-- JSON paths: what is understood of @@ and @? is answered by columns, and what is not is as PostgreSQL has it.
SET search_path = eventstore, public;
TRUNCATE blocks;
CREATE TABLE document (id serial, payload text, metadata text);
INSERT INTO document (payload, metadata)
    SELECT p, m FROM unnest(ARRAY[
        '{"s":"x","n":5,"b":true,"z":null,"a":{"b":"x","n":5}}', '{"s":"y","n":5.0,"b":false,"z":1,"a":{"b":"y","n":-1}}', '{"s":"x\u0079","n":4.99,"a":{}}',
        '{"s":null,"n":null,"b":null,"a":null}', '{"s":5,"n":"5","b":"true","a":5}', '{"s":["x"],"n":[1,5],"b":[true],"a":[{"b":"x","n":5}]}', '{"s":[],"n":[],"a":[]}',
        '{"s":[["x"]],"n":{"n":5},"a":{"b":["x","y"],"n":[7]}}', '{"s":{"s":"x"},"a":{"b":{"b":"x"}}}', '{}', '[]', '[{"s":"x","n":5,"a":{"b":"x"}}]', '"x"', '5', 'null', 'true',
        '{"n":1e2,"s":"\u0078"}', '{"n":123456789012345678901234567890.5,"s":""}', '{"n":-0,"s":"x "}', '{"a":{"b":null,"n":null}}', '{"s":"X","s":"x","n":6,"n":5}', '[[{"n":5}]]',
        '{"n":5,"s":"x","ä":"ö","k \"q\"":1}']) WITH ORDINALITY p (p, i),
        unnest(ARRAY[NULL, '{"u":"x","n":5}', '{"u":["x"]}', '[]', '{"u":null}']) m;
-- In columns, with many values, as rows, and one by one.
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'columns' FROM document), ARRAY(SELECT 'j.columns' FROM document), ARRAY(SELECT payload FROM document ORDER BY id), metadata => ARRAY(SELECT metadata FROM document ORDER BY id));
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'many' FROM generate_series(1, 600)), ARRAY(SELECT 'j.many' FROM generate_series(1, 600)),
    ARRAY(SELECT CASE WHEN i % 97 = 0 THEN '{"s":["x"],"n":[5]}' WHEN i % 101 = 0 THEN '{"s":7,"n":"5"}' ELSE format('{"s":"%s","n":%s,"a":{"b":"note %s","n":%s.5}}', chr(119 + i % 3), i % 9, i, i % 7) END FROM generate_series(1, 600) i));
DO $$ DECLARE d record; BEGIN FOR d IN SELECT * FROM document LOOP PERFORM append('rows', 'j.rows', d.payload, metadata => d.metadata::jsonb); END LOOP; END $$;
CREATE TABLE plain AS SELECT * FROM events;
CREATE TABLE path (id serial, path jsonpath);
INSERT INTO path (path) SELECT p::jsonpath FROM unnest(ARRAY['$.s == "x"', '"x" == $.s', '$.s != "x"', '$.s == ""', '$.s == null', '$.s != null', '$.b == true', '$.b != false', '$.n == 5', '$.n != 5', '$.n > 4', '5 > $.n', '$.n <= 5', '$.n >= 100',
        '$.n < 5 && $.s == "x"', '$.n < 5 || $.s == "x"', '!($.s == "x")', '!($.n > 1) && $.s != "y"', '$.a.b == "x"', '$.a.b != "x"', '$.a.n > 4', '$.a.b == $.s', '$.s > "x"', '$.s starts with "x"', '$.n', '$.b', '$', '$.a', '$.a.b', '$.a.b.c', '$.s[0]', '$.s[*]',
        '$ ? (@.s == "x")', '$ ? (@.n > 4 && @.s != "y")', '$.a ? (@.b == "x")', '$.a ? (@.n == 5 || @.b == "y")', '$.a.b ? (@ == "x")', '$.n ? (@ > 4)', '$ ? (!(@.n == 5))', '$ ? (exists (@.a))', '$ ? (@.s == "x").n', '$ ? (@.s == "x") ? (@.n == 5)', '$.* ? (@ == 5)',
        'strict $.s == "x"', 'strict $ ? (@.n == 5)', '$.n + 1 == 6', '($.n == 5) is unknown', '$.ä == "ö"', '$."k \"q\"" == 1', '$.z == null', '1 == 1', '$.u == "x"', '$ ? (@.u == "x")', '$.u', '$ == 5', '$ ? (@ == "x")']) p;
-- Whether the answer is the same, where it is a condition, a part of one, and a value; of documents, and of what is in them.
CREATE FUNCTION differs(asked text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    other text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, '','' ORDER BY r::text) FROM (%s) r', replace(asked, 'EVENTS', 'eventstore.events')) INTO answer;
    EXECUTE format('SELECT string_agg(r::text, '','' ORDER BY r::text) FROM (%s) r', replace(asked, 'EVENTS', 'plain')) INTO other;
    RETURN answer IS DISTINCT FROM other;
END
$$;
SELECT p.id, p.path, o.operator, d.document, q.form FROM path p, unnest(ARRAY['@@', '@?']) o (operator), unnest(ARRAY['payload', 'metadata', $$(payload -> 'a')$$, $$(metadata #> '{u}')$$]) d (document),
    unnest(ARRAY['SELECT position FROM EVENTS WHERE {C}', 'SELECT position FROM EVENTS WHERE NOT ({C})', 'SELECT position FROM EVENTS WHERE ({C}) IS NULL', 'SELECT position FROM EVENTS WHERE ({C}) IS NOT TRUE AND event_type <> ''j.many''',
        'SELECT position FROM EVENTS WHERE ({C}) IS FALSE OR version = 3', 'SELECT count(*) FILTER (WHERE {C}), count(*) FILTER (WHERE NOT ({C})) FROM EVENTS', 'SELECT position FROM EVENTS WHERE entity_id = ''rows'' AND {C}']) q (form)
    WHERE differs(replace(q.form, '{C}', format('%s %s %L', d.document, o.operator, p.path)))
        AND (d.document = 'payload' OR length(q.form) < 56) ORDER BY p.id, q.form;
-- Which of them are understood.
CREATE FUNCTION is_understood(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT count(*) FROM eventstore.events WHERE ' || condition LOOP
        IF line ~ 'Column Filter' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
SELECT id, path, is_understood(format('payload @@ %L', path)) AS match, is_understood(format('payload @? %L', path)) AS exists FROM path ORDER BY id;
DROP FUNCTION differs(text), is_understood(text);
DROP TABLE plain, document, path;
TRUNCATE blocks;
