-- needs: auth_oauth_provider
SELECT name, auth_endpoint AS endpoint FROM auth_oauth_provider WHERE enabled ORDER BY id
