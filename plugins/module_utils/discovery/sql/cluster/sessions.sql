SELECT datname AS database, usename AS role, application_name AS application, host(client_addr) AS address, count(*) AS sessions
FROM pg_stat_activity
WHERE datname IS NOT NULL AND pid <> pg_backend_pid() AND application_name <> 'erpops-discovery'
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
