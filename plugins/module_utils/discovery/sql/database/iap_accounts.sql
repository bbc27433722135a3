-- needs: iap_account
SELECT count(*) AS number FROM iap_account
