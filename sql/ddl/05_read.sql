-- Reading.

CREATE FUNCTION read_entity(
    entity_id text,
    from_version bigint DEFAULT NULL,
    max_count bigint DEFAULT NULL,
    backward boolean DEFAULT false,
    tenant_id text DEFAULT NULL
) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_read_entity_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION read_entity(text, bigint, bigint, boolean, text)
    IS 'an entity''s events in the order of their versions';

CREATE FUNCTION read_all(
    after_position bigint DEFAULT 0,
    max_count bigint DEFAULT 1000,
    tenant_id text DEFAULT NULL,
    event_types text[] DEFAULT NULL,
    entity_prefix text DEFAULT NULL,
    tags text[] DEFAULT NULL,
    payload_filter jsonb DEFAULT NULL,
    up_to bigint DEFAULT NULL
) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_read_all_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION read_all(bigint, bigint, text, text[], text, text[], jsonb, bigint)
    IS 'events in log order, never past the safe position';

CREATE FUNCTION entity_version(entity_id text, tenant_id text DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'es_entity_version_sql' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION entity_version(text, text) IS 'an entity''s last version, 0 when it has no events';

CREATE FUNCTION last_event(
    entity_id text,
    event_type text DEFAULT NULL,
    tenant_id text DEFAULT NULL
) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_last_event_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION last_event(text, text, text) IS 'an entity''s last event, or its last of a type; no row when there is none';

CREATE FUNCTION get_event("position" bigint) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_get_event_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION get_event(bigint) IS 'the event at a position; no row when there is none';

CREATE FUNCTION safe_position() RETURNS bigint
    AS 'MODULE_PATHNAME', 'es_safe_position_sql' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION safe_position() IS 'the position up to which no event can appear any more';
