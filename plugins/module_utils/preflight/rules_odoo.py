# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odoo on the source: its version and its configuration, against what the estate gives its tenants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.installation import remote_servers
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, given, named, number

AREA = Area("Odoo's installation")
LIMIT_TIME_REAL = 600  # seconds that the estate's units let a request take
MODULES_OF_ODOO = ("base", "web", "rpc")
FIRST_YEAR, SUPPORTED_YEARS = 2006, 3  # Odoo 12 came in autumn 2018, and one comes each autumn


def major(its: Subject) -> int | None:
    return number(str(its.database["odoo_version"] or "").partition(".")[0])


def on(value: str | None) -> bool:
    return (value or "").strip().lower() in ("true", "1", "yes", "on")


def beyond(its: Subject, option: str, most: int | None) -> str:
    """Values of an option that are larger than what the target allows."""
    found = [value for value in its.options(option) if most is not None and (number(value) or 0) > most]
    return named(found, f"{option} is {{}} there and {most} here.")


@AREA.rule(
    "high", "The instance has another major version of Odoo",
    "Moving is no upgrade: declare the tenant for an instance of its own version, and upgrade it afterwards.",
)  # fmt: skip
def other_major(its: Subject) -> str:
    found, instance = major(its), its.tenant.instance
    if found is None or found == instance.major:
        return ""
    return f"The database is of Odoo {its.database['odoo_version']}, instance {instance.name} of {instance.version}."


@AREA.rule(
    "low", "Odoo gets no fixes any more", "Plan the upgrade for after the move; the estate keeps the version running.",
)  # fmt: skip
def odoo_end_of_life(its: Subject) -> str:
    found = major(its)
    if found is None or its.today <= date(FIRST_YEAR + found + SUPPORTED_YEARS, 11, 30):
        return ""
    return f"Odoo {its.database['odoo_version']} came in {FIRST_YEAR + found} and was supported for three years."


@AREA.rule(
    "medium", "Files of Odoo itself were changed",
    "Make a module of each change, or show that it is not needed any more.", blocker=True,
)  # fmt: skip
def core_patches(its: Subject) -> str:
    patched = [path for each in its.host["odoo"] for path in each["patched_files"]] if its.database["modules"] else []
    return named(patched, "Files of Odoo itself were changed: {}.")


def elsewhere(its: Subject) -> tuple[Sequence[str], bool]:
    """PostgreSQL of other hosts that a configuration names, and whether another one names this host's."""
    servers = its.host["remote_servers"] if its.database["modules"] else ()
    own = (its.host.get("system") or {}).get("names") or ()
    return servers, any(not remote_servers([each], own) for each in its.host["odoo"] if each.get("config"))


@AREA.rule(
    "high", "Odoo's database is on another host",
    "What is here may be an old copy. Put that host into group legacy and declare the member there; a move takes"
    " database and files from one host, so mount the filestore there, for writing too (filestores of the member).",
    blocker=True,
)  # fmt: skip
def database_elsewhere(its: Subject) -> str:
    servers, here = elsewhere(its)
    return "" if here else named(servers, "Every configuration names PostgreSQL on {}.")


@AREA.rule(
    "medium", "A configuration names PostgreSQL on another host",
    "See that this database is not an old copy of one there; else add that host to group legacy, and declare it there.",
    blocker=True,
)  # fmt: skip
def one_database_elsewhere(its: Subject) -> str:
    servers, here = elsewhere(its)
    return named(servers, "A configuration names PostgreSQL on {}, and another does not.") if here else ""


@AREA.rule(
    "medium", "The host's code is of another version than the database",
    "The database was left behind by an upgrade, or is not served here: open it in Odoo before it moves.",
)  # fmt: skip
def code_of_other_version(its: Subject) -> str:
    found = sorted({each["version"] for each in its.host["odoo"]} - {"unknown"})
    wanted = its.database["odoo_version"]
    return f"Odoo {', '.join(found)} there, the database is of {wanted}." if found and wanted not in found else ""


@AREA.rule(
    "low", "Odoo's configuration was found, but nothing runs with it",
    "See that its users are served by this host, and not by a newer one.",
)  # fmt: skip
def odoo_does_not_run(its: Subject) -> str:
    idle = [each["config"] for each in its.host["odoo"] if not each["processes"]]
    return named(idle, "No process uses {}.") if len(idle) == len(its.host["odoo"]) else ""


@AREA.rule(
    "low", "wkhtmltopdf is not the patched one",
    "Headers and footers of reports change with the image's: compare some PDFs in the rehearsal.",
)  # fmt: skip
def wkhtmltopdf(its: Subject) -> str:
    found = {each["wkhtmltopdf"] or "none" for each in its.host["odoo"] if "patched qt" not in each["wkhtmltopdf"]}
    return named(sorted(found), "wkhtmltopdf there: {}.")


@AREA.rule(
    "low", "There are more workers than the tenant gets",
    "Rehearse with real use, or declare more workers for the tenant or its tier.",
)  # fmt: skip
def fewer_workers(its: Subject) -> str:
    return beyond(its, "workers", its.tenant.workers)


@AREA.rule(
    "low", "There are more cron threads than the tenant gets", "Declare more cron_threads if its schedules need them.",
)  # fmt: skip
def fewer_cron_threads(its: Subject) -> str:
    return beyond(its, "max_cron_threads", its.tenant.cron_threads)


@AREA.rule(
    "medium", "The tenant runs no schedules",
    "Declare at least one of cron_threads for the tenant: mail and every scheduled action wait for it.",
)  # fmt: skip
def no_cron_threads(its: Subject) -> str:
    active = [each for each in its.database["crons"] if each["active"]]
    return f"{len(active)} active schedules, cron_threads is 0." if active and not its.tenant.cron_threads else ""


@AREA.rule(
    "medium", "Requests may take longer there than here",
    "Find the requests that need it (long imports, large reports), and make them jobs.",
)  # fmt: skip
def long_requests(its: Subject) -> str:
    return beyond(its, "limit_time_real", LIMIT_TIME_REAL)


@AREA.rule(
    "low", "Odoo may keep more connections there than here",
    "Rehearse with real use, or declare more limits.connections.",
)  # fmt: skip
def fewer_connections(its: Subject) -> str:
    limit = its.tenant.limits.connections
    found = [value for value in its.options("db_maxconn") if limit is not None and (number(value) or 0) > limit]
    return named(found, f"db_maxconn is {{}}, the tenant may have {limit} connections.")


@AREA.rule(
    "medium", "More connections are open than the tenant may have",
    "Declare more limits.connections, or a larger tier.",
)  # fmt: skip
def connections_limit(its: Subject) -> str:
    open_now = sum(each["sessions"] for each in its.server["sessions"] if each["database"] == its.database["name"])
    limit = its.tenant.limits.connections
    return f"{open_now} open, {limit} allowed." if limit is not None and open_now > limit else ""


@AREA.rule(
    "low", "Odoo's processes may use more memory than the tenant gets",
    "Rehearse the largest reports and imports, or declare more limits.memory_mb.",
)  # fmt: skip
def less_memory(its: Subject) -> str:
    limit = its.tenant.limits.memory_mb
    found = [f"{(number(value) or 0) // 1048576} MB" for value in its.options("limit_memory_hard")
             if limit is not None and (number(value) or 0) > limit * 1048576]  # fmt: skip
    return named(found, f"limit_memory_hard is {{}}, the tenant has {limit} MB.")


@AREA.rule(
    "medium", "Modules are loaded server-wide",
    "Declare them as server_wide_modules of the instance, and see that its image has them.",
)  # fmt: skip
def server_wide_modules(its: Subject) -> str:
    wanted = {name.strip() for value in its.options("server_wide_modules") for name in value.split(",") if name.strip()}
    missing = wanted - set(MODULES_OF_ODOO) - set(its.tenant.instance.server_wide_modules)
    return named(sorted(missing), "Not declared: {}.")


@AREA.rule(
    "low", "Searches ignore accents there", "Tell the users: the estate's units have unaccent off.",
)  # fmt: skip
def unaccent_option(its: Subject) -> str:
    return "The option unaccent is on." if any(on(value) for value in its.options("unaccent")) else ""


@AREA.rule(
    "low", "Anybody may see the list of databases", "It is closed on the target; close it here too (list_db = False).",
)  # fmt: skip
def list_db(its: Subject) -> str:
    open_to_all = [each["config"] for each in its.host["odoo"] if on(each["options"].get("list_db", "True"))]
    return named(open_to_all, "list_db is on in {}.")


@AREA.rule(
    "medium", "One Odoo serves several databases to any hostname",
    "Which hostnames are this member's cannot be told: name them all in the tenant's hostnames.",
)  # fmt: skip
def no_dbfilter(its: Subject) -> str:
    several = sum(1 for each in its.host["databases"] if each["modules"]) > 1
    open_to_all = [each["config"] for each in its.host["odoo"]
                   if not given(each["options"], "dbfilter") and not given(each["options"], "db_name")]  # fmt: skip
    return named(open_to_all, "Neither dbfilter nor db_name in {}.") if several else ""


@AREA.rule(
    "medium", "Odoo does not know that it is behind a proxy",
    "Sessions and links there name http and the proxy's address: test logins and links in the rehearsal.",
)  # fmt: skip
def proxy_mode(its: Subject) -> str:
    off = [each["config"] for each in its.host["odoo"] if not on(each["options"].get("proxy_mode"))]
    return named(off, "proxy_mode is off in {}.") if its.host["routes"] else ""


@AREA.rule(
    "low", "Odoo runs with options of developers", "Take dev_mode or test_enable away: they cost time and show code.",
)  # fmt: skip
def developer_options(its: Subject) -> str:
    found = [f"{name} = {value}" for name in ("dev_mode", "test_enable") for value in its.options(name)]
    return named(found, "{}.")


@AREA.rule(
    "low", "Visitors' countries come from a file of the host",
    "The image must have a GeoIP database and the instance its path, if anything uses the country.",
)  # fmt: skip
def geoip(its: Subject) -> str:
    found = [value for name in ("geoip_database", "geoip_city_db", "geoip_country_db") for value in its.options(name)]
    return named(found, "Its file is {}.")


@AREA.rule(
    "medium", "Mail goes by Odoo's configuration, not by the database",
    "The estate's units do not have that server: declare the tenant's relay, or a mail server in the database.",
)  # fmt: skip
def mail_by_configuration(its: Subject) -> str:
    active = [each for each in its.database["mail"]["servers"] if each["active"]]
    return (
        named(its.options("smtp_server"), "smtp_server is {}, and the database has no active mail server.")
        if not active
        else ""
    )


@AREA.rule(
    "medium", "The instance is not for production",
    "Its mail goes to a sink and it has other controls: declare the tenant for an instance of production.",
)  # fmt: skip
def not_for_production(its: Subject) -> str:
    instance = its.tenant.instance
    if instance.environment == "production":
        return ""
    return f"Instance {instance.name} is of environment {instance.environment}."


@AREA.rule(
    "high", "The tenant is not to be served", "Declare its state as present before it moves.",
)  # fmt: skip
def tenant_not_present(its: Subject) -> str:
    return f"Its state is declared {its.tenant.state}." if its.tenant.state != "present" else ""
