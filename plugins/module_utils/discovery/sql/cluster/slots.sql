SELECT slot_name AS name, slot_type AS type, database, active FROM pg_replication_slots ORDER BY slot_name
