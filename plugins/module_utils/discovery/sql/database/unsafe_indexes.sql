SELECT i.indexrelid::regclass::text AS name, p.oid::regprocedure::text AS function
FROM pg_index i
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_proc'::regclass
    JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_language l ON l.oid = p.prolang
WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND p.pronamespace <> 'pg_catalog'::regnamespace
    AND l.lanname NOT IN ('c', 'internal')
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%')
ORDER BY 1, 2
