-- needs: mail_mail
SELECT count(*) FILTER (WHERE state = 'outgoing') AS queued, count(*) FILTER (WHERE state = 'exception') AS failed FROM mail_mail
