-- The contract of DESIGN section 2 as the catalogs have it: names, arguments, results, markings, comments.
BEGIN;
SET LOCAL search_path = public;
SET LOCAL client_min_messages = warning;
-- What is counted in the catalogs, and the rest: each has its comment.
CREATE TEMP VIEW member AS
SELECT classid, objid, pg_describe_object(classid, objid, 0) AS description FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'eventstore') AND deptype = 'e'
-- 17 and later count arrays and row types of relations, too
AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid WHERE typcategory = 'A' OR relkind <> 'c'));
CREATE TEMP VIEW member_trigger AS SELECT oid, tgname FROM pg_trigger WHERE tgrelid = 'eventstore.blocks'::regclass AND NOT tgisinternal;
CREATE TEMP VIEW member_column AS
SELECT attrelid, attnum, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'eventstore'::regnamespace AND relkind IN ('r', 'v', 'f') AND attnum > 0 AND NOT attisdropped;
SELECT plan(159 + (SELECT count(*) FROM member)::int + (SELECT count(*) FROM member_trigger)::int + (SELECT count(*) FROM member_column)::int);

-- ------------------------------------------------------------------ extension
SELECT is((SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'eventstore'),
          'eventstore', 'the extension lives in the schema eventstore');
SELECT is((SELECT extrelocatable FROM pg_extension WHERE extname = 'eventstore'), false, 'the extension is not relocatable');

-- ----------------------------------------------------------------- functions
-- With search_path public, types of the extension are named with their schema.
CREATE TEMP TABLE contract (name text, arguments text, result text, volatility "char", parallel "char", strict boolean, kind text);
INSERT INTO contract VALUES
-- constructors
('make_event', 'entity_id text, event_type text, payload jsonb DEFAULT ''{}''::jsonb, metadata jsonb DEFAULT NULL::jsonb, event_id uuid DEFAULT NULL::uuid, tags text[] DEFAULT NULL::text[], tenant_id text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, expected_version bigint DEFAULT NULL::bigint', 'eventstore.event', 'i', 's', false, 'pure'),
('make_event_checked', 'entity_id text, event_type text, payload jsonb DEFAULT ''{}''::jsonb, metadata jsonb DEFAULT NULL::jsonb, event_id uuid DEFAULT NULL::uuid, tags text[] DEFAULT NULL::text[], tenant_id text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, expected_version bigint DEFAULT NULL::bigint', 'eventstore.event', 'i', 's', false, 'pure'),
-- accessors
('entity_id', 'eventstore.event', 'text', 'i', 's', true, 'pure'),
('event_type', 'eventstore.event', 'text', 'i', 's', true, 'pure'),
('payload', 'eventstore.event', 'jsonb', 'i', 's', true, 'pure'),
('metadata', 'eventstore.event', 'jsonb', 'i', 's', true, 'pure'),
('event_id', 'eventstore.event', 'uuid', 'i', 's', true, 'pure'),
('tags', 'eventstore.event', 'text[]', 'i', 's', true, 'pure'),
('tenant_id', 'eventstore.event', 'text', 'i', 's', true, 'pure'),
('occurred_at', 'eventstore.event', 'timestamp with time zone', 'i', 's', true, 'pure'),
('expected_version', 'eventstore.event', 'bigint', 'i', 's', true, 'pure'),
-- writing
('ingest_batch', 'events text, checked boolean DEFAULT false, OUT first_position bigint, OUT last_position bigint, OUT ingested bigint, OUT duplicates bigint', 'record', 'v', 'u', false, 'write'),
('ingest_batch', 'events json, checked boolean DEFAULT false, OUT first_position bigint, OUT last_position bigint, OUT ingested bigint, OUT duplicates bigint', 'record', 'v', 'u', false, 'write'),
('ingest_batch', 'events jsonb, checked boolean DEFAULT false, OUT first_position bigint, OUT last_position bigint, OUT ingested bigint, OUT duplicates bigint', 'record', 'v', 'u', false, 'write'),
('ingest_batch', 'events eventstore.event[], checked boolean DEFAULT false, OUT first_position bigint, OUT last_position bigint, OUT ingested bigint, OUT duplicates bigint', 'record', 'v', 'u', false, 'write'),
('append', 'entity_id text, event_type text, payload jsonb DEFAULT ''{}''::jsonb, metadata jsonb DEFAULT NULL::jsonb, expected_version bigint DEFAULT NULL::bigint, event_id uuid DEFAULT NULL::uuid, tags text[] DEFAULT NULL::text[], tenant_id text DEFAULT NULL::text, occurred_at timestamp with time zone DEFAULT NULL::timestamp with time zone, OUT "position" bigint, OUT version bigint', 'record', 'v', 'u', false, 'write'),
-- reading
('read_all', 'after_position bigint DEFAULT 0, max_count bigint DEFAULT 1000, tenant_id text DEFAULT NULL::text, event_types text[] DEFAULT NULL::text[], entity_prefix text DEFAULT NULL::text, tags text[] DEFAULT NULL::text[], payload_filter jsonb DEFAULT NULL::jsonb, up_to bigint DEFAULT NULL::bigint', 'SETOF eventstore.recorded_event', 's', 'r', false, 'read'),
('entity_version', 'entity_id text, tenant_id text DEFAULT NULL::text', 'bigint', 's', 'r', false, 'read'),
('last_event', 'entity_id text, event_type text DEFAULT NULL::text, tenant_id text DEFAULT NULL::text', 'SETOF eventstore.recorded_event', 's', 'r', false, 'read'),
('get_event', '"position" bigint', 'SETOF eventstore.recorded_event', 's', 'r', false, 'read'),
('safe_position', '', 'bigint', 's', 'r', false, 'read'),
-- finding
('entities', 'prefix text DEFAULT ''''::text, after text DEFAULT NULL::text, max_count bigint DEFAULT NULL::bigint, tenant_id text DEFAULT NULL::text, OUT tenant_id text, OUT entity_id text, OUT events bigint, OUT first_recorded_at timestamp with time zone, OUT last_recorded_at timestamp with time zone', 'SETOF record', 's', 'r', false, 'read'),
('entity_state', 'entity_id text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, tenant_id text DEFAULT NULL::text', 'jsonb', 's', 'r', false, 'read'),
('event_types', 'tenant_id text DEFAULT NULL::text, OUT event_type text, OUT events bigint, OUT first_recorded_at timestamp with time zone, OUT last_recorded_at timestamp with time zone', 'SETOF record', 's', 'r', false, 'read'),
('get_event_by_id', 'event_id uuid', 'SETOF eventstore.recorded_event', 's', 'r', false, 'read'),
('query_events', 'entity_id text DEFAULT NULL::text, event_types text[] DEFAULT NULL::text[], since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, payload_filter jsonb DEFAULT NULL::jsonb, tags text[] DEFAULT NULL::text[], after_position bigint DEFAULT NULL::bigint, max_count bigint DEFAULT NULL::bigint, backward boolean DEFAULT false, tenant_id text DEFAULT NULL::text', 'SETOF eventstore.recorded_event', 's', 'r', false, 'read'),
-- operating
('verify', 'OUT severity text, OUT "position" bigint, OUT entity_id text, OUT problem text', 'SETOF record', 's', 'r', false, 'read'),
('rebuild_index', '', 'void', 'v', 'u', false, 'owner');

SELECT is(pg_get_function_result(p.oid), c.result, format('%s(%s) returns %s', c.name, left(c.arguments, 40), c.result))
FROM contract c LEFT JOIN pg_proc p ON p.proname = c.name AND p.pronamespace = 'eventstore'::regnamespace AND pg_get_function_arguments(p.oid) = c.arguments
ORDER BY c.name, c.arguments;
SELECT is(p.provolatile, c.volatility, format('volatility of %s(%s)', c.name, left(c.arguments, 40)))
FROM contract c LEFT JOIN pg_proc p ON p.proname = c.name AND p.pronamespace = 'eventstore'::regnamespace AND pg_get_function_arguments(p.oid) = c.arguments
ORDER BY c.name, c.arguments;
SELECT is(p.proparallel, c.parallel, format('parallel safety of %s(%s)', c.name, left(c.arguments, 40)))
FROM contract c LEFT JOIN pg_proc p ON p.proname = c.name AND p.pronamespace = 'eventstore'::regnamespace AND pg_get_function_arguments(p.oid) = c.arguments
ORDER BY c.name, c.arguments;
SELECT is(p.proisstrict, c.strict, format('strictness of %s(%s)', c.name, left(c.arguments, 40)))
FROM contract c LEFT JOIN pg_proc p ON p.proname = c.name AND p.pronamespace = 'eventstore'::regnamespace AND pg_get_function_arguments(p.oid) = c.arguments
ORDER BY c.name, c.arguments;

-- The column form: the contract fixes the first six arguments, and leaves room after them.
SELECT matches(pg_get_function_arguments(p.oid),
               '^entity_ids text\[\], event_types text\[\], payloads text\[\], metadata text\[\] DEFAULT NULL::text\[\], event_ids uuid\[\] DEFAULT NULL::uuid\[\], expected_versions bigint\[\] DEFAULT NULL::bigint\[\](, .* DEFAULT [^,]*)*, OUT first_position bigint, OUT last_position bigint, OUT ingested bigint, OUT duplicates bigint$',
               'ingest_batch() of columns has the arguments of the contract')
FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND proname = 'ingest_batch' AND proargnames[1] = 'entity_ids';
SELECT is((SELECT array_agg((provolatile, proparallel, proisstrict)::text) FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace AND proname = 'ingest_batch' AND proargnames[1] = 'entity_ids'),
          ARRAY['(v,u,f)'], 'and its markings');
SELECT is((SELECT count(*) FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace AND proname = 'ingest_batch'), 5::bigint, 'ingest_batch() has five forms');

-- read_entity(): forward from version 1, backward from the last, when from_version is not given.
SELECT matches(pg_get_function_arguments(p.oid),
               '^entity_id text, from_version bigint DEFAULT NULL::bigint, max_count bigint DEFAULT NULL::bigint, backward boolean DEFAULT false, tenant_id text DEFAULT NULL::text$',
               'read_entity() has the arguments of the contract')
FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND proname = 'read_entity';
SELECT is((SELECT array_agg((pg_get_function_result(oid), provolatile, proparallel, proisstrict)::text) FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace AND proname = 'read_entity'),
          ARRAY['("SETOF eventstore.recorded_event",s,r,f)'], 'and its result and markings');

-- What is true of every function of the schema, also of those to come.
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')$$,
                'every function in the schema belongs to the extension');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND prosecdef$$,
                'no function runs with the rights of its owner');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND provolatile = 'i' AND proparallel <> 's'$$,
                'what is immutable is parallel safe');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND provolatile <> 'i' AND proparallel = 's' AND prorettype <> 'trigger'::regtype$$,
                'I5: what looks at the store stays in the leader, which knows the own pending events');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'eventstore'::regnamespace AND provolatile = 'v' AND proparallel = 'r' AND proname !~ '^stat_'$$,
                'what is volatile is not run in parallel at all, statistics apart');
SELECT is_empty($$SELECT p.oid::regprocedure, a.name FROM pg_proc p, unnest(p.proargnames) a(name) WHERE pronamespace = 'eventstore'::regnamespace AND a.name !~ '^[a-z][a-z_]*$'$$,
                'arguments have names in lower case');

-- --------------------------------------------------------------------- types
SELECT has_type('eventstore', 'event', 'the type event exists');
SELECT has_type('eventstore', 'recorded_event', 'the type recorded_event exists');
SELECT is((SELECT (typtype, typlen, typalign, typstorage)::text FROM pg_type WHERE oid = 'eventstore.event'::regtype), '(b,-1,d,x)',
          'event is a base type of variable length, double alignment, extended storage');
SELECT is((SELECT ARRAY[typinput::text, typoutput::text, typreceive::text, typsend::text] FROM pg_type WHERE oid = 'eventstore.event'::regtype),
          ARRAY['eventstore.event_in', 'eventstore.event_out', 'eventstore.event_recv', 'eventstore.event_send'], 'event has text and binary form');
SELECT is((SELECT (typtype, typlen, typalign, typstorage)::text FROM pg_type WHERE oid = 'eventstore.block'::regtype), '(b,-1,d,p)',
          'block is a base type of variable length, double alignment, plain storage');
SELECT results_eq(
    $$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'eventstore.recorded_event'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum$$,
    $$VALUES ('position', 'bigint'), ('tenant_id', 'text'), ('entity_id', 'text'), ('version', 'bigint'), ('event_type', 'text'), ('event_id', 'uuid'),
             ('payload', 'jsonb'), ('metadata', 'jsonb'), ('tags', 'text[]'), ('occurred_at', 'timestamp with time zone'), ('recorded_at', 'timestamp with time zone')$$,
    'recorded_event has the fields of the contract in its order');
SELECT results_eq(
    $$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'eventstore.events'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum$$,
    $$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'eventstore.recorded_event'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum$$,
    'the relation events has the same columns');

-- ----------------------------------------------------------------- operators
SELECT has_operator('eventstore.event', 'eventstore', '->', 'text', 'jsonb', 'event -> text is jsonb');
SELECT has_operator('eventstore.event', 'eventstore', '->>', 'text', 'text', 'event ->> text is text');
SELECT has_operator('eventstore.event', 'eventstore', '=', 'eventstore.event', 'boolean', 'event = event');
SELECT has_operator('eventstore.event', 'eventstore', '<>', 'eventstore.event', 'boolean', 'event <> event');
SELECT is((SELECT (oprcanhash, oprcanmerge, oprcom::regoperator::text, oprnegate::regoperator::text)::text FROM pg_operator WHERE oid = 'eventstore.=(eventstore.event,eventstore.event)'::regoperator),
          '(t,f,"eventstore.=(eventstore.event,eventstore.event)","eventstore.<>(eventstore.event,eventstore.event)")', '= can hash, commutes, and has <> as its negator');
SELECT is((SELECT count(*) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcintype = 'eventstore.event'::regtype AND opcdefault AND amname = 'hash'), 1::bigint,
          'event has a default hash operator class');
SELECT is((SELECT count(*) FROM pg_opclass WHERE opcintype = 'eventstore.event'::regtype), 1::bigint, 'and no other');
SELECT is((SELECT array_agg(amprocnum::int ORDER BY amprocnum) FROM pg_amproc JOIN pg_opclass ON opcfamily = amprocfamily WHERE opcintype = 'eventstore.event'::regtype), ARRAY[1, 2],
          'with the plain and the extended hash function');

-- ----------------------------------------------------------------- relations
SELECT ok(EXISTS (SELECT FROM pg_class WHERE oid = 'eventstore.events'::regclass AND relkind = 'f'), 'events is a foreign table');
SELECT is((SELECT (s.srvname, w.fdwname, w.fdwhandler::regproc, w.fdwvalidator::regproc)::text FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = ftserver JOIN pg_foreign_data_wrapper w ON w.oid = srvfdw
           WHERE ftrelid = 'eventstore.events'::regclass), '(eventstore,eventstore,eventstore.fdw_handler,eventstore.fdw_validator)', 'of the extension''s own server and wrapper');
SELECT is((SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'eventstore.events'::regclass AND attnum > 0 AND attnotnull), ARRAY['entity_id', 'event_type'],
          'an event must have an entity and a type');
SELECT is((SELECT array_agg(attname || ' ' || pg_get_expr(adbin, adrelid)) FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 'eventstore.events'::regclass),
          ARRAY['payload ''{}''::jsonb'], 'and an empty payload when none is given');
SELECT is((SELECT count(*) FROM pg_foreign_server, aclexplode(srvacl) a WHERE a.grantee = 0) + (SELECT count(*) FROM pg_foreign_data_wrapper, aclexplode(fdwacl) a WHERE a.grantee = 0), 0::bigint,
          'nobody was granted the use of server or wrapper');
SELECT is_empty($$SELECT f FROM unnest(ARRAY['eventstore.fdw_handler()', 'eventstore.fdw_validator(text[], oid)']) f WHERE has_function_privilege('public', f, 'EXECUTE')$$,
                'nor that of their functions');
SELECT has_view('eventstore', 'stat_index', 'the view stat_index exists');
SELECT has_view('eventstore', 'stat_ingest', 'the view stat_ingest exists');
SELECT has_view('eventstore', 'stat_kernel', 'the view stat_kernel exists');
SELECT has_table('eventstore', 'blocks', 'the block table exists');
SELECT has_sequence('eventstore', 'position_seq', 'the durable limit of positions exists');
SELECT col_is_pk('eventstore', 'blocks', 'first_position', 'blocks are found by their first position');
SELECT is((SELECT relpersistence FROM pg_class WHERE oid = 'eventstore.blocks'::regclass), 'p', 'blocks are durable');
SELECT set_eq($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'eventstore'$$,
              ARRAY['eventstore.blocks', 'eventstore.position_seq'], 'a dump carries blocks and positions');
SELECT ok((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'eventstore.blocks'::regclass AND NOT tgisinternal) > 0, 'I6: changes that bypass the functions are noticed');
SELECT is_empty($$SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE relnamespace = 'eventstore'::regnamespace AND grantee = 0$$, 'nothing is granted to PUBLIC');

-- ------------------------------------------------------------------ settings
SELECT results_eq($$SELECT name, vartype, boot_val, unit, context FROM pg_settings WHERE name IN ('eventstore.index_memory', 'eventstore.max_event_size', 'eventstore.allow_async_commit') ORDER BY name$$,
                  $$VALUES ('eventstore.allow_async_commit', 'bool', 'off', NULL, 'superuser'), ('eventstore.index_memory', 'integer', '128', 'MB', 'postmaster'), ('eventstore.max_event_size', 'integer', '16384', 'kB', 'superuser')$$,
                  'the settings of the contract, their defaults, and who may change them');
SELECT is_empty($$SELECT name FROM pg_settings WHERE name LIKE 'eventstore.%' AND coalesce(short_desc, '') = ''$$, 'every setting is described');

-- ------------------------------------------------------------------ comments
SELECT isnt(obj_description(objid, classid::regclass::name), NULL, 'comment on ' || description) FROM member ORDER BY description;
SELECT isnt(obj_description(oid, 'pg_trigger'), NULL, 'comment on trigger ' || tgname) FROM member_trigger ORDER BY tgname;
SELECT isnt(col_description(attrelid, attnum), NULL, format('comment on column %s.%s', attrelid::regclass, attname)) FROM member_column ORDER BY attrelid::regclass::text, attnum;
SELECT isnt(obj_description((SELECT oid FROM pg_extension WHERE extname = 'eventstore'), 'pg_extension'), NULL, 'comment on the extension');

SELECT * FROM finish();
ROLLBACK;
