SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::numeric AS written,
    extract(epoch FROM now() - pg_postmaster_start_time())::bigint AS seconds_up
WHERE NOT pg_is_in_recovery()
