-- needs: res_users_log
SELECT count(DISTINCT create_uid) FILTER (WHERE create_date > now() AT TIME ZONE 'UTC' - interval '30 days') AS active_30_days,
    count(DISTINCT create_uid) FILTER (WHERE create_date > now() AT TIME ZONE 'UTC' - interval '90 days') AS active_90_days,
    max(create_date) AS last_login
FROM res_users_log
