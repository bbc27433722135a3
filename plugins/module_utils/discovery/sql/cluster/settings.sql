SELECT name, regexp_replace(setting, '(pass(word|wd)?|secret|token|key)(\s*=\s*)\S+', '\1\3***', 'gi') AS setting, unit, source
FROM pg_settings
WHERE source NOT IN ('default', 'override')
    OR name IN ('wal_level', 'max_wal_senders', 'max_replication_slots', 'max_worker_processes', 'max_connections',
        'shared_buffers', 'password_encryption', 'ssl', 'archive_mode', 'max_slot_wal_keep_size', 'hba_file', 'config_file')
ORDER BY name
