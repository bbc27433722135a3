SELECT a.grantee::regrole::text AS role, n.nspname AS schema, count(DISTINCT c.oid) AS relations,
    string_agg(DISTINCT a.privilege_type, ',') AS privileges
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND a.grantee <> 0 AND a.grantee <> c.relowner
GROUP BY 1, 2 ORDER BY 1, 2
