-- Payloads are made into jsonb without jsonb_in(), and are what it would have made, byte for byte: padding, order of keys, digits.
SET search_path = public, eventstore;

CREATE FUNCTION same(given text) RETURNS boolean LANGUAGE sql AS
$$SELECT record_image_eq(ROW(payload(('{"entity_id":"e","event_type":"t","payload":' || given || '}')::event)), ROW(given::jsonb))$$;
-- That sees what = does not see.
SELECT '1.0'::jsonb = '1.00'::jsonb AS equal, record_image_eq(ROW('1.0'::jsonb), ROW('1.00'::jsonb)) AS same;

CREATE TABLE doc (id serial PRIMARY KEY, json text);
-- Scalars by themselves, empty and nested containers, spaces.
INSERT INTO doc (json) VALUES
    ('null'), ('true'), ('false'), ('0'), ('1'), ('-1'), ('""'), ('"a"'), ('"abcd"'), ('"\n"'),
    ('{}'), ('[]'), ('[[]]'), ('[{}]'), ('{"":{}}'), ('{"a":[]}'), ('[[],[],{},{},[[[]]]]'), ('["a",[],"b",{},"c",[[]]]'),
    (E' { "a" :\t1 ,\n"b" : [ 1 , 2 ] } '), ('[ ]'), ('{ }'), ('[null,true,false]'), ('{"n":null,"t":true,"f":false}'),
    ('[1,"a",2,"ab",3,"abc",4,"abcd",5]'), ('["a",[1],"ab",[2],"abc",{"a":3},"abcd",{"ab":4}]'), ('{"a":"x","b":1,"c":"xy","d":[1],"e":"","f":{"g":1}}'),
    ('{"order_id":"order-012345","customer":"customer-01234","amount":512.37,"currency":"EUR","status":"paid","quantity":7,"note":"please leave it with the neighbour"}');
-- Keys: order, lengths, repeats, none, escapes, equal only when unescaped, bytes above 127.
INSERT INTO doc (json) VALUES
    ('{"b":1,"a":2}'), ('{"bb":1,"a":2}'), ('{"aa":1,"b":2}'), ('{"":1,"a":2,"":3}'), ('{"a":1,"a":2,"a":3}'), ('{"a":{"a":1},"a":[2],"b":0,"a":"last"}'), ('{"":""}'),
    ('{"c":1,"b":2,"a":3,"b":4,"c":5}'), ('{"a":1,"b":2,"c":3,"d":4}'), ('{"\u0061":1,"a":2}'), ('{"a":1,"\u0061":2}'), ('{"\u0062":1,"\u0061":2,"c\n":3,"\"":4,"\\":5}'),
    ('{"é":1,"z":2,"e\u0301":3,"\u00e9":4,"😀":5,"\ud83d\ude00":6,"~":7}'), (E'{"\u007f":1,"\u0080":2,"\u00ff":3,"A":4}'), ('{"k1":1,"k10":2,"k2":3,"K1":4," ":5}'),
    ('{"x":{"b":1,"a":{"d":1,"c":[{"f":1,"e":2,"f":3}]}},"w":[{"b":1,"a":2}]}');
-- Strings.
INSERT INTO doc (json) VALUES
    ('"\"\\\/\b\f\n\r\t"'), ('"\u0041\u00e9\u20AC\ud83d\ude00"'), ('["é","€","😀","Aé€😀"]'), ('["\u0001","\u001f","\u007f","\u0080","\uffff"]'), ('{"a":"\\","b":1,"c":"\\\"","d":2}');
-- Numbers: signs, zeros, scales, digits in groups of four, what has a long header, what is left to jsonb_in().
INSERT INTO doc (json) VALUES
    ('-0'), ('0.0'), ('-0.00'), ('0.0000'), ('0.00000'), ('1.0'), ('1.50'), ('100'), ('10000'), ('100000000'), ('10000.0000'), ('10001.00010'), ('0.1'), ('0.0001'), ('0.00001'), ('0.00010000'), ('-0.00010001'),
    ('9999'), ('99999'), ('9999.9999'), ('99999.99999'), ('12345678901234567890'), ('123456789012345678'), ('1234567890123456789'), ('-9223372036854775808'), ('9223372036854775807'), ('18446744073709551616'),
    ('1e5'), ('[1,1E-5,2]'), ('1.5e+3'), ('-0e0'), ('[0,-0,0.0,-0.0,1,-1]');
INSERT INTO doc (json) SELECT s || '0.' || repeat('0', n) || d FROM generate_series(0, 256) n, unnest(ARRAY['', '-']) s, unnest(ARRAY['1', '10', '12345', '0']) d;
INSERT INTO doc (json) SELECT s || d || repeat('0', n) || f FROM generate_series(0, 258) n, unnest(ARRAY['', '-']) s, unnest(ARRAY['1', '70001']) d, unnest(ARRAY['', '.0', '.00005']) f;
INSERT INTO doc (json) SELECT repeat('9', n) || '.' || repeat('9', m) FROM generate_series(1, 20) n, generate_series(1, 70) m;
-- Strings of every length before what is aligned; arrays of every size, for the entries that are offsets.
INSERT INTO doc (json) SELECT format(f, repeat('x', n), repeat('y', n % 7)) FROM generate_series(0, 70) n,
    unnest(ARRAY['["%1$s",1,"%2$s",[2],{"k":3}]', '{"%1$s":1,"k%2$s":[]}', '{"a":"%1$s","b":{"%2$s":1.5}}', '["%1$s"]', '[["%2$s","%1$s"],["%2$s",-12345.678]]']) f;
INSERT INTO doc (json) SELECT '[' || string_agg((ARRAY['1', '"a"', 'null', '[2]', '"bcd"', '{"k":"v"}', 'true', '0.5', '""'])[1 + i % k], ',') || ']' FROM generate_series(1, 130) n, unnest(ARRAY[1, 2, 5, 9]) k, generate_series(1, n) i GROUP BY n, k ORDER BY n, k;
-- Objects of every size, in order, reversed, shuffled, with repeats.
INSERT INTO doc (json)
SELECT '{' || string_agg(format('"%s":%s', key, CASE i % 3 WHEN 0 THEN i::text WHEN 1 THEN '"' || i || '"' ELSE '{"z":[' || i || '],"a":null}' END), ',' ORDER BY CASE way WHEN 0 THEN i WHEN 1 THEN -i ELSE hashint4(i) END) || '}'
FROM generate_series(1, 100) n, generate_series(0, 3) way, generate_series(1, n) i, LATERAL (SELECT CASE way WHEN 3 THEN 'k' || (i * 7) % 11 WHEN 2 THEN left(md5(i::text), 1 + i % 9) ELSE to_char(i, 'FM0000') END AS key) k
GROUP BY n, way ORDER BY n, way;
INSERT INTO doc (json)
SELECT '{' || string_agg(format('"%s":%s', key, i), ',' ORDER BY CASE way WHEN 0 THEN i WHEN 1 THEN -i ELSE hashint4(i) END) || '}'
FROM generate_series(0, 4) way, generate_series(1, 10000) i, LATERAL (SELECT CASE way WHEN 4 THEN 'same' WHEN 3 THEN 'key\t' || hashint4(i) % 2000 WHEN 2 THEN md5(i::text) ELSE to_char(i, 'FM00000') END AS key) k
GROUP BY way;
-- Deep, up to and beyond what the scanner follows; long.
INSERT INTO doc (json) SELECT repeat('[', n) || repeat(']', n) FROM unnest(ARRAY[2, 100, 255, 256, 257, 900]) n;
INSERT INTO doc (json) SELECT repeat('{"a":1,"b":[', n) || '"x"' || repeat('],"ccc":2,"a":"y"}', n) FROM unnest(ARRAY[1, 5, 127, 128, 129, 300]) n;
INSERT INTO doc (json) VALUES ('"' || repeat('x', 1000000) || '"'), ('{"long":"' || repeat('é\n', 100000) || '","a":"' || repeat('b', 100001) || '","c":1}'),
    ('[' || repeat('1,', 200000) || '1]'), ('[' || repeat('"a",{"b":[]},1.5,', 30000) || 'null]');

-- Whatever else: trees of all these, by chance but the same each time.
CREATE FUNCTION any_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql AS $$SELECT choices[1 + floor(random() * cardinality(choices))::int]$$;
CREATE FUNCTION any_json(depth int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    kind text := any_of('word', 'number', 'integer', 'string', 'hash');
    size int := floor(power(random(), 2) * 12);
    space text := any_of('', '', '', '', '', E' \n');
    parts text[] := '{}';
BEGIN
    IF depth > 0 THEN kind := any_of(kind, 'array', 'object'); END IF;
    FOR i IN 1..size LOOP
        EXIT WHEN kind NOT IN ('array', 'object');
        parts := parts || (CASE kind WHEN 'object' THEN '"' || any_of('', 'a', 'b', 'c', 'id', 'to', 'total', 'name', 'k1', 'k2', 'k10', 'é', '\u00e9', '\u0061', 'order_id', 'customer', 'currency') || '"' || space || ':' || space ELSE '' END || any_json(depth - 1));
    END LOOP;
    RETURN CASE kind
        WHEN 'word' THEN any_of('null', 'true', 'false')
        WHEN 'number' THEN any_of('', '-') || any_of('0', '7', '10', '1000', '9999', '70001', '100000000', '123456789012345678901') || any_of('.0', '.5', '.25', '.00001', '.1000', '.12345678', '.000000001', 'e2')
        WHEN 'integer' THEN (floor(random() * power(10, size))::bigint - 5)::text
        WHEN 'string' THEN '"' || repeat(any_of('a', 'bc', 'é', '😀', '\n', '\"', '\u00e9', '\ud83d\ude00', '\\'), size) || '"'
        WHEN 'hash' THEN '"' || left(md5(random()::text), size * 3) || '"'
        WHEN 'array' THEN '[' || space || array_to_string(parts, space || ',' || space) || space || ']'
        ELSE '{' || space || array_to_string(parts, space || ',' || space) || space || '}' END;
END
$$;
DO 'BEGIN PERFORM setseed(0.5); END';
INSERT INTO doc (json) SELECT any_json(i % 5) FROM generate_series(1, 6000) i;

SELECT count(*) > 12000 AS many, max(length(json)) > 1000000 AS long FROM doc;
SELECT id, left(json, 100) AS json FROM doc WHERE NOT same(json) ORDER BY id LIMIT 10;

-- The same for what is read from the log, payload and metadata.
SELECT sum(ingested) = (SELECT count(*) FROM doc) AS all_ingested
FROM (SELECT i.ingested FROM (SELECT id / 500, array_agg(json ORDER BY id) AS jsons FROM doc GROUP BY 1 ORDER BY 1) d,
      ingest_batch(array_fill('jsonb-bytes'::text, ARRAY[cardinality(jsons)]), array_fill('t'::text, ARRAY[cardinality(jsons)]), jsons, (SELECT array_agg('{"m":' || json || '}' ORDER BY n) FROM unnest(jsons) WITH ORDINALITY j (json, n))) i) r;
SELECT count(*) AS different FROM doc JOIN read_entity('jsonb-bytes') r ON r.version = doc.id
WHERE NOT record_image_eq(ROW(r.payload, r.metadata), ROW(json::jsonb, ('{"m":' || json || '}')::jsonb));

DROP TABLE doc;
DROP FUNCTION same, any_of, any_json;
