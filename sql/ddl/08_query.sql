-- Finding events by what they are.

CREATE FUNCTION query_events(
    entity_id text DEFAULT NULL,
    event_types text[] DEFAULT NULL,
    since timestamptz DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    payload_filter jsonb DEFAULT NULL,
    tags text[] DEFAULT NULL,
    after_position bigint DEFAULT NULL,
    max_count bigint DEFAULT NULL,
    backward boolean DEFAULT false,
    tenant_id text DEFAULT NULL
) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_query_events_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION query_events(text, text[], timestamptz, timestamptz, timestamptz, jsonb, text[], bigint, bigint, boolean, text)
    IS 'events for which all that is given is true, in log order';

CREATE FUNCTION entity_state(
    entity_id text,
    as_of timestamptz DEFAULT NULL,
    tenant_id text DEFAULT NULL
) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'es_entity_state_sql' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION entity_state(text, timestamptz, text)
    IS 'an entity''s payloads merged, the last value of each key; null when it has no events';

CREATE FUNCTION get_event_by_id(event_id uuid) RETURNS SETOF recorded_event
    AS 'MODULE_PATHNAME', 'es_get_event_by_id_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION get_event_by_id(uuid) IS 'an event with this id; no row when there is none';

-- All tenants of an entity_id come together, so that reading on after it misses none.
CREATE FUNCTION entities(
    prefix text DEFAULT '',
    after text DEFAULT NULL,
    max_count bigint DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    OUT tenant_id text,
    OUT entity_id text,
    OUT events bigint,
    OUT first_recorded_at timestamptz,
    OUT last_recorded_at timestamptz
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_entities_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION entities(text, text, bigint, text)
    IS 'entities by name, with the number and times of their events';

CREATE FUNCTION event_types(
    tenant_id text DEFAULT NULL,
    OUT event_type text,
    OUT events bigint,
    OUT first_recorded_at timestamptz,
    OUT last_recorded_at timestamptz
) RETURNS SETOF record LANGUAGE SQL STABLE PARALLEL RESTRICTED ROWS 100
BEGIN ATOMIC
    SELECT e.event_type, count(*), min(e.recorded_at), max(e.recorded_at)
    FROM events e
    WHERE $1 IS NULL OR e.tenant_id = $1
    GROUP BY e.event_type
    ORDER BY e.event_type COLLATE "C";
END;
COMMENT ON FUNCTION event_types(text) IS 'event types, with the number and times of their events';
