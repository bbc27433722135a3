# Rows as people leave them, made through Odoo itself.
import base64

env = globals()["env"]  # Odoo's shell gives it

company = env.ref("base.main_company")
company.name = "ACME SA"
env["ir.config_parameter"].set_param("web.base.url", "https://erp.acme.example")
env["ir.config_parameter"].set_param("web.base.url.freeze", "True")
env["ir.config_parameter"].set_param("acme.gateway.token", "gateway-secret-31337")
env["ir.config_parameter"].set_param("acme.gateway.endpoint", "https://user:url-secret-1@gateway.acme.example/v2")
# The administrator has a name of his own.
env.ref("base.user_admin").login = "marc@acme.example"
project = env["project.project"].create({"name": 'Tower "B"; phase | 2', "allow_timesheets": True})
task = env["project.task"].create({"name": "Foundations", "project_id": project.id})
employee = env["hr.employee"].search([], limit=1)
for day in range(1, 29):
    env["account.analytic.line"].create({
        "name": "Concrete", "project_id": project.id, "task_id": task.id, "unit_amount": 7.5,
        "employee_id": employee.id, "date": "2026-02-%02d" % day, "x_cost_code": "C%d" % day,
    })
for number in range(12):
    env["ir.attachment"].create({
        "name": "plan-%d.bin" % number, "res_model": "project.task", "res_id": task.id,
        "datas": base64.b64encode(("plan %d " % number).encode() * 9000),
    })
server = env["ir.mail_server"].create({
    "name": "Provider", "smtp_host": "smtp.provider.example", "smtp_port": 587, "smtp_encryption": "starttls",
    "smtp_user": "acme", "smtp_pass": "smtp-secret-42",
})
env["mail.mail"].create({
    "subject": "Your quotation", "email_to": "customer@example.com", "body_html": "<p>As agreed.</p>",
    "state": "outgoing", "mail_server_id": server.id, "scheduled_date": "2099-01-01 00:00:00",
})
env["fetchmail.server"].create({
    "name": "Inbox", "server_type": "imap", "server": "imap.provider.example", "port": 993, "is_ssl": True,
    "user": "jobs@acme.example", "password": "imap-secret-7", "state": "draft",
})
env.ref("base.view_partner_form").arch_updated = True
env.cr.commit()
