-- needs: res_company_ldap
SELECT ldap_server AS host, ldap_server_port AS port FROM res_company_ldap ORDER BY id
