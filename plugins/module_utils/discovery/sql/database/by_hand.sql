-- needs: ir_model ir_model_fields ir_ui_view ir_act_server ir_model_data
SELECT (SELECT count(*) FROM ir_model WHERE state = 'manual') AS models,
    (SELECT count(*) FROM ir_model_fields WHERE state = 'manual') AS fields,
    (SELECT count(*) FROM ir_ui_view v WHERE (to_jsonb(v) ->> 'arch_updated')::boolean) AS views,
    (SELECT count(*) FROM ir_act_server s WHERE s.state = 'code' AND NOT EXISTS
        (SELECT FROM ir_model_data d WHERE d.model = 'ir.actions.server' AND d.res_id = s.id)) AS actions
