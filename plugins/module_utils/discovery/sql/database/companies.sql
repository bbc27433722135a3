-- needs: res_company
SELECT count(*) AS number, min(name) AS first FROM res_company
