SELECT d.datname AS database, r.rolname AS role, regexp_replace(x.setting, '(pass(word|wd)?|secret|token|key)(\s*=\s*)\S+', '\1\3***', 'gi') AS setting
FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole,
    unnest(s.setconfig) x (setting)
ORDER BY 1, 2, 3
