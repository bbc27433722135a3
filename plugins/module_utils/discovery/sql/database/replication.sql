SELECT 'publication' AS kind, pubname AS name FROM pg_publication WHERE pubname !~ '^erpops_'
UNION ALL
SELECT 'subscription', subname FROM pg_subscription
    WHERE subname !~ '^erpops_' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2
