-- needs: website
SELECT name, to_jsonb(w) ->> 'domain' AS domain FROM website w ORDER BY id
