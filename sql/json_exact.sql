-- Payload and metadata are kept byte for byte; what jsonb refuses is refused.
SET search_path = public, eventstore;
\set VERBOSITY default

-- A document three ways: as given, in the text of an event, in the payload column.
CREATE TABLE doc (id serial PRIMARY KEY, json text);
INSERT INTO doc (json) VALUES
    ('{}'), ('[]'), ('null'), ('true'), ('false'), ('0'), ('-0'), ('""'),
    ('{ }'), ('[ ]'), ('{"a" :1 , "b": [ 1,2 ,3 ] }'), (E'{\t"a"\n:\r\n1\n}'), ('[[[[[[]]]]],{},{"":{}}]'),
    -- order, repeated keys
    ('{"z":1,"a":2}'), ('{"a":1,"a":2,"a":{"b":1,"b":2}}'), ('{"":1," ":2,"":3}'),
    -- numbers in every spelling
    ('[1,1.0,1.00,100,1e2,1E2,1e+2,1E+02,10.0e1]'), ('-0.0'), ('[0.1,0.10,-1e-2,0e0,0E-0,1e-10]'),
    ('12345678901234567890123456789012345678901234567890.123456789012345678901234567890'),
    ('1e400'), ('1e-400'), ('1e131071'), ('[9007199254740993,18446744073709551616,-9223372036854775808]'),
    ('0.' || repeat('1', 300)), (repeat('9', 300)),
    -- strings: escapes in every spelling, and none
    ('"\"\\\/\b\f\n\r\t"'), ('"\u0041\u00e9\u20AC\ud83d\ude00\uD83D\uDE00"'), ('"Aé€😀"'), ('"\u0001\u001f\u007f\u0080\uffff"'),
    ('"' || U&'\007f\0080\0085\2028\2029\FEFF\FFFF' || '"'), ('"''"'), ('"$1 %s \\x00"'), ('{"\u0061":1,"a":2}'), ('{"k\n":"v\n"}'),
    ('"\ud800\udc00\udbff\udfff"'), ('"/\/"'), (to_json(repeat('"\', 50))::text),
    -- deep, wide, long
    (repeat('[', 255) || repeat(']', 255)), (repeat('[', 256) || repeat(']', 256)), (repeat('[', 257) || repeat(']', 257)),
    (repeat('[', 999) || repeat(']', 999)), (repeat('{"a":', 300) || '1' || repeat('}', 300)),
    (repeat('[{"a":', 200) || 'null' || repeat('}]', 200)),
    ('[' || repeat('1, ', 2000) || '1]'), ('{"s":"' || repeat('x', 7000) || '"}'), ('{"s":"' || repeat('x', 8200) || '"}'),
    ('{"s":"' || repeat('é\n', 50000) || '"}'), ('{"s":"' || repeat('abc', 400000) || '", "t" : 1}'),
    ((SELECT '[' || string_agg('{"i" : ' || i || ', "s":"' || md5(i::text) || '"}', ',') || ']' FROM generate_series(1, 20000) i));

-- The type event.
SELECT count(*), count(*) FILTER (WHERE substr(e::text, 1, length(before)) = before AND right(e::text, length(after)) = after
                                    AND substr(e::text, length(before) + 1, length(e::text) - length(before) - length(after)) = json) AS exact,
       count(*) FILTER (WHERE payload(e) = json::jsonb) AS same_jsonb
FROM doc, LATERAL (SELECT '{"entity_id":"e","event_type":"t","payload":' AS before, '}' AS after) b,
     LATERAL (SELECT ('{"event_type":"t", "payload" : ' || json || E'\n ,"entity_id":"e"}')::event AS e) c;
-- Metadata are kept the same way.
SELECT count(*), count(*) FILTER (WHERE e::text = '{"entity_id":"e","event_type":"t","payload":{},"metadata":{"m": ' || json || ' }}') AS exact,
       count(*) FILTER (WHERE metadata(e) = jsonb_build_object('m', json::jsonb)) AS same_jsonb
FROM doc, LATERAL (SELECT ('{"entity_id":"e","event_type":"t","metadata":{"m": ' || json || ' }}')::event AS e) c;

-- The store, in each form that takes text: jsonb sees what it would see in the input.
CREATE FUNCTION compare(entity text) RETURNS TABLE (docs bigint, stored bigint, same bigint, same_metadata bigint) LANGUAGE sql AS
$$SELECT count(*), count(r.version), count(*) FILTER (WHERE r.payload = d.json::jsonb AND r.payload::text = d.json::jsonb::text),
         count(r.metadata) FILTER (WHERE r.metadata = jsonb_build_object('m', d.json::jsonb))
  FROM doc d LEFT JOIN eventstore.read_entity($1) r ON r.version = d.id$$;
SELECT ingested FROM ingest_batch((SELECT string_agg('{"entity_id":"exact-text","event_type":"t","payload":' || json || ',"metadata":{"m":' || json || '}}', E'\n' ORDER BY id) FROM doc));
SELECT * FROM compare('exact-text');
SELECT ingested FROM ingest_batch((SELECT '[' || string_agg('{"payload":' || json || ',"entity_id":"exact-json","event_type":"t"}', E',' ORDER BY id) || ']' FROM doc)::json);
SELECT * FROM compare('exact-json');
SELECT ingested FROM ingest_batch((SELECT array_agg('exact-columns'::text ORDER BY id) FROM doc), (SELECT array_agg('t'::text) FROM doc),
                                  (SELECT array_agg(E' \n' || json || E'\t' ORDER BY id) FROM doc), (SELECT array_agg('{"m":' || json || '}' ORDER BY id) FROM doc));
SELECT * FROM compare('exact-columns');
SELECT ingested FROM ingest_batch((SELECT array_agg(('{"entity_id":"exact-events","event_type":"t","payload":' || json || '}')::event ORDER BY id) FROM doc));
SELECT * FROM compare('exact-events');
-- One at a time: each document in a block of its own.
SELECT sum(r.ingested) FROM (SELECT * FROM doc ORDER BY id) d, ingest_batch('{"entity_id":"exact-single","event_type":"t","payload":' || json || '}') r;
SELECT * FROM compare('exact-single');
-- A block of one event has its JSON as it was given: the bytes are there.
SELECT count(*) AS docs, count(*) FILTER (WHERE position(convert_to(json, 'UTF8') IN coalesce(large, decode(substr(block::text, 3), 'hex'))) > 0) AS exact
FROM doc JOIN read_entity('exact-single') r ON r.version = doc.id LEFT JOIN blocks b ON b.first_position = r.position;
-- jsonb arguments are kept as jsonb prints them.
SELECT sum(r.version) = sum(id) AS all_stored FROM (SELECT * FROM doc ORDER BY id) d, append('exact-append', 't', json::jsonb, jsonb_build_object('m', json::jsonb)) r;
SELECT * FROM compare('exact-append');

-- Each document next to the largest: what one event does not touch stays as it was.
SELECT * FROM verify();

-- Refused, as jsonb refuses it.
CREATE FUNCTION verdict(value text) RETURNS TABLE (as_jsonb text, as_event text, as_batch text, as_column text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN PERFORM value::jsonb; as_jsonb := 'ok';
    EXCEPTION WHEN OTHERS THEN as_jsonb := SQLSTATE; END;
    BEGIN PERFORM ('{"entity_id":"e","event_type":"t","payload":' || value || '}')::eventstore.event; as_event := 'ok';
    EXCEPTION WHEN OTHERS THEN as_event := SQLSTATE; END;
    BEGIN PERFORM eventstore.ingest_batch('{"entity_id":"verdict","event_type":"t","payload":' || value || '}'); as_batch := 'ok';
    EXCEPTION WHEN OTHERS THEN as_batch := SQLSTATE; END;
    BEGIN PERFORM eventstore.ingest_batch('{verdict}', '{t}', ARRAY[value]); as_column := 'ok';
    EXCEPTION WHEN OTHERS THEN as_column := SQLSTATE; END;
    RETURN NEXT;
END
$$;
SELECT replace(replace(left(value, 30), E'\ufeff', '<BOM>'), E'\v', '<VT>') AS value, v.* FROM unnest(ARRAY[
    '1e400000', '-1e400000', '1e131072', '1e-400000', '1e131071', '01', '+1', '.5', '1.', '1e', '1e+', '-', '0x10', 'NaN', 'Infinity', '--1', '1.2.3', '1 2',
    'tru', 'TRUE', 'nul', 'nulll', 'truefalse', 'x',
    '"', '"\"', '"\x"', '"\u"', '"\u12"', '"\u12g4"', '"\u0000"', '"\ud800"', '"\udc00"', '"\ud800\ud800"', '"\ud800x"', '"\ud800\u0041"', '"\udc00\ud800"', E'"\n"', E'"\t"', E'"\x01"', '''a''',
    '[', ']', '[,]', '[1,]', '[,1]', '[1 2]', '[1}', '{', '}', '{]', '{,}', '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', '{"a" 1}', '{a:1}', '{1:1}', '{"a":1:2}', '{"a":1 "b":2}', '{null:1}', '{"a":"\u0000"}', '{"\u0000":1}',
    '[[[', ']]]', '[1]]', '{}{}', '[1] [2]', '// x', '/* */ 1', '1 // x', '[1,2', '"a" "b"', E'\u00a01', E'\ufeff1', E'\v1']) AS value, verdict(value) v;
-- Nesting has a limit of our own, below the stack's, so that what was written can be read everywhere.
SELECT as_jsonb, as_event, as_batch, as_column FROM verdict(repeat('[', 1000) || repeat(']', 1000));
SELECT as_jsonb, as_event, as_batch, as_column FROM verdict(repeat('[', 1001) || repeat(']', 1001));
SELECT append('deep', 't', (repeat('{"a":', 1001) || '1' || repeat('}', 1001))::jsonb);
-- Too deep for the server's stack.  Nothing at all: a missing value.
SELECT as_jsonb, as_event, as_batch, as_column FROM verdict(repeat('[', 100000) || repeat(']', 100000));
SELECT as_jsonb, as_event, as_batch, as_column FROM verdict(repeat('[', 1000000));
SELECT as_jsonb, as_event, as_batch, as_column FROM verdict('');
SELECT entity_version('verdict');

-- Sizes: 1 MB, then just within and just over the limit of 16 MB for an event.
SELECT ingested FROM ingest_batch('{"entity_id":"size","event_type":"t","payload":"' || repeat('x', 1048576) || '"}');
-- entity_id 4 bytes, event_type 1, quotes 2
SELECT ingested FROM ingest_batch('{"entity_id":"size","event_type":"t","payload":"' || repeat('y', 16777216 - 7) || '"}');
SELECT ingested FROM ingest_batch('{"entity_id":"size","event_type":"t","payload":"' || repeat('y', 16777216 - 6) || '"}');
SELECT version, length(payload #>> '{}') AS characters, left(payload #>> '{}', 1) AS first, right(payload #>> '{}', 1) AS last FROM read_entity('size');
-- Metadata and tags count, too.
SELECT ingested FROM ingest_batch('{"entity_id":"size","event_type":"t","payload":"' || repeat('x', 8388608) || '","metadata":{"m":"' || repeat('y', 8388608) || '"}}');
SET eventstore.max_event_size = '1kB';
SELECT version FROM append('size', 't', to_jsonb(repeat('z', 1017)));
SELECT version FROM append('size', 't', to_jsonb(repeat('z', 1018)));
SELECT ingested FROM ingest_batch(ARRAY[make_event('size', 't', to_jsonb(repeat('z', 1000)), '{"m": 123}')]);
SELECT ingested FROM ingest_batch(ARRAY['size'], ARRAY['t'], ARRAY[to_json(repeat('z', 1017))::text]);
SELECT ingested FROM ingest_batch(ARRAY['size'], ARRAY['t'], ARRAY[to_json(repeat('z', 1018))::text]);
-- What was stored under a larger limit is read whatever the limit is now.
SELECT version, length(payload #>> '{}') AS characters FROM read_entity('size');
SET eventstore.max_event_size = '20MB';
SELECT ingested FROM ingest_batch('{"entity_id":"size","event_type":"t","payload":["' || repeat('w', 18000000) || '"]}');
RESET eventstore.max_event_size;
SELECT version, length(payload ->> 0) AS characters FROM last_event('size');
-- Small events before and after a large one in a batch.
SELECT ingested FROM ingest_batch((SELECT string_agg('{"entity_id":"around","event_type":"t","payload":{"i":' || i || ',"s":"' || repeat('x', CASE i % 10 WHEN 5 THEN 100000 WHEN 7 THEN 8000 ELSE i END) || '"}}', E'\n' ORDER BY i) FROM generate_series(1, 100) i));
SELECT count(*), bool_and((payload ->> 'i')::int = version) AS in_order, bool_and(length(payload ->> 's') = CASE version % 10 WHEN 5 THEN 100000 WHEN 7 THEN 8000 ELSE version END) AS whole FROM read_entity('around');
SELECT * FROM verify();
DROP TABLE doc;
DROP FUNCTION compare, verdict;
