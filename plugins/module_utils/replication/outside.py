# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target told the world since it was opened, which no rollback takes back: mails, payments, letters. Pure.

What belongs to that time is told by the transaction that wrote a row (``xmin``), not by a clock: rows that replication
brought were written before the transaction that opened the target, all others after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from ansible_collections.erpops.odoo.plugins.module_utils.odoo.neutralize import Columns

with suppress(ImportError):  # ``postgres.client`` keeps the reason; modules report it
    from psycopg import sql

ROWS = 100  # of each kind that are listed; the total counts all
TEXT = 200  # characters of a value that are shown
SECONDS, ALL_SECONDS = 30, 120  # for a kind, and for all: the source is open already, but the run has an end
# The opening writes a comment of the publication of the way back, so that row's transaction is the opening.
NOW: LiteralString = """SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now"""
MARK: LiteralString = """
    SELECT d.xmin::text AS opening, d.description AS since
    FROM pg_catalog.pg_description AS d JOIN pg_catalog.pg_publication AS p ON p.oid = d.objoid
    WHERE d.classoid = 'pg_catalog.pg_publication'::regclass AND p.pubname = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of message, and where Odoo keeps it.

    needs: ``column`` or ``table.column`` without which it is left out. columns: shown where the version has them.
    related: column of this table, the table whose id it is, and that one's columns. where: about ``t``.
    """

    kind: str
    table: str
    needs: tuple[str, ...]
    columns: tuple[str, ...]
    where: LiteralString
    related: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    recipients: bool = False


def kind(name: str, table: str, needs: str, columns: str, where: LiteralString = "true", **more: Any) -> Kind:
    return Kind(kind=name, table=table, needs=tuple(needs.split()), columns=tuple(columns.split()), where=where, **more)


MESSAGE = ("mail_message_id", "mail_message", ("message_id", "subject", "email_from", "model", "res_id"))
PARTNER = ("res_partner_id", "res_partner", ("email",))
RECIPIENTS: LiteralString = (
    "(SELECT pg_catalog.string_agg(p.email, ', ' ORDER BY p.id) FROM public.mail_mail_res_partner_rel AS r"
    " JOIN public.res_partner AS p ON p.id = r.res_partner_id WHERE r.mail_mail_id = t.id)"
)
# Version 14 and before, version 15 and after.
KINDS = (
    kind("mails", "mail_mail", "state", "state email_to email_cc failure_reason", "t.state <> 'cancel'",
         related=(MESSAGE,), recipients=True),
    kind("notifications", "mail_message_res_partner_needaction_rel", "is_email", "email_status", "t.is_email",
         related=(PARTNER, MESSAGE)),
    kind("notifications", "mail_message_res_partner_needaction_rel", "notification_type",
         "notification_type notification_status sms_number failure_reason", "t.notification_type <> 'inbox'",
         related=(PARTNER, MESSAGE)),
    kind("notifications", "mail_notification", "notification_type",
         "notification_type notification_status sms_number mail_email_address failure_reason",
         "t.notification_type <> 'inbox'", related=(PARTNER, MESSAGE)),
    # A mail that Odoo sends by itself is of the same type; one that came in may also be sent on to its followers.
    kind("received mails", "mail_message", "message_type mail_mail.notification",
         "message_id subject email_from model res_id",
         "t.message_type = 'email' AND NOT EXISTS (SELECT FROM public.mail_mail AS m"
         " WHERE m.mail_message_id = t.id AND m.notification IS NOT TRUE)"),
    kind("received mails", "mail_message", "message_type mail_mail.is_notification",
         "message_id subject email_from model res_id",
         "t.message_type = 'email' AND NOT EXISTS (SELECT FROM public.mail_mail AS m"
         " WHERE m.mail_message_id = t.id AND m.is_notification IS NOT TRUE)"),
    kind("mail boxes read", "fetchmail_server", "date", "name server user date", "t.date IS NOT NULL"),
    kind("mailings", "mailing_mailing", "state", "subject state sent_date", "t.state IN ('sending', 'done')"),
    kind("text messages", "sms_sms", "state", "number state failure_type error_code",
         "t.state NOT IN ('canceled', 'cancel')"),
    kind("chat messages", "whatsapp_message", "state", "mobile_number state msg_uid", "t.state <> 'cancel'"),
    kind("letters", "snailmail_letter", "state", "state model res_id error_code", "t.state <> 'canceled'",
         related=(("partner_id", "res_partner", ("email",)),)),
    kind("payments", "payment_transaction", "state",
         "reference acquirer_reference provider_reference amount state state_message partner_email",
         related=(("acquirer_id", "payment_acquirer", ("provider",)), ("provider_id", "payment_provider", ("code",)),
                  ("currency_id", "res_currency", ("name",)))),
    kind("electronic documents", "account_edi_document", "state", "state error",
         related=(("move_id", "account_move", ("name",)), ("edi_format_id", "account_edi_format", ("code",)))),
    kind("electronic documents", "account_move", "peppol_message_uuid",
         "name peppol_message_uuid peppol_move_state", "t.peppol_message_uuid IS NOT NULL"),
    kind("appointments in calendars elsewhere", "calendar_event", "google_id", "name google_id",
         "t.google_id IS NOT NULL"),
    kind("appointments in calendars elsewhere", "calendar_event", "microsoft_id", "name microsoft_id",
         "t.microsoft_id IS NOT NULL"),
    kind("shipments", "stock_picking", "carrier_tracking_ref", "name carrier_tracking_ref state",
         "t.carrier_tracking_ref IS NOT NULL"),
    kind("jobs", "queue_job", "state", "name method_name state date_done", "t.state IN ('started', 'done', 'failed')"),
    kind("scheduled actions that ran", "ir_cron", "lastcall", "cron_name lastcall", "t.lastcall IS NOT NULL"),
    kind("log entries", "ir_logging", "message", "type level name func message"),
)  # fmt: skip


def applying(known: Columns) -> list[Kind]:
    """The kinds that a database can have."""
    return [each for each in KINDS if all(_there(known, each.table, need) for need in each.needs)]


def _there(known: Columns, table: str, need: str) -> bool:
    place, _between, column = need.rpartition(".")
    return column in known.get(place or table, ())


def statement(wanted: Kind, known: Columns) -> sql.Composed:
    """Asks for the first rows of a kind, each with the total; its one value is the transaction of the opening."""
    there = known[wanted.table]
    shown = {name: sql.Identifier("t", name) for name in wanted.columns if name in there}
    values: dict[str, sql.Composable] = {"id": sql.SQL("t.id"), **shown}
    for by, table, names in wanted.related:
        found = [name for name in names if name in known.get(table, ()) and by in there]
        values |= {name: _related(by, table, name) for name in found}
    if wanted.recipients and {"mail_mail_res_partner_rel", "res_partner"} <= set(known):
        values["recipients"] = sql.SQL(RECIPIENTS)
    written = [sql.Identifier("t", name) for name in ("write_date", "create_date") if name in there]
    values["at"] = sql.SQL("coalesce({})").format(sql.SQL(", ").join([*written, sql.SQL("NULL::timestamp")]))
    columns = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(text, sql.Identifier(name)) for name, text in values.items()
    )
    form = sql.SQL(
        "SELECT {columns}, pg_catalog.count(*) OVER () AS total FROM {table} AS t"
        " WHERE pg_catalog.age(t.xmin) <= pg_catalog.age(%s::pg_catalog.xid) AND ({where}) ORDER BY t.id LIMIT {rows}"
    )
    return form.format(
        columns=columns,
        table=sql.Identifier("public", wanted.table),
        where=sql.SQL(wanted.where),
        rows=sql.Literal(ROWS),
    )


def _related(by: str, table: str, name: str) -> sql.Composed:
    return sql.SQL("(SELECT x.{name} FROM {table} AS x WHERE x.id = t.{by})").format(
        name=sql.Identifier(name), table=sql.Identifier("public", table), by=sql.Identifier(by)
    )


def listed(wanted: Kind, found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """kind, table, total, and rows without what is empty; values are numbers or text of bounded length."""
    rows = list(found)
    return {
        "kind": wanted.kind,
        "table": wanted.table,
        "total": rows[0]["total"] if rows else 0,
        "rows": [
            {name: _said(value) for name, value in row.items() if name != "total" and not _empty(value)} for row in rows
        ],
    }


def _empty(value: Any) -> bool:
    return value is None or value is False or value == ""  # 0 says something


def _said(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, datetime):  # Odoo's are in UTC, without saying so
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)[:TEXT]


def unread(wanted: Kind, reason: str) -> dict[str, Any]:
    """In place of ``listed`` where the database did not answer."""
    return {"kind": wanted.kind, "table": wanted.table, "total": None, "rows": [], "problem": reason[:TEXT]}
