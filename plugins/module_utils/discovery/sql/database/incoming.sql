-- needs: fetchmail_server
SELECT name, to_jsonb(f) ->> 'server' AS host, to_jsonb(f) ->> 'port' AS port, to_jsonb(f) ->> 'server_type' AS type,
    to_jsonb(f) ->> 'user' AS "user", active, state,
    to_jsonb(f) ->> 'is_ssl' AS ssl
FROM fetchmail_server f ORDER BY id
