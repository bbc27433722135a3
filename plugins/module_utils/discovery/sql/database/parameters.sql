-- needs: ir_config_parameter
SELECT key, CASE WHEN key ~* '(secret|passw|token|key|credential|pwd)' THEN '***'
    ELSE regexp_replace(value, '(://[^:/@\s]*):[^/@\s]*@', '\1:***@', 'g') END AS value
FROM ir_config_parameter
WHERE key ~ '(base\.url|report\.url|catchall|bounce|default\.from|uuid|endpoint|freeze|location|neutral)'
    OR value ~ '^[a-z][a-z0-9+.-]*://'
ORDER BY key
