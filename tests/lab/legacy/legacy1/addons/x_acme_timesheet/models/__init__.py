from . import timesheet
