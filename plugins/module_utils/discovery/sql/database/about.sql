SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, pg_database_size(d.oid) AS bytes,
    pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS "collate", d.datctype AS ctype,
    d.datconnlimit AS connection_limit, age(d.datfrozenxid) AS xid_age, shobj_description(d.oid, 'pg_database') AS comment
FROM pg_database d WHERE d.datname = current_database()
