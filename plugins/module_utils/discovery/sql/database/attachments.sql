-- needs: ir_attachment
SELECT CASE WHEN store_fname IS NOT NULL THEN 'filestore' WHEN db_datas IS NOT NULL THEN 'database'
    WHEN url IS NOT NULL THEN 'url' ELSE 'empty' END AS location, count(*) AS number, coalesce(sum(file_size), 0) AS bytes
FROM ir_attachment GROUP BY 1 ORDER BY 1
