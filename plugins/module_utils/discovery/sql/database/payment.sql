-- needs: payment_acquirer
SELECT name, provider, state FROM payment_acquirer WHERE state <> 'disabled' ORDER BY id
