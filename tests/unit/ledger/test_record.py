# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import uuid
from typing import Any

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.model import Lock
from ansible_collections.erpops.odoo.plugins.module_utils.ledger.record import age, event_from, pending, refusal

OPERATION = str(uuid.UUID(int=7))


def parameters(**values: Any) -> dict[str, Any]:
    given = ["operation", "playbook", "estate", "operator", "awx_user", "awx_job", "change_ticket"]
    names = [*given, "commit", "limit", "result", "subject", "lock"]
    empty: dict[str, Any] = {
        "event": "begin",
        "tags": [],
        "evidence": [],
        "break_lock": False,
        **dict.fromkeys(names, ""),
    }
    return {**empty, **values}


def test_a_begin_without_an_operation_makes_one() -> None:
    first, second = event_from(parameters()), event_from(parameters())
    assert uuid.UUID(first.operation) != uuid.UUID(second.operation)


@pytest.mark.parametrize("event", ["end", "approve", "evidence", "lock", "unlock"])
def test_other_events_belong_to_one(event: str) -> None:
    with pytest.raises(InputError, match="operation"):
        event_from(parameters(event=event))


def test_only_what_was_given_is_recorded() -> None:
    event = event_from(parameters(playbook="site", tags=["a"], operation=OPERATION))
    assert event.content == {"playbook": "site", "tags": ["a"]}


@pytest.mark.parametrize("event", ["begin", "end"])
def test_two_hosts_make_the_same_entry(event: str) -> None:
    first = pending(event_from(parameters(event=event, operation=OPERATION, playbook="p")))
    second = pending(event_from(parameters(event=event, operation=OPERATION, playbook="p")))
    assert first.id == second.id


def test_begin_and_end_are_two_entries() -> None:
    ids = {pending(event_from(parameters(event=event, operation=OPERATION))).id for event in ("begin", "end")}
    assert len(ids) == 2


def test_different_evidence_is_different_entries() -> None:
    def made(name: str) -> str:
        return pending(event_from(parameters(event="evidence", operation=OPERATION, evidence=[{"name": name}]))).id

    assert made("a") == made("a") != made("b")


def test_taking_a_lock_twice_is_recorded_twice() -> None:
    event = event_from(parameters(event="lock", operation=OPERATION, lock="l"))
    assert pending(event).id != pending(event).id


@pytest.mark.parametrize("key", ["password", "db_password", "Secret", "api_token", "private_key", "credentials"])
def test_names_of_secrets_are_refused(key: str) -> None:
    with pytest.raises(InputError, match="no secrets"):
        event_from(parameters(event="evidence", operation=OPERATION, evidence=[{key: "x"}]))


def test_the_owner_is_who_started_the_job() -> None:
    assert event_from(parameters(operator="ann", awx_user="bob")).owner == "bob"
    assert event_from(parameters(operator="ann")).owner == "ann"
    assert event_from(parameters()).owner == "unknown"


def test_a_refusal_says_who_since_when_and_what_to_do() -> None:
    lock = Lock(name="estate", operation=OPERATION, owner="ann", playbook="site", since="S", age_seconds=7300)
    text = refusal(lock)
    for word in ("estate", "ann", "site", OPERATION, "since S", "2 hours", "ledger_break_lock=true"):
        assert word in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (172800, "2 days")],
)
def test_an_age(seconds: int, text: str) -> None:
    assert age(seconds) == text
