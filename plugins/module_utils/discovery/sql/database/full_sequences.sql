-- What ends first: the sequence itself, or the column that it fills. Only those that have used a tenth.
SELECT * FROM (
    SELECT s.seqrelid::regclass::text AS name, pg_sequence_last_value(s.seqrelid) AS last,
        least(s.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 END) AS most
    FROM pg_sequence s LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE s.seqincrement > 0 AND NOT s.seqcycle) sequences
WHERE last > most / 10
ORDER BY 1
