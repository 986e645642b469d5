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
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'eventstore needs a database with encoding UTF8, not %', pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported', HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0 makes one.';
    END IF;
    IF pg_catalog.current_setting('eventstore.index_memory', true) IS NULL THEN
        RAISE WARNING 'eventstore is not loaded via "shared_preload_libraries", and cannot be used before it is'
            USING HINT = 'Add eventstore to "shared_preload_libraries" in postgresql.conf and restart the server.';
    END IF;
END
$$;
