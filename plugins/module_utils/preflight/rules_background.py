# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs by itself, in Odoo and beside it; and mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, named, short

AREA = Area("Schedules and mail")
SHORT_MINUTES = 5
TLS = ("starttls", "ssl", "starttls_strict", "ssl_strict")
LOCAL = ("localhost", "127.0.0.1", "::1")
FREE_MAIL = ("gmail.com", "outlook.com", "office365.com", "yahoo.com", "mail.ru")


@AREA.rule(
    "low", "Scheduled actions run every few minutes",
    "Each runs on the target within its first minutes: see that what they call answers there.",
)  # fmt: skip
def short_schedules(its: Subject) -> str:
    found = [f"{each['name']} ({each['every']} minutes)" for each in its.database["crons"]
             if each["active"] and each["unit"] == "minutes" and each["every"] < SHORT_MINUTES]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "Scheduled actions were made by hand",
    "No module has them: look whether they name hosts or folders of the source.",
)  # fmt: skip
def schedules_by_hand(its: Subject) -> str:
    return named([each["name"] for each in its.database["crons"] if each["active"] and not each["module"]], "{}.")


@AREA.rule(
    "medium", "Scheduled actions are overdue",
    "The scheduler of the source stands still or is too slow; on the target they all run at once: look why.",
)  # fmt: skip
def overdue_schedules(its: Subject) -> str:
    seen = datetime.fromisoformat(its.host["collected_at"]).replace(tzinfo=None)
    late = seen - timedelta(days=1)
    found = [f"{each['name']} ({each['nextcall']})" for each in its.database["crons"]
             if each["active"] and each["nextcall"] and datetime.fromisoformat(each["nextcall"]) < late]  # fmt: skip
    return named(found, "Due for more than a day: {}.")


@AREA.rule(
    "medium", "Crons of the host read or write the database",
    "They stop reaching it at the cutover: settle each in the dispositions, and give readers a role on the target.",
)  # fmt: skip
def crons_of_database(its: Subject) -> str:
    name = its.database["name"]
    found = [f"{short(each['command'])} ({each['path']})" for each in its.host["crons"]
             if name in each["command"].replace("=", " ").replace('"', " ").replace("'", " ").split()]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Crons of the host run as Odoo's user",
    "They use its code, files or password: settle each in the dispositions.",
)  # fmt: skip
def crons_of_user(its: Subject) -> str:
    users = {each["user"] for each in its.host["odoo"] if each["user"]} - {"root"}
    found = [f"{short(each['command'])} ({each['path']})" for each in its.host["crons"] if each["user"] in users]
    return named(found, "{}.")


@AREA.rule(
    "low", "A cron restarts services", "It would interrupt a seed, a rehearsal or the cutover: switch it off before.",
)  # fmt: skip
def restarting_crons(its: Subject) -> str:
    words = ("restart", "reboot", "shutdown")
    found = [f"{short(each['command'])} ({each['schedule']})" for each in its.host["crons"]
             if not each["package"].strip() or "changed" in each["package"]
             if any(word in each["command"].replace("/", " ").split() for word in words)]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Mails wait to be sent",
    "Let the source send them before cutover, else the target does; a rehearsal must never.", blocker=True,
)  # fmt: skip
def queued_mail(its: Subject) -> str:
    queued = its.database["mail"].get("queued")
    return f"{queued} mails wait to be sent." if queued else ""


@AREA.rule(
    "low", "Mails could not be sent", "Look why, before the target is asked the same.",
)  # fmt: skip
def failed_mail(its: Subject) -> str:
    failed = its.database["mail"].get("failed")
    return f"{failed} mails failed." if failed else ""


@AREA.rule(
    "low", "Mails wait on the host itself", "Empty its queue before the host is switched off.",
)  # fmt: skip
def mail_of_host(its: Subject) -> str:
    queued = its.host["mail"]["queued"]
    return f"{queued} mails are in the queue of its mail server." if queued else ""


@AREA.rule(
    "medium", "Mail servers are used without encryption", "Set STARTTLS or SSL: from the target it crosses networks.",
)  # fmt: skip
def mail_without_tls(its: Subject) -> str:
    found = [f"{each['name']} ({each['host']}:{each['port']}, {each['encryption'] or 'none'})"
             for each in its.database["mail"]["servers"]
             if each["active"] and each["encryption"] not in TLS and each["host"] not in LOCAL]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "The mail server is the host itself",
    "There is none in the container: declare the tenant's relay, or name a real server in the database.",
)  # fmt: skip
def mail_by_host(its: Subject) -> str:
    found = [f"{each['name']} ({each['host']})" for each in its.database["mail"]["servers"]
             if each["active"] and each["host"] in LOCAL]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Mail goes out by a server of somebody else",
    "Its allowed senders (addresses, SPF, app passwords) may name the source: ask its owner before the cutover.",
)  # fmt: skip
def mail_of_provider(its: Subject) -> str:
    found = [f"{each['name']} ({each['host']})" for each in its.database["mail"]["servers"]
             if each["active"] and str(each["host"]).endswith(FREE_MAIL)]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Mail is fetched",
    "Only one side may: the wave keeps the copy from it. See that the target reaches the server.",
)  # fmt: skip
def incoming_mail(its: Subject) -> str:
    found = [f"{each['name']} ({each['host']}:{each['port']})" for each in its.database["mail"]["incoming"]
             if each["active"] and each["state"] == "done"]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Mail is fetched without encryption", "Use the server's port for SSL (993 or 995).",
)  # fmt: skip
def incoming_without_tls(its: Subject) -> str:
    found = [f"{each['name']} ({each['host']}:{each['port']})" for each in its.database["mail"]["incoming"]
             if each["active"] and str(each["port"]) in ("143", "110")]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "The host hands its mail to a relay",
    "Whatever Odoo sent by localhost went there: declare it as the tenant's relay if it is still wanted.",
)  # fmt: skip
def relay(its: Subject) -> str:
    return f"Its relay is {its.host['mail']['relay']}." if its.host["mail"]["relay"] else ""
