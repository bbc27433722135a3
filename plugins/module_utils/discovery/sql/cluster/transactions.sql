SELECT (SELECT count(*) FROM pg_prepared_xacts) AS prepared,
    (SELECT extract(epoch FROM max(now() - xact_start))::bigint FROM pg_stat_activity
        WHERE datname IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend') AS oldest_seconds
