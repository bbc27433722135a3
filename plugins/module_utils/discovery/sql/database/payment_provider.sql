-- needs: payment_provider
SELECT CASE jsonb_typeof(to_jsonb(p) -> 'name') WHEN 'object' THEN coalesce(to_jsonb(p) -> 'name' ->> 'en_US', code)
    ELSE to_jsonb(p) ->> 'name' END AS name, code AS provider, state
FROM payment_provider p WHERE state <> 'disabled' ORDER BY id
