# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, times and the host's own state."""

from __future__ import annotations

import re
from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, named

AREA = Area("Host, sizes and times")
GB = 1000**3
COPY_BYTES_A_SECOND = 20 * 1024**2  # as wave_plan estimates by default
LONG_COPY_HOURS = 8
SLOW_SECONDS = 60
OS_ENDS = {  # of free support, long term included
    r"Debian GNU/Linux 8\b": date(2020, 6, 30), r"Debian GNU/Linux 9\b": date(2022, 6, 30),
    r"Debian GNU/Linux 10\b": date(2024, 6, 30), r"Debian GNU/Linux 11\b": date(2026, 8, 31),
    r"Debian GNU/Linux 12\b": date(2028, 6, 30), r"Ubuntu 14\.04": date(2019, 4, 30),
    r"Ubuntu 16\.04": date(2021, 4, 30), r"Ubuntu 18\.04": date(2023, 5, 31), r"Ubuntu 20\.04": date(2025, 5, 31),
    r"Ubuntu 22\.04": date(2027, 4, 30), r"Ubuntu 24\.04": date(2029, 4, 30),
    r"CentOS (Linux )?6\b": date(2020, 11, 30), r"CentOS (Linux )?7\b": date(2024, 6, 30),
    r"CentOS (Linux )?8\b": date(2021, 12, 31),
}  # fmt: skip


def total_bytes(its: Subject) -> int:
    return int(its.database["bytes"]) + int(its.database["filestore"]["bytes"])


def gigabytes(value: float) -> str:
    return f"{value / GB:.1f} GB"


@AREA.rule(
    "medium", "The operating system gets no security fixes any more",
    "Close every port of it that the move does not need, and do not put the move off.",
)  # fmt: skip
def system_end_of_life(its: Subject) -> str:
    name = its.host["system"]["os"]
    end = next((end for form, end in OS_ENDS.items() if re.match(form, name)), None)
    return f"The support of {name} ended on {end}." if end and end < its.today else ""


@AREA.rule(
    "low", "The host's clock is not in UTC",
    "Crons and logs of the estate speak UTC: move the times of schedules that are declared anew.",
)  # fmt: skip
def timezone(its: Subject) -> str:
    zone = its.host["system"]["timezone"]
    return f"Its time zone is {zone}." if zone not in ("Etc/UTC", "UTC", "Etc/UCT", "Universal", "") else ""


@AREA.rule(
    "medium", "The host is busy",
    "Seed outside office hours with few jobs (wave_move_jobs): a copy makes its users wait longer.",
)  # fmt: skip
def host_load(its: Subject) -> str:
    load, cpus = its.host["performance"]["load"], its.host["system"]["cpus"] or 1
    least = min(load[1:], default=0)  # over five and fifteen minutes: one moment says nothing
    return f"A load of {least} with {cpus} CPUs." if least > 1.5 * cpus else ""


@AREA.rule(
    "medium", "A disk of the host is almost full", "Make room: whatever grows while members are followed ends there.",
)  # fmt: skip
def full_disks(its: Subject) -> str:
    found = [f"{each['mount']} ({each['free_mb']} of {each['size_mb']} MB free)" for each in its.host["system"]["disks"]
             if each["size_mb"] >= 1024 and each["free_mb"] * 20 < each["size_mb"]]  # fmt: skip
    return named(found, "Disks: {}.")


@AREA.rule(
    "medium", "The host has little memory",
    "A seed's sorts and copies compete with Odoo: seed with one job (wave_move_jobs), outside office hours.",
)  # fmt: skip
def little_memory(its: Subject) -> str:
    memory = its.host["system"]["memory_mb"]
    return f"{memory} MB." if memory is not None and memory < 2048 else ""


@AREA.rule(
    "low", "The host was started a short while ago", "Look why, before a copy of hours relies on it.",
)  # fmt: skip
def just_started(its: Subject) -> str:
    days = its.host["system"]["uptime_days"]
    return f"It has been up for {days} days." if days is not None and days < 0.1 else ""


@AREA.rule(
    "high", "The tier's storage is smaller than what is to move",
    "Give the tenant a larger tier or limits.storage_gb, or clean the database up before it moves.",
)  # fmt: skip
def storage_quota(its: Subject) -> str:
    quota, size = its.tenant.limits.storage_gb, total_bytes(its)
    if quota is None or size <= quota * GB:
        return ""
    return f"Database and filestore have {gigabytes(size)}, the tenant may have {quota} GB."


@AREA.rule(
    "low", "The tier's storage is almost used up on the first day", "Plan a larger tier, or limits.storage_gb.",
)  # fmt: skip
def storage_almost(its: Subject) -> str:
    quota, size = its.tenant.limits.storage_gb, total_bytes(its)
    if quota is None or not 0.8 * quota * GB < size <= quota * GB:
        return ""
    return f"Database and filestore have {gigabytes(size)} of {quota} GB."


@AREA.rule(
    "medium", "The copy takes long", "Seed days before the cutover, and see that the source's disk can hold the log.",
)  # fmt: skip
def long_copy(its: Subject) -> str:
    hours = total_bytes(its) / COPY_BYTES_A_SECOND / 3600
    if hours <= LONG_COPY_HOURS:
        return ""
    return f"{gigabytes(total_bytes(its))}: about {hours:.0f} hours at {COPY_BYTES_A_SECOND // 1024**2} MB a second."


@AREA.rule(
    "low", "Single tables are very large",
    "Each is copied by one job and compared at the cutover: rehearse, and mind the budget that comes of it.",
)  # fmt: skip
def large_tables(its: Subject) -> str:
    found = [f"{each['name']} ({gigabytes(each['bytes'])})" for each in its.database["largest_tables"]
             if each["bytes"] > 20 * GB]  # fmt: skip
    return named(found, "Tables: {}.")


@AREA.rule(
    "low", "Tables hold more dead rows than live ones",
    "Autovacuum does not keep up; VACUUM them, else the copy reads what nobody needs.",
)  # fmt: skip
def dead_rows(its: Subject) -> str:
    found = [f"{each['name']} ({each['dead']} dead, {each['live']} live)" for each in its.database["largest_tables"]
             if each["dead"] > max(each["live"], 10_000)]  # fmt: skip
    return named(found, "Tables: {}.")


@AREA.rule(
    "medium", "Requests are slower than the tenant's statements may be",
    "Its statements end at limits.statement_timeout_seconds: find what makes them slow, or declare a longer time.",
)  # fmt: skip
def slow_requests(its: Subject) -> str:
    most = its.tenant.limits.statement_timeout_seconds or SLOW_SECONDS
    found = [f"{each['path']} ({each['most_seconds']} s)" for each in its.host["performance"]["slowest"]
             if each["database"] == its.database["name"] and each["most_seconds"] > most]  # fmt: skip
    return named(found, f"Longer than {most} s: {{}}.")


@AREA.rule(
    "low", "Odoo logs errors of this database", "Look at them now; after the move they would be taken for its fault.",
)  # fmt: skip
def logged_errors(its: Subject) -> str:
    count = its.host["performance"]["errors"].get(its.database["name"], 0)
    return f"{count} errors in the logs that were read." if count else ""


@AREA.rule(
    "low", "Databases of the host are no members", "Decide what becomes of them before the host is switched off.",
)  # fmt: skip
def databases_left(its: Subject) -> str:
    return named(its.left, "Nobody moves {}.")
