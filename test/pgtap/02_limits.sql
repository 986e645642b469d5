-- The limits of an event, on every way in: what is within is taken, what is beyond is refused with the right SQLSTATE.
BEGIN;
SET LOCAL search_path = public, eventstore;
SET LOCAL client_min_messages = warning;
SELECT plan(265);

-- Makes and stores an event on each of the ways; returns the SQLSTATEs in order, 'ok' when it was taken.
CREATE FUNCTION pg_temp.ways(entity text, type text, tenant text, tags text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text[] := '{}';
    json text := jsonb_strip_nulls(jsonb_build_object('entity_id', entity, 'event_type', type, 'tenant_id', tenant))::text;
BEGIN
    IF tags IS NOT NULL THEN
        json := rtrim(json, '}') || ', "tags": ' || to_json(tags) || '}';
    END IF;
    FOR way IN 1..5 LOOP
        BEGIN
            CASE way
                WHEN 1 THEN PERFORM make_event(entity, type, tags => tags, tenant_id => tenant);
                WHEN 2 THEN PERFORM json::event;
                WHEN 3 THEN PERFORM ingest_batch(json);
                WHEN 4 THEN PERFORM append(entity, type, tags => tags, tenant_id => tenant);
                WHEN 5 THEN
                    IF tags IS NOT NULL THEN CONTINUE; END IF;
                    PERFORM ingest_batch(ARRAY[entity], ARRAY[type], ARRAY['{}'], tenant_ids => ARRAY[tenant]);
            END CASE;
            outcome := outcome || 'ok'::text;
        EXCEPTION WHEN OTHERS THEN
            outcome := outcome || SQLSTATE::text;
        END;
    END LOOP;
    RETURN (SELECT string_agg(DISTINCT o, ' ') FROM unnest(outcome) o);
END
$$;

-- ------------------------------------------------------------------- lengths
CREATE TEMP TABLE lengths AS
SELECT field, size_limit, n, filler, text, CASE WHEN octet_length(text) > size_limit THEN '54000' WHEN text = '' THEN '22023' ELSE 'ok' END AS expected
FROM (VALUES ('entity_id', 512), ('event_type', 255), ('tenant_id', 64), ('tag', 255)) f(field, size_limit),
     (VALUES ('x'), ('é'), ('€'), ('😀')) c(filler),
     generate_series(-1, 1) n,
     LATERAL (SELECT repeat(filler, (size_limit + n) / octet_length(filler)) || repeat('x', (size_limit + n) % octet_length(filler)) AS text) t;
INSERT INTO lengths SELECT DISTINCT field, size_limit, -size_limit + s, 'x', repeat('x', s), CASE s WHEN 0 THEN '22023' ELSE 'ok' END FROM lengths, generate_series(0, 1) s;
-- characters are not what counts
INSERT INTO lengths SELECT DISTINCT field, size_limit, size_limit, 'é', repeat('é', size_limit), '54000' FROM lengths;
SELECT is(pg_temp.ways(CASE field WHEN 'entity_id' THEN text ELSE 'e' END, CASE field WHEN 'event_type' THEN text ELSE 't' END,
                       CASE field WHEN 'tenant_id' THEN text END, CASE field WHEN 'tag' THEN ARRAY['a', text] END),
          expected, format('I8: %s of %s bytes in %s characters: %s', field, octet_length(text), length(text), expected))
FROM lengths ORDER BY field, octet_length(text), filler;

SELECT is(pg_temp.ways('e', 't', NULL, array_fill('x'::text, ARRAY[n])), CASE WHEN n > 32 THEN '54000' ELSE 'ok' END, format('%s tags', n)) FROM unnest(ARRAY[1, 31, 32, 33, 1000]) n;
SELECT is(pg_temp.ways('e', 't', NULL, '{}'), 'ok', '0 tags');
SELECT is(pg_temp.ways('e', 't', NULL, array_fill(repeat('é', 127) || 'x', ARRAY[32])), 'ok', '32 tags of 255 bytes');
SELECT is(pg_temp.ways('e', 't', NULL, '{a,a,a}'), 'ok', 'tags may repeat');

-- -------------------------------------------------------- control characters
SELECT is(pg_temp.ways(CASE field WHEN 1 THEN name ELSE 'e' END, CASE field WHEN 2 THEN name ELSE 't' END,
                       CASE field WHEN 3 THEN name END, CASE field WHEN 4 THEN ARRAY[name] END),
          '22023', format('I8: U+%s in %s', lpad(upper(to_hex(code)), 4, '0'), (ARRAY['entity_id', 'event_type', 'tenant_id', 'a tag'])[field]))
FROM unnest(ARRAY[1, 9, 10, 13, 31, 127, 128, 133, 159]) code, generate_series(1, 4) field,
     LATERAL (SELECT (ARRAY['a' || chr(code), chr(code) || 'b', 'a' || chr(code) || 'b'])[1 + (code + field) % 3] AS name) n;
SELECT is(pg_temp.ways('a' || chr(code) || 'b', 't' || chr(code), chr(code) || 'x', ARRAY[chr(code)]), 'ok',
          format('U+%s is no control character', lpad(upper(to_hex(code)), 4, '0')))
FROM unnest(ARRAY[32, 126, 160, 173, 193, 194, 195, 256, 383, 8206, 8232, 8233, 65279, 65533, 65535, 128512, 1114111]) code;
-- All of the basic plane and some beyond, through the constructor and the type's own text.
CREATE FUNCTION pg_temp.taken(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN entity_id(make_event(name, 't')) = name AND entity_id(make_event(name, name)::text::event) = name;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END
$$;
SELECT is_empty($$SELECT code FROM generate_series(1, 65535) code WHERE code NOT BETWEEN 55296 AND 57343
                  AND pg_temp.taken('x' || chr(code)) = (code < 32 OR code BETWEEN 127 AND 159)$$,
                'of all characters just U+0001 to U+001F and U+007F to U+009F are refused');
SELECT is_empty($$SELECT code FROM generate_series(65536, 1114111, 4099) code WHERE NOT pg_temp.taken(chr(code))$$, 'none beyond the basic plane');

-- -------------------------------------------------------------- naming rules
CREATE FUNCTION pg_temp.checked(entity text, type text, tenant text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text[] := '{}';
BEGIN
    FOR way IN 1..4 LOOP
        BEGIN
            CASE way
                WHEN 1 THEN PERFORM make_event_checked(entity, type, tenant_id => tenant);
                WHEN 2 THEN PERFORM ingest_batch(jsonb_build_object('entity_id', entity, 'event_type', type, 'tenant_id', tenant)::text, checked => true);
                WHEN 3 THEN PERFORM ingest_batch(ARRAY[make_event(entity, type, tenant_id => tenant)], checked => true);
                WHEN 4 THEN PERFORM ingest_batch(ARRAY[entity], ARRAY[type], ARRAY['{}'], tenant_ids => ARRAY[tenant], checked => true);
            END CASE;
            outcome := outcome || 'ok'::text;
        EXCEPTION WHEN OTHERS THEN
            outcome := outcome || SQLSTATE::text;
        END;
    END LOOP;
    RETURN (SELECT string_agg(DISTINCT o, ' ') FROM unnest(outcome) o);
END
$$;
SELECT is(pg_temp.checked('e', type, NULL), 'ok', format('event_type "%s" keeps the rules', type))
FROM unnest(ARRAY['a', '0', '_', 'a.b', 'order.placed', 'a_b.c_1.d', '1.2.3', '_._', repeat('a', 255)]) type;
SELECT is(pg_temp.checked('e', type, NULL), '22023', format('event_type "%s" breaks them', type))
FROM unnest(ARRAY['A', 'order.Placed', '.', '.a', 'a.', 'a..b', '..', 'a-b', 'a b', ' a', 'a/b', 'é', 'a.b.', 'a*', 'a.*']) type;
SELECT is(pg_temp.checked(entity, 't', NULL), 'ok', format('entity_id "%s" keeps the rules', entity))
FROM unnest(ARRAY['a', 'a b', 'A/B:C', 'é', '😀', '.', '-', repeat('x', 512), 'a' || chr(160) || 'b', chr(8203)]) entity;
SELECT is(pg_temp.checked(entity, 't', NULL), '22023', format('entity_id "%s" (%s) breaks them', entity, convert_to(entity, 'UTF8')))
FROM unnest(ARRAY[' ', ' a', 'a ', '  ', chr(160) || 'a', 'a' || chr(160), 'a' || chr(8195), chr(12288) || 'a', 'é ', ' é', 'a' || chr(8232), chr(5760) || 'x', chr(8239) || 'x', 'x' || chr(8287)]) entity;
SELECT is(pg_temp.checked('e', 't', tenant), 'ok', format('tenant_id "%s" keeps the rules', tenant))
FROM unnest(ARRAY['a', 'Z', '0', '-', '_', 'A-b_9', 'default', repeat('x', 64)]) tenant;
SELECT is(pg_temp.checked('e', 't', tenant), '22023', format('tenant_id "%s" breaks them', tenant))
FROM unnest(ARRAY[' ', 'a b', 'a.b', 'é', 'a/b', 'a:b', 'a*']) tenant;
SELECT is(pg_temp.checked('e', 't', repeat('x', 65)), '54000', 'tenant_id of 65 letters is too long');

-- ------------------------------------------------------- versions and times
CREATE FUNCTION pg_temp.version_of(v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN expected_version(format('{"entity_id":"e","event_type":"t","expected_version":%s}', v)::event);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.version_of(v), v, format('expected_version %s is taken', v))
FROM unnest(ARRAY['-1', '0', '1', '4294967296', '999999999999999999', '1000000000000000000', '9223372036854775807']) v;
SELECT is(pg_temp.version_of(v), '22023', format('expected_version %s is refused', v)) FROM unnest(ARRAY['-2', '-999999999999999999', '1.5', '1e3', '9223372036854775808', '"1"', 'true', '[]', '{}']) v;
SELECT is(pg_temp.version_of('null'), NULL, 'expected_version null is not given');
SELECT is(expected_version(make_event('e', 't', expected_version => v)), v, format('make_event() takes version %s', v)) FROM unnest(ARRAY[-1, 0, 1, 9223372036854775807]) v;

CREATE FUNCTION pg_temp.time_of(t text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN occurred_at(format('{"entity_id":"e","event_type":"t","occurred_at":"%s"}', t)::event) = t::timestamptz;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.time_of(t), 'true', format('occurred_at "%s" is what PostgreSQL takes it for', t))
FROM unnest(ARRAY['2026-01-31T12:00:00Z', '2026-01-31 12:00:00z', '2026-12-31t23:59:59.999999z', '2024-02-29T00:00:00+14:00', '2000-02-29T00:00:00-1200', '1900-02-28T00:00:00+00', '1969-12-31T23:59:59.5Z',
                  '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '2026-01-31T12:00:00.0000004Z', '2026-01-31T12:00:00.0000006Z', '1582-10-10T00:00:00Z', '2016-12-31T23:59:60Z', '0099-03-01T00:00:00Z']) t;
SELECT is(pg_temp.time_of(t), '22007', format('occurred_at "%s" is no RFC 3339 timestamp', t))
FROM unnest(ARRAY['', 'now', '2026-01-31', '2026-01-31T12:00Z', '2026-01-31T12:00:00', '2026-1-31T12:00:00Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-04-31T00:00:00Z', '1900-02-29T00:00:00Z',
                  '2026-01-31T24:00:00Z', '2026-01-31T12:60:00Z', '2026-01-31T12:00:61Z', '2026-01-31T12:00:00.Z', '2026-01-31T12:00:00+1', '2026-01-31T12:00:00+1:00', '2026-01-31T12:00:00+01:60', '2026-01-31T12:00:00 Z',
                  '2026-01-31T12:00:00Z ', ' 2026-01-31T12:00:00Z', '20260131T120000Z', '2026-01-31T12:00:00 Europe/Berlin', '26-01-31T12:00:00Z', 'infinity', '2026-01-31_12:00:00Z', '2026-01-31T12:00:00,5Z', '0000-01-01T00:00:00Z']) t;
SELECT is(pg_temp.time_of(t), '22008', format('occurred_at "%s" is out of range', t)) FROM unnest(ARRAY['0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-00:01', '9999-12-31T23:59:60Z']) t;
SELECT is_empty($$SELECT t FROM (SELECT '0001-01-01 00:00:00+00'::timestamptz + make_interval(days => (i * 7919) % 3652058, secs => (i * 6607) % 86400, hours => 0) + make_interval(secs => (i % 1000) / 1000.0) AS t
                                 FROM generate_series(1, 5000) i) x
                  WHERE occurred_at(make_event('e', 't', occurred_at => t)::text::event) IS DISTINCT FROM t$$, 'occurred_at comes back from the text as it went in, over the whole range');

-- ---------------------------------------------------------------- event ids
CREATE FUNCTION pg_temp.id_of(id text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN event_id(format('{"entity_id":"e","event_type":"t","event_id":"%s"}', id)::event);
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(pg_temp.id_of(id), lower(id), format('event_id "%s"', id)) FROM unnest(ARRAY['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ABCDEF01-2345-6789-abcd-ef0123456789']) id;
SELECT is(pg_temp.id_of(id), '22P02', format('event_id "%s" is none', id))
FROM unnest(ARRAY['', 'x', '00000000-0000-0000-0000-00000000000', '00000000-0000-0000-0000-0000000000000', '0000000-00000-0000-0000-000000000000', 'g0000000-0000-0000-0000-000000000000', '00000000_0000_0000_0000_000000000000', '00000000-0000-0000-0000-00000000000é']) id;

SELECT is((SELECT count(*) FROM verify()), 0::bigint, 'verify() is content');
SELECT * FROM finish();
ROLLBACK;
