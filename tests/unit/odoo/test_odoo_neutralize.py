# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made harmless follows from the tables that a database has."""

from __future__ import annotations

import re

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import mail_sink, neutralize
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.neutralize_rules import CHECKS, RULES, SINK

BASE = {
    "ir_config_parameter": "id key value",
    "ir_cron": "id active",
    "ir_mail_server": "id name smtp_host smtp_port smtp_encryption active sequence smtp_user smtp_pass",
    "ir_model_data": "module name model res_id",
    "res_users": "id login password active share",
    "res_company": "id name",
}


def known(erasable: str = "smtp_pass", boolean: str = "", **tables: str) -> neutralize.Columns:
    return neutralize.columns(
        {
            "table": table,
            "column": name,
            "erasable": name in erasable.split(),
            "boolean": name in boolean.split(),
        }
        for table, names in {**BASE, **tables}.items()
        for name in names.split()
    )


def texts(found: list[neutralize.Statement]) -> list[str]:
    return [each.text if isinstance(each.text, str) else each.text.as_string() for each in found]


def test_an_empty_database_is_not_odoos() -> None:
    assert neutralize.missing(known()) == []
    assert neutralize.missing({}) == list(neutralize.NEEDED)


def test_only_what_is_there_is_touched() -> None:
    tables = {
        match
        for text in texts(neutralize.statements(known(), "u"))
        for match in re.findall(r'"?public"?\."?(\w+)', text)
    }
    assert tables <= set(BASE)
    more = known(mail_mail="id state", payment_provider="id state", payment_acquirer="id code")
    found = {each.what for each in neutralize.statements(more, "u")}
    assert {"queued mails", "payment providers"} <= found
    assert "queued letters" not in found
    assert not any("payment_acquirer" in text for text in texts(neutralize.statements(more, "u")))


def test_crons_go_but_the_one_that_cleans() -> None:
    text = next(text for text in texts(neutralize.statements(known(), "u")) if "ir_cron" in text)
    assert "autovacuum_job" in text


def test_credentials_are_emptied_where_they_may_be() -> None:
    found = known(
        "smtp_pass adyen_api_key paypal_email_account state save_token l10n_it_token phone calendar_token",
        payment_acquirer="id state adyen_api_key paypal_email_account save_token provider_key",
        res_company="id name l10n_it_token phone",
    )
    assert neutralize.erased(found) == [
        ("ir_mail_server", "smtp_pass"),
        ("payment_acquirer", "adyen_api_key"),
        ("payment_acquirer", "paypal_email_account"),
        ("res_company", "l10n_it_token"),
    ]
    assert 'UPDATE "public"."ir_mail_server" SET "smtp_pass" = NULL WHERE "smtp_pass" IS NOT NULL' in texts(
        neutralize.statements(found, "u")
    )


def test_terminals_are_set_to_their_test_systems() -> None:
    found = known(boolean="adyen_test_mode", pos_payment_method="id adyen_test_mode other_test_mode")
    assert [text for text in texts(neutralize.statements(found, "u")) if "pos_payment" in text] == [
        'UPDATE "public"."pos_payment_method" SET "adyen_test_mode" = true WHERE "adyen_test_mode" IS NOT TRUE'
    ]


@pytest.mark.parametrize("more", ["", "smtp_authentication"])
def test_the_sink_has_what_the_version_knows(more: str) -> None:
    columns = BASE["ir_mail_server"] + " " + more
    sink = next(each for each in neutralize.statements(known(ir_mail_server=columns), "u") if each.what == "mail sinks")
    text = texts([sink])[0]
    assert ("smtp_authentication" in text) == bool(more)
    assert text.count("%s") == len(sink.values) and sink.values[1:3] == (mail_sink.HOST, mail_sink.PORT)
    assert repr((mail_sink.HOST, mail_sink.PORT)) == SINK, "what is read back is what was put there"


def test_the_copy_is_another_one_with_a_frozen_address() -> None:
    values = [each for each in neutralize.statements(known(), "https://copy.invalid") if each.what == "parameters"]
    assert values[-1].values == ("https://copy.invalid", neutralize.REPORT_URL)
    for key in ("database.uuid", "database.secret", "web.base.url.freeze", "database.is_neutralized"):
        assert key in texts(values)[-1]
    keys = ["x.api_key", "x.apikey", "odoo.token", "google_client_secret", "map.url", "web.base.url", "token.count"]
    pattern = values[0].values[1]
    assert [key for key in keys if re.search(pattern, key)] == keys[:4]
    assert "database.secret" in values[0].values[2]


def test_every_check_counts_what_must_not_be_there() -> None:
    everything = known(**{each.table: " ".join([BASE.get(each.table, ""), *each.columns]) for each in CHECKS})
    found = neutralize.checks(everything, "the original's")
    assert len(found) == len(CHECKS) + 1
    assert all(" AS found " in text for text in texts(found))
    assert found[-1].values == ("the original's",)
    assert len(neutralize.checks(known(), "")) == 4  # active servers, no sink, crons, parameters


def test_problems_name_what_and_how_many() -> None:
    assert neutralize.problems("acme__rehearsal", [("active crons", 0), ("queued mails", 0)]) == []
    (problem,) = neutralize.problems("acme__rehearsal", [("active crons", 3), ("queued mails", 0)])
    assert str(problem).startswith("database acme__rehearsal: active crons is '3'.")


def test_no_statement_relies_on_a_search_path() -> None:
    for each in (*RULES, *CHECKS):
        for table in re.findall(r"(?:FROM|UPDATE|INTO) \(?([a-z_.]+)", each.text):
            assert table.startswith("public."), each.text
    assert "SET LOCAL search_path = pg_catalog" in neutralize.SAFELY
