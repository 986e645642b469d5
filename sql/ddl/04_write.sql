-- Writing.

CREATE FUNCTION ingest_batch(
    events text,
    checked boolean DEFAULT false,
    OUT first_position bigint,
    OUT last_position bigint,
    OUT ingested bigint,
    OUT duplicates bigint
) AS 'MODULE_PATHNAME', 'es_ingest_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ingest_batch(text, boolean)
    IS 'writes events from newline-delimited JSON objects or one JSON array of them';

CREATE FUNCTION ingest_batch(
    events json,
    checked boolean DEFAULT false,
    OUT first_position bigint,
    OUT last_position bigint,
    OUT ingested bigint,
    OUT duplicates bigint
) AS 'MODULE_PATHNAME', 'es_ingest_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ingest_batch(json, boolean) IS 'writes events from a JSON object or array';

CREATE FUNCTION ingest_batch(
    events jsonb,
    checked boolean DEFAULT false,
    OUT first_position bigint,
    OUT last_position bigint,
    OUT ingested bigint,
    OUT duplicates bigint
) AS 'MODULE_PATHNAME', 'es_ingest_jsonb' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ingest_batch(jsonb, boolean) IS 'writes events from a JSON object or array';

CREATE FUNCTION ingest_batch(
    events event[],
    checked boolean DEFAULT false,
    OUT first_position bigint,
    OUT last_position bigint,
    OUT ingested bigint,
    OUT duplicates bigint
) AS 'MODULE_PATHNAME', 'es_ingest_events' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ingest_batch(event[], boolean) IS 'writes events from an array of them';

CREATE FUNCTION ingest_batch(
    entity_ids text[],
    event_types text[],
    payloads text[],
    metadata text[] DEFAULT NULL,
    event_ids uuid[] DEFAULT NULL,
    expected_versions bigint[] DEFAULT NULL,
    tenant_ids text[] DEFAULT NULL,
    occurred_at timestamptz[] DEFAULT NULL,
    tags text[] DEFAULT NULL,
    checked boolean DEFAULT false,
    OUT first_position bigint,
    OUT last_position bigint,
    OUT ingested bigint,
    OUT duplicates bigint
) AS 'MODULE_PATHNAME', 'es_ingest_columns' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ingest_batch(text[], text[], text[], text[], uuid[], bigint[], text[], timestamptz[], text[], boolean)
    IS 'writes events from arrays, one for each field';

CREATE FUNCTION append(
    entity_id text,
    event_type text,
    payload jsonb DEFAULT '{}',
    metadata jsonb DEFAULT NULL,
    expected_version bigint DEFAULT NULL,
    event_id uuid DEFAULT NULL,
    tags text[] DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    OUT "position" bigint,
    OUT version bigint
) AS 'MODULE_PATHNAME', 'es_append' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION append(text, text, jsonb, jsonb, bigint, uuid, text[], text, timestamptz) IS 'writes one event';

-- Without a default: a call without a payload means the one above.
CREATE FUNCTION append(
    entity_id text,
    event_type text,
    payload json,
    metadata jsonb DEFAULT NULL,
    expected_version bigint DEFAULT NULL,
    event_id uuid DEFAULT NULL,
    tags text[] DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    OUT "position" bigint,
    OUT version bigint
) AS 'MODULE_PATHNAME', 'es_append_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION append(text, text, json, jsonb, bigint, uuid, text[], text, timestamptz) IS 'writes one event, whose payload is stored as it is given';

CREATE FUNCTION append(
    entity_id text,
    event_type text,
    payload text,
    metadata jsonb DEFAULT NULL,
    expected_version bigint DEFAULT NULL,
    event_id uuid DEFAULT NULL,
    tags text[] DEFAULT NULL,
    tenant_id text DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL,
    OUT "position" bigint,
    OUT version bigint
) AS 'MODULE_PATHNAME', 'es_append_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION append(text, text, text, jsonb, bigint, uuid, text[], text, timestamptz) IS 'writes one event, whose payload is JSON text that is stored as it is given';
