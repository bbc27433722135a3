SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
    pg_is_in_recovery() AS standby, current_setting('wal_level') AS wal_level,
    current_setting('max_replication_slots')::int AS max_replication_slots,
    current_setting('max_wal_senders')::int AS max_wal_senders, pg_postmaster_start_time() AS started
