SELECT datname AS name, numbackends AS connections, xact_commit AS commits, xact_rollback AS rollbacks, blks_read, blks_hit,
    tup_inserted + tup_updated + tup_deleted AS rows_written, temp_bytes, deadlocks, stats_reset
FROM pg_stat_database WHERE datname IS NOT NULL ORDER BY datname
