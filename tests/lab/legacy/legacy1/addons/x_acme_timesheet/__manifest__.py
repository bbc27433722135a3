# -*- coding: utf-8 -*-
{
    "name": "ACME timesheets",
    "version": "14.0.2.1.0",
    "author": "ACME SA",
    "license": "Other proprietary",
    "depends": ["hr_timesheet", "sale_timesheet"],
    "external_dependencies": {"python": ["requests"]},
    "data": ["views/timesheet.xml"],
    "installable": True,
}
