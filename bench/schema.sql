-- The rival: the table that one would write by hand to keep events in PostgreSQL. The unique constraint is what keeps
-- the versions of an entity honest, and its index is what reads an entity back.
CREATE TABLE bench_plain (
    position    bigserial PRIMARY KEY,
    event_id    uuid NOT NULL,
    entity_id   text NOT NULL,
    version     bigint NOT NULL,
    event_type  text NOT NULL,
    payload     jsonb NOT NULL,
    metadata    jsonb,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (entity_id, version)
);
