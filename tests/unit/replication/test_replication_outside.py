# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a database about what it told the world, by version; how it is listed, shown and recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from unit.wave.test_wave_status import check, member, report

from ansible_collections.erpops.odoo.plugins.filter.wave import wave_page
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import SECRET_WORDS
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.neutralize import Column
from ansible_collections.erpops.odoo.plugins.module_utils.replication import outside

STAMPS = "id create_date write_date "
# As far as they matter here, of Odoo 12, 14 and 19.
VERSIONS = {
    12: {
        "mail_mail": "id mail_message_id state email_to notification",
        "mail_message": STAMPS + "message_type subject message_id",
        "mail_message_res_partner_needaction_rel": "id mail_message_id res_partner_id is_email email_status",
    },
    14: {
        "mail_mail": STAMPS + "mail_message_id state email_to email_cc notification failure_reason",
        "mail_mail_res_partner_rel": "mail_mail_id res_partner_id",
        "mail_message": STAMPS + "message_type subject message_id email_from model res_id",
        "mail_message_res_partner_needaction_rel": "id mail_message_id res_partner_id notification_type"
        " notification_status sms_number failure_reason",
        "res_partner": STAMPS + "email name",
        "payment_transaction": STAMPS + "reference acquirer_reference acquirer_id amount state currency_id",
        "payment_acquirer": STAMPS + "provider state",
        "ir_cron": STAMPS + "cron_name lastcall",
    },
    19: {
        "mail_mail": STAMPS + "mail_message_id state email_to is_notification",
        "mail_message": STAMPS + "message_type subject message_id",
        "mail_notification": "id mail_message_id res_partner_id notification_type notification_status",
        "payment_transaction": STAMPS + "reference provider_reference provider_id amount state",
        "payment_provider": STAMPS + "code",
        "account_move": STAMPS + "name peppol_message_uuid peppol_move_state",
    },
}


def known(version: int) -> dict[str, Mapping[str, Column]]:
    column = Column(erasable=False, boolean=False)
    return {table: dict.fromkeys(names.split(), column) for table, names in VERSIONS[version].items()}


@pytest.mark.parametrize(
    ("version", "tables"),
    [
        (12, ["mail_mail", "mail_message_res_partner_needaction_rel", "mail_message"]),
        (
            14,
            ["mail_mail", "mail_message_res_partner_needaction_rel", "mail_message", "payment_transaction", "ir_cron"],
        ),
        (19, ["mail_mail", "mail_notification", "mail_message", "payment_transaction", "account_move"]),
    ],
)
def test_only_what_the_version_has_is_asked_and_once(version: int, tables: list[str]) -> None:
    assert [each.table for each in outside.applying(known(version))] == tables
    assert outside.applying({}) == []


def texts(version: int) -> dict[str, str]:
    have = known(version)
    return {each.table: outside.statement(each, have).as_string(None) for each in outside.applying(have)}


def test_columns_are_those_that_are_there() -> None:
    old, new = texts(14)["payment_transaction"], texts(19)["payment_transaction"]
    assert '"acquirer_reference"' in old and "provider_reference" not in old
    assert '"provider_reference"' in new and "acquirer" not in new
    assert '(SELECT x."provider" FROM "public"."payment_acquirer" AS x WHERE x.id = t."acquirer_id")' in old
    assert "string_agg" in texts(14)["mail_mail"] and "string_agg" not in texts(19)["mail_mail"]
    assert 'coalesce("t"."write_date", "t"."create_date", NULL::timestamp) AS "at"' in old
    assert 'coalesce(NULL::timestamp) AS "at"' in texts(12)["mail_message_res_partner_needaction_rel"]


def test_a_statement_reads_what_the_target_wrote_and_is_bounded() -> None:
    for version in VERSIONS:
        for text in texts(version).values():
            assert text.startswith("SELECT t.id AS ") and ";" not in text
            assert text.count("%s") == 1 and "pg_catalog.age(t.xmin) <= pg_catalog.age(%s::pg_catalog.xid)" in text
            assert text.endswith(f"ORDER BY t.id LIMIT {outside.ROWS}")
            places = re.findall(r"\b(?:FROM|JOIN) (\S+)", text)
            assert places and all(place.replace('"', "").startswith("public.") for place in places), text


def test_names_of_facts_are_no_secrets() -> None:
    """The store refuses facts whose names sound so; then a rollback could not be recorded."""
    for each in outside.KINDS:
        names = [*each.columns, *(name for _by, _table, found in each.related for name in found)]
        assert len(set(names)) == len(names), each.kind
        assert not [name for name in names if SECRET_WORDS.search(name)], each.kind


def test_rows_are_short_and_say_only_what_there_is() -> None:
    wanted = next(each for each in outside.KINDS if each.table == "payment_transaction")
    row: dict[str, Any] = {
        "id": 7, "reference": "S7", "amount": Decimal("12.50"), "state_message": "", "partner_email": None,
        "at": datetime(2026, 11, 23, 5, 0, 1), "day": date(2026, 11, 23), "error": "x" * 999, "total": 300,
    }  # fmt: skip
    found = outside.listed(wanted, [row])
    assert (found["kind"], found["table"], found["total"]) == ("payments", "payment_transaction", 300)
    assert found["rows"] == [{"id": 7, "reference": "S7", "amount": "12.50", "at": "2026-11-23T05:00:01Z",
                              "day": "2026-11-23", "error": "x" * outside.TEXT}]  # fmt: skip
    assert outside.listed(wanted, [])["total"] == 0
    assert outside.unread(wanted, "no")["total"] is None


def rolled_back(**rollback: Any) -> dict[str, Any]:
    fact = {"at": "2026-11-23T06:00:00+00:00", "live_since": "2026-11-23T05:00:00Z", "timings": [], **rollback}
    told: dict[str, Any] = report(member("a", "rolled_back", facts={"rollback": fact}))
    return told


def test_the_page_lists_them() -> None:
    row = {"id": 7, "subject": "<Your order>", "at": "2026-11-23T05:00:01Z"}
    kinds = [
        {"kind": "mails", "table": "mail_mail", "total": 230, "rows": [row]},
        {"kind": "letters", "table": "snailmail_letter", "total": None, "rows": [], "problem": "it did not <answer>"},
    ]
    text = wave_page(rolled_back(outside=kinds), "wave_status", "north")
    check(text)
    assert "mails: 230" in text and "&lt;Your order&gt;" in text and "The first 1 of 230" in text
    assert "letters: not read" in text and "did not &lt;answer&gt;" in text


@pytest.mark.parametrize(
    ("rollback", "said"),
    [
        ({"outside": []}, "Nothing was found"),
        ({"outside": None, "live_since": None}, "It is not known"),
        ({"outside": [], "live_since": None}, ""),  # it was withdrawn: it never served
        ({}, ""),  # recorded before there was a list
    ],
)
def test_what_is_not_known_is_said(rollback: dict[str, Any], said: str) -> None:
    text = wave_page(rolled_back(**rollback), "wave_status", "north")
    check(text)
    assert ("What rollbacks cannot take back" in text) == bool(said) and said in text
