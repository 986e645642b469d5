-- Constructors, accessors and operators of the type event.

CREATE FUNCTION make_event(
    entity_id text,
    event_type text,
    payload jsonb DEFAULT '{}',
    metadata jsonb DEFAULT NULL,
    event_id uuid DEFAULT NULL,
    tags text[] DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    expected_version bigint DEFAULT NULL
) RETURNS event
    AS 'MODULE_PATHNAME', 'es_make_event' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION make_event(text, text, jsonb, jsonb, uuid, text[], text, timestamptz, bigint)
    IS 'makes an event; checks the limits';

CREATE FUNCTION make_event_checked(
    entity_id text,
    event_type text,
    payload jsonb DEFAULT '{}',
    metadata jsonb DEFAULT NULL,
    event_id uuid DEFAULT NULL,
    tags text[] DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    expected_version bigint DEFAULT NULL
) RETURNS event
    AS 'MODULE_PATHNAME', 'es_make_event_checked' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION make_event_checked(text, text, jsonb, jsonb, uuid, text[], text, timestamptz, bigint)
    IS 'makes an event; checks the limits and the naming rules';

CREATE FUNCTION entity_id(event) RETURNS text
    AS 'MODULE_PATHNAME', 'es_event_entity_id' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION entity_id(event) IS 'the entity that the event is of';

CREATE FUNCTION event_type(event) RETURNS text
    AS 'MODULE_PATHNAME', 'es_event_event_type' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_type(event) IS 'what happened';

CREATE FUNCTION payload(event) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'es_event_payload' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payload(event) IS 'the payload';

CREATE FUNCTION metadata(event) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'es_event_metadata' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION metadata(event) IS 'the metadata, null when not given';

CREATE FUNCTION event_id(event) RETURNS uuid
    AS 'MODULE_PATHNAME', 'es_event_event_id' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_id(event) IS 'the event''s id, null when not given';

CREATE FUNCTION tags(event) RETURNS text[]
    AS 'MODULE_PATHNAME', 'es_event_tags' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tags(event) IS 'the tags, null when not given';

CREATE FUNCTION tenant_id(event) RETURNS text
    AS 'MODULE_PATHNAME', 'es_event_tenant_id' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant_id(event) IS 'the tenant';

CREATE FUNCTION occurred_at(event) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'es_event_occurred_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION occurred_at(event) IS 'when it happened, null when not given';

CREATE FUNCTION expected_version(event) RETURNS bigint
    AS 'MODULE_PATHNAME', 'es_event_expected_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION expected_version(event) IS 'the version the entity must have, null when not given';

CREATE FUNCTION event_get_field(event, text) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'es_event_get_field' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_get_field(event, text) IS 'implementation of -> operator';

CREATE FUNCTION event_get_field_text(event, text) RETURNS text
    AS 'MODULE_PATHNAME', 'es_event_get_field_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_get_field_text(event, text) IS 'implementation of ->> operator';

CREATE FUNCTION event_get_element(event, integer) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'es_event_get_element' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_get_element(event, integer) IS 'implementation of -> operator';

CREATE FUNCTION event_get_element_text(event, integer) RETURNS text
    AS 'MODULE_PATHNAME', 'es_event_get_element_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_get_element_text(event, integer) IS 'implementation of ->> operator';

CREATE OPERATOR -> (LEFTARG = event, RIGHTARG = integer, FUNCTION = event_get_element);
COMMENT ON OPERATOR -> (event, integer) IS 'element of the payload';

CREATE OPERATOR ->> (LEFTARG = event, RIGHTARG = integer, FUNCTION = event_get_element_text);
COMMENT ON OPERATOR ->> (event, integer) IS 'element of the payload as text';

CREATE OPERATOR -> (LEFTARG = event, RIGHTARG = text, FUNCTION = event_get_field);
COMMENT ON OPERATOR -> (event, text) IS 'field of the payload';

CREATE OPERATOR ->> (LEFTARG = event, RIGHTARG = text, FUNCTION = event_get_field_text);
COMMENT ON OPERATOR ->> (event, text) IS 'field of the payload as text';

CREATE FUNCTION event_eq(event, event) RETURNS boolean
    AS 'MODULE_PATHNAME', 'es_event_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_eq(event, event) IS 'implementation of = operator';

CREATE FUNCTION event_ne(event, event) RETURNS boolean
    AS 'MODULE_PATHNAME', 'es_event_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_ne(event, event) IS 'implementation of <> operator';

CREATE FUNCTION event_hash(event) RETURNS integer
    AS 'MODULE_PATHNAME', 'es_event_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_hash(event) IS 'hash';

CREATE FUNCTION event_hash_extended(event, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'es_event_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_hash_extended(event, bigint) IS 'hash with a seed';

CREATE OPERATOR = (
    LEFTARG = event, RIGHTARG = event, FUNCTION = event_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (event, event) IS 'same bytes';

CREATE OPERATOR <> (
    LEFTARG = event, RIGHTARG = event, FUNCTION = event_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (event, event) IS 'different bytes';

CREATE OPERATOR CLASS event_ops DEFAULT FOR TYPE event USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 event_hash(event),
    FUNCTION 2 event_hash_extended(event, bigint);
COMMENT ON OPERATOR CLASS event_ops USING hash IS 'events by their bytes';
COMMENT ON OPERATOR FAMILY event_ops USING hash IS 'events by their bytes';
