-- needs: ir_mail_server
SELECT name, smtp_host AS host, smtp_port AS port, smtp_encryption AS encryption, smtp_user AS "user", active
FROM ir_mail_server ORDER BY id
