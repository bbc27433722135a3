SELECT CASE c.relkind WHEN 'm' THEN 'matview' WHEN 'f' THEN 'foreign_table' WHEN 'p' THEN 'partitioned' ELSE 'unlogged' END AS kind,
    n.nspname || '.' || c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (c.relkind IN ('m', 'f', 'p') OR (c.relkind = 'r' AND c.relpersistence = 'u'))
UNION ALL
SELECT 'trigger', t.tgrelid::regclass || ': ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'event_trigger', evtname FROM pg_event_trigger
UNION ALL
SELECT 'invalid_index', indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
UNION ALL
SELECT 'language', lanname FROM pg_language WHERE lanname NOT IN ('internal', 'c', 'sql', 'plpgsql')
UNION ALL
SELECT 'rule', ev_class::regclass || ': ' || rulename FROM pg_rewrite JOIN pg_class c ON c.oid = ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT 'row_security', oid::regclass::text FROM pg_class WHERE relrowsecurity
UNION ALL
SELECT 'inherited', i.inhrelid::regclass || ' from ' || i.inhparent::regclass FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relkind = 'r' AND p.relname <> 'ir_actions' AND to_jsonb(c) ->> 'relispartition' IS DISTINCT FROM 'true'
UNION ALL
SELECT 'not_validated', conrelid::regclass || ': ' || conname FROM pg_constraint WHERE NOT convalidated
ORDER BY 1, 2
