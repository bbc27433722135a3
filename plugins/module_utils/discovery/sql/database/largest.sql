SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes,
    greatest(c.reltuples, 0)::bigint AS rows, coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 2 DESC, 1 LIMIT 15
