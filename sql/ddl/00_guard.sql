\echo Use "CREATE EXTENSION eventstore" to load this file. \quit

-- Whoever owns the schema could put relations of their own in the place of the
-- extension's, which runs with other people's rights.
DO $$
BEGIN
    IF (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'eventstore')
        <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'schema "eventstore" exists and belongs to somebody else'
            USING ERRCODE = 'duplicate_schema';
    END IF;
END
$$;
