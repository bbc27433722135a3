SELECT line_number AS line, type, database, user_name AS roles, address, netmask, auth_method AS method, error
FROM pg_hba_file_rules ORDER BY line_number
