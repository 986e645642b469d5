-- The types: an event to be written, a block of stored events, a stored event.

CREATE TYPE event;

CREATE FUNCTION event_in(cstring) RETURNS event
    AS 'MODULE_PATHNAME', 'es_event_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_in(cstring) IS 'I/O';

CREATE FUNCTION event_out(event) RETURNS cstring
    AS 'MODULE_PATHNAME', 'es_event_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_out(event) IS 'I/O';

CREATE FUNCTION event_recv(internal) RETURNS event
    AS 'MODULE_PATHNAME', 'es_event_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_recv(internal) IS 'I/O';

CREATE FUNCTION event_send(event) RETURNS bytea
    AS 'MODULE_PATHNAME', 'es_event_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_send(event) IS 'I/O';

CREATE TYPE event (
    INPUT = event_in,
    OUTPUT = event_out,
    RECEIVE = event_recv,
    SEND = event_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE event IS 'an event to be written; its text form is one JSON object';

CREATE TYPE block;

CREATE FUNCTION block_in(cstring) RETURNS block
    AS 'MODULE_PATHNAME', 'es_block_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION block_in(cstring) IS 'I/O';

CREATE FUNCTION block_out(block) RETURNS cstring
    AS 'MODULE_PATHNAME', 'es_block_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION block_out(block) IS 'I/O';

CREATE FUNCTION block_recv(internal) RETURNS block
    AS 'MODULE_PATHNAME', 'es_block_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION block_recv(internal) IS 'I/O';

CREATE FUNCTION block_send(block) RETURNS bytea
    AS 'MODULE_PATHNAME', 'es_block_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION block_send(block) IS 'I/O';

CREATE TYPE block (
    INPUT = block_in,
    OUTPUT = block_out,
    RECEIVE = block_recv,
    SEND = block_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = plain
);
COMMENT ON TYPE block IS 'packed events; for the block table only';

CREATE TYPE recorded_event AS (
    position bigint,
    tenant_id text,
    entity_id text,
    version bigint,
    event_type text,
    event_id uuid,
    payload jsonb,
    metadata jsonb,
    tags text[],
    occurred_at timestamptz,
    recorded_at timestamptz
);
COMMENT ON TYPE recorded_event IS 'an event as it is stored';
