-- needs: res_users ir_model_data
SELECT count(*) FILTER (WHERE active AND NOT coalesce(share, false)) AS internal, count(*) FILTER (WHERE active AND share) AS portal,
    count(*) FILTER (WHERE NOT active) AS inactive,
    (SELECT u.login FROM res_users u JOIN ir_model_data d ON d.model = 'res.users' AND d.res_id = u.id
        WHERE d.module = 'base' AND d.name = 'user_admin' LIMIT 1) AS administrator
FROM res_users
