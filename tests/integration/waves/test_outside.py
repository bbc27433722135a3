# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback lists what the target told the world since its opening, and nothing that came from the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integration.waves.live import Waves
from integration.waves.test_moves import following

Make = Callable[[str, str], str]
AHEAD = "now() AT TIME ZONE 'UTC' + interval '1 hour'"  # a source whose clock is wrong


def said(name: str, state: str, when: str = "now() AT TIME ZONE 'UTC'", kind: str = "email") -> str:
    """Rows as Odoo 14 writes them: a mail with its message, a text message, a payment."""
    return (
        "WITH m AS (INSERT INTO mail_message (message_type, subject, message_id, email_from, date, create_date,"
        f" write_date) VALUES ('{kind}', 'about {name}', '<{name}@acme.example>', 'a@acme.example', {when}, {when},"
        f" {when}) RETURNING id), o AS (INSERT INTO mail_mail (mail_message_id, state, email_to, notification,"
        f" write_date) SELECT id, '{state}', '{name}@customer.example', false, {when} FROM m RETURNING id)"
        " INSERT INTO mail_mail_res_partner_rel SELECT id, 3 FROM o;"
        f"INSERT INTO sms_sms (number, state, write_date) VALUES ('{name}', 'sent', {when});"
        "INSERT INTO payment_transaction (reference, acquirer_reference, acquirer_id, amount, currency_id, state, date,"
        f" type, partner_country_id, write_date) SELECT '{name}', 'ref {name}', min(a.id), 12.50, 1, 'done', {when},"
        f" 'form', 1, {when} FROM payment_acquirer AS a"
    )


def received(name: str) -> str:
    return (
        "WITH m AS (INSERT INTO mail_message (message_type, subject, message_id, email_from, date) VALUES ('email',"
        f" 'from {name}', '<{name}@customer.example>', '{name}@customer.example', now()) RETURNING id)"
        " INSERT INTO mail_mail (mail_message_id, state, notification) SELECT id, 'sent', true FROM m;"  # to followers
        "INSERT INTO mail_message_res_partner_needaction_rel (mail_message_id, res_partner_id, notification_type,"
        " notification_status) SELECT max(id), CASE t WHEN 'email' THEN 3 ELSE 1 END, t, 'sent' FROM mail_message,"
        " unnest(ARRAY['email', 'inbox']) AS t GROUP BY t"
    )


def by_kind(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {each["kind"]: each for each in result["outside"]}
    assert len(found) == len(result["outside"])
    return found


def test_what_the_target_told_the_world_and_nothing_else(waves: Waves, member: Make) -> None:
    name = member("outside", "acme_prod")
    old = f"{name}_old"
    waves.source_sql(said("before", "sent") + ";" + received("earlier"), old, "odoo")
    following(waves, name)
    waves.source_sql(said("meanwhile", "sent", AHEAD) + ";" + said("queued", "outgoing"), old, "odoo")
    cut = waves.done("cutover", name)
    assert cut["statistics"]["name"] == name and cut["statistics"]["rows_written"] > 0
    assert by_kind(waves.run("rollback", name, check=True)) == {}, "control: nothing was sent yet"

    waves.target_sql(said("after", "sent"), name)
    waves.target_sql("UPDATE mail_mail SET state = 'sent' WHERE email_to = 'queued@customer.example'", name)
    waves.target_sql(said("cancelled", "cancel"), name)
    waves.target_sql(received("bob"), name)
    waves.target_sql("UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'UTC' WHERE id = 1", name)
    waves.target_sql("UPDATE res_partner SET comment = 'touched' WHERE id = 3", name)
    predicted = waves.run("rollback", name, check=True)
    done = waves.done("rollback", name)
    assert done["state"] == "rolled_back" and done["live_since"] == predicted["live_since"]
    assert done["outside"] == predicted["outside"] == waves.done("rollback", name)["outside"], "a repeated run says so"

    found = by_kind(done)
    assert set(found) == {"mails", "notifications", "received mails", "text messages", "payments",
                          "scheduled actions that ran"}  # fmt: skip
    mails = {row.get("email_to"): row for row in found["mails"]["rows"]}
    assert found["mails"]["total"] == 3
    assert set(mails) == {"after@customer.example", "queued@customer.example", None}  # None: bob's, sent to followers
    after = mails["after@customer.example"]
    email = waves.target_sql("SELECT email FROM res_partner WHERE id = 3", name)
    assert (after["subject"], after["message_id"], after["state"], after["recipients"]) == (
        "about after", "<after@acme.example>", "sent", email)  # fmt: skip
    assert after["at"] >= done["live_since"]
    assert [row["message_id"] for row in found["received mails"]["rows"]] == ["<bob@customer.example>"]
    assert [row["notification_type"] for row in found["notifications"]["rows"]] == ["email"]
    payments = {row["reference"]: row for row in found["payments"]["rows"]}
    assert set(payments) == {"after", "cancelled"}
    assert (payments["after"]["acquirer_reference"], payments["after"]["amount"], payments["after"]["state"]) == (
        "ref after", "12.50", "done")  # fmt: skip
    assert [row["id"] for row in found["scheduled actions that ran"]["rows"]] == [1]
    assert waves.source_sql("SELECT state FROM mail_mail WHERE email_to = 'queued@customer.example'", old) == "sent"


def test_a_hostile_table_is_named_and_calls_nothing(waves: Waves, member: Make) -> None:
    """A tenant owns its tables: what one of them would call is not called by the superuser who reads it."""
    name = member("hostile", "acme_prod")
    raises = "RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$called$$; END'"
    waves.source_sql(
        f"CREATE FUNCTION public.age(xid) {raises}; CREATE FUNCTION public.count() {raises};"
        "ALTER TABLE snailmail_letter ALTER COLUMN state TYPE int USING 1; DROP TABLE ir_logging",
        f"{name}_old", "odoo",
    )  # fmt: skip
    following(waves, name)
    waves.done("cutover", name)
    waves.target_sql(
        "INSERT INTO sms_sms (number, state) SELECT g::text, 'sent' FROM generate_series(1, 150) AS g", name
    )
    found = by_kind(waves.run("rollback", name, check=True))
    assert (found["text messages"]["total"], len(found["text messages"]["rows"])) == (150, 100)
    assert found["letters"]["total"] is None and "integer" in found["letters"]["problem"]


def test_without_a_mark_it_is_not_known(waves: Waves, member: Make) -> None:
    name = member("unmarked", "birch")
    following(waves, name)
    withdrawn = waves.run("rollback", name, check=True)
    assert withdrawn["outside"] == [] and withdrawn["live_since"] is None
    waves.done("cutover", name)
    waves.target_sql(f"COMMENT ON PUBLICATION erpops_back_{name} IS NULL", name)
    done = waves.done("rollback", name)
    assert done["state"] == "rolled_back" and done["outside"] is None and done["live_since"] is None
