-- The relation events, a foreign table of a wrapper that is for nothing else.

CREATE FUNCTION fdw_handler() RETURNS fdw_handler
    AS 'MODULE_PATHNAME', 'es_fdw_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION fdw_handler() IS 'what the relation events does';

CREATE FUNCTION fdw_validator(options text[], catalog oid) RETURNS void
    AS 'MODULE_PATHNAME', 'es_fdw_validator' LANGUAGE C;
COMMENT ON FUNCTION fdw_validator(text[], oid) IS 'refuses options: there are none';

REVOKE ALL ON FUNCTION fdw_handler(), fdw_validator(text[], oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER eventstore HANDLER fdw_handler VALIDATOR fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER eventstore IS 'the relation eventstore.events';

CREATE SERVER eventstore FOREIGN DATA WRAPPER eventstore;
COMMENT ON SERVER eventstore IS 'the store of this database, for the relation eventstore.events only';

CREATE FOREIGN TABLE events (
    position bigint,
    tenant_id text,
    entity_id text NOT NULL,
    version bigint,
    event_type text NOT NULL,
    event_id uuid,
    payload jsonb DEFAULT '{}',
    metadata jsonb,
    tags text[],
    occurred_at timestamptz,
    recorded_at timestamptz
) SERVER eventstore;
COMMENT ON FOREIGN TABLE events IS 'all events; INSERT and SELECT on it are the rights to write and read';
COMMENT ON COLUMN events.position IS 'place in the log';
COMMENT ON COLUMN events.tenant_id IS 'tenant; ''default'' when not given';
COMMENT ON COLUMN events.entity_id IS 'what the event is about';
COMMENT ON COLUMN events.version IS 'place among the entity''s events, from 1';
COMMENT ON COLUMN events.event_type IS 'what happened';
COMMENT ON COLUMN events.event_id IS 'the caller''s id, or a UUIDv7';
COMMENT ON COLUMN events.payload IS 'the event''s data';
COMMENT ON COLUMN events.metadata IS 'data about the event';
COMMENT ON COLUMN events.tags IS 'the event''s tags';
COMMENT ON COLUMN events.occurred_at IS 'when it happened, by the caller';
COMMENT ON COLUMN events.recorded_at IS 'when it was recorded, by the server';
REVOKE ALL ON events FROM PUBLIC;

-- A row of the relation is an event as functions return it.
CREATE FUNCTION recorded_event(events) RETURNS recorded_event
    AS 'MODULE_PATHNAME', 'es_recorded_event_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION recorded_event(events) IS 'a row of the relation as the type that functions return and take';
CREATE CAST (events AS recorded_event) WITH FUNCTION recorded_event(events) AS IMPLICIT;
COMMENT ON CAST (events AS recorded_event) IS 'a row of the relation as the type that functions return and take';
