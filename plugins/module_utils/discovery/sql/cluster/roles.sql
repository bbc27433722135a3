SELECT rolname AS name, rolsuper AS superuser, rolcreatedb AS createdb, rolreplication AS replication, rolcanlogin AS login,
    CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'md5%' THEN 'md5'
        WHEN rolpassword LIKE 'SCRAM%' THEN 'scram' ELSE 'unknown' END AS password
FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY rolname
