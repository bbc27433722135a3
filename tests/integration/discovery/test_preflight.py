# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight on what discovery read of the lab's legacy hosts."""

from __future__ import annotations

from datetime import date
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.planning.sources import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.preflight import evaluate
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Finding

from .live import HOSTILE_NAME, Run

MEMBERS = (
    Declared(name="acme", host="legacy1", database="acme_prod"),
    Declared(name="birch", host="legacy1", database="birch"),
    Declared(name="cedar", host="legacy2", database="cedar_prod"),
    Declared(name="trap", host="legacy2", database=HOSTILE_NAME),
)


def preflight(run: Run, **declared: Any) -> dict[tuple[str, str], Finding]:
    """Findings by member and rule."""
    hostnames = {each.name: [f"{each.name}.legacy.example"] for each in MEMBERS}
    parameters = {
        "tiers": [], "allow": [], "roles": {}, "dropped_modules": {}, "allow_shared_roles": False, "clusters": [],
        "instances": [{"name": "i", "environment": "production", "version": "14.0", "image": "x"}],
        "tenants": [
            {"name": name, "instance": "i", "hostnames": names, "tier": "silver"} for name, names in hostnames.items()
        ], **declared,
    }  # fmt: skip
    results = [run.result(name) for name in ("legacy1", "legacy2")]
    found = evaluate.findings(
        [each.name for each in MEMBERS], MEMBERS, results, evaluate.targets_from(parameters), (), date(2026, 11, 23)
    )
    return {(each.member, each.rule.id): each for each in found}


def test_what_stops_and_what_settles_it(run: Run) -> None:
    stopping = {key for key, each in preflight(run).items() if each.stops}
    acme = {("acme", rule) for rule in ("missing_modules", "no_replica_identity", "source_redirects", "unsafe_indexes")}
    assert stopping == acme | {("trap", rule) for rule in ("not_odoo", "no_replica_identity", "full_sequences")}
    settled = preflight(run, allow=["replica_identity", "functions"], dropped_modules={"acme": ["x_gone"]})
    left = {("acme", "source_redirects"), ("trap", "not_odoo"), ("trap", "full_sequences")}
    assert {key for key, each in settled.items() if each.stops} == left


def test_the_evidence_is_that_of_the_host(run: Run) -> None:
    found = preflight(run)
    for member, rule, evidence in (
        ("acme", "undeclared_hostnames", "erp.acme.example"),
        ("acme", "source_redirects", "acme.legacy.example from port 80 to https"),
        ("acme", "smaller_uploads", "client_max_body_size is 200m"),
        ("acme", "crons_of_database", "/etc/cron.d/acme"),
        ("acme", "addresses_in_code", "x_acme_timesheet (https://gateway.acme.example)"),
        ("birch", "mail_by_configuration", "smtp_server is localhost"),
        ("birch", "base_url_undeclared", "localhost"),
        ("cedar", "undeclared_hostnames", "quoted name.example"),
        ("cedar", "plain_http", "http://cedar.legacy.example"),
        ("trap", "full_sequences", "old (1900000000 of 2147483647)"),
        ("trap", "inherited_tables", "child from trap"),
        ("trap", "rewrite_rules", "trap: nothing"),
        ("trap", "row_security", "1: trap."),
        ("trap", "other_languages", "x_lang"),
        ("trap", "replicates_already", "There are publication bi."),
        ("trap", "website_domains", "shop.example"),
        ("trap", "iap_accounts", "1 accounts"),
        ("trap", "api_keys", "2 keys"),
        ("trap", "live_payments", "stripe"),
    ):
        assert evidence in found[member, rule].evidence, (member, rule)
    assert ("birch", "undeclared_hostnames") not in found
