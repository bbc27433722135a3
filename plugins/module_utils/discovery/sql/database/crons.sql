-- needs: ir_cron ir_model_data
SELECT c.id, coalesce(to_jsonb(c) ->> 'cron_name', to_jsonb(c) ->> 'name', '') AS name, c.active,
    c.interval_number AS every, c.interval_type AS unit, c.nextcall,
    (SELECT string_agg(DISTINCT d.module, ',') FROM ir_model_data d WHERE d.model = 'ir.cron' AND d.res_id = c.id) AS module
FROM ir_cron c ORDER BY c.id
