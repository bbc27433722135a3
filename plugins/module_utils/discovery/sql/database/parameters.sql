-- needs: ir_config_parameter
SELECT key, CASE WHEN key ~* '(secret|passw|token|key|credential|pwd)' THEN '***'
    WHEN key ~ '(base\.url|report\.url)' THEN regexp_replace(split_part(value, '?', 1), '(://[^:/@\s]*):[^/@\s]*@', '\1:***@', 'g')
    -- A path may be a secret, as those of webhooks are.
    WHEN value ~ '^[a-z][a-z0-9+.-]*://'
        THEN regexp_replace(substring(value FROM '^[a-z][a-z0-9+.-]*://[^/?#\s]*'), '(://[^:/@\s]*):[^/@\s]*@', '\1:***@', 'g')
    ELSE value END AS value
FROM ir_config_parameter
WHERE key ~ '(base\.url|report\.url|catchall|bounce|default\.from|uuid|endpoint|freeze|location|neutral|expiration_date)'
    OR value ~ '^[a-z][a-z0-9+.-]*://'
ORDER BY key
