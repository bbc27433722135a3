# Rows as people leave them, made through Odoo itself.
env = globals()["env"]  # Odoo's shell gives it

env.ref("base.main_company").name = "Cedar"
env["ir.config_parameter"].set_param("web.base.url", "http://cedar.legacy.example")
project = env["project.project"].create({"name": "Orchard", "allow_timesheets": True})
task = env["project.task"].create({"name": "Planting", "project_id": project.id})
employee = env["hr.employee"].search([], limit=1)
for day in range(1, 15):
    env["account.analytic.line"].create({
        "name": "Planting", "project_id": project.id, "task_id": task.id, "unit_amount": 6,
        "employee_id": employee.id, "date": "2026-03-%02d" % day,
    })
env.cr.commit()
