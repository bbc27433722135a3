-- needs: res_users_apikeys
SELECT count(*) AS number FROM res_users_apikeys
