# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule fires on what it is about, says the value that it found, and is silent where nothing is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from unit.discovery import facts
from unit.preflight import clean
from unit.preflight.clean import MEMBER, TODAY, changed, code, cron, database, declared, found, module, record, route

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import databases
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.result import result
from ansible_collections.erpops.odoo.plugins.module_utils.preflight import evaluate, rules_routes
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.catalogue import AREAS, BY_ID, RULES
from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import SEVERITIES, Subject


def more(*added: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda there: [*there, *added]


def options(**added: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda there: {**there, **added}


def obj(kind: str) -> dict[str, Any]:
    return {"db/objects": [{"kind": kind, "name": "public.x"}]}


def endpoint(kind: str, target: str, where: str = "parameter x") -> dict[str, Any]:
    return {"db/endpoints": [{"kind": kind, "target": target, "where": where}]}


def server(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "host": "smtp.example", "port": 587, "encryption": "starttls", "active": True, **changes}


def incoming(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "Inbox", "host": "imap.example", "port": "993", "active": True, "state": "done", **changes}]


def role(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "superuser": False, "login": True, "password": "scram", **changes}


def session(**changes: Any) -> list[dict[str, Any]]:
    return [{"database": "acme_prod", "role": "odoo", "address": None, "sessions": 1, **changes}]


def job(**changes: Any) -> Callable[[list[Any]], list[Any]]:
    return more(
        {"path": "/etc/cron.d/x", "user": "root", "schedule": "hourly", "command": "x", "package": "", **changes}
    )


def rule(**changes: Any) -> dict[str, Any]:
    return {"line": 7, "type": "host", "database": ["all"], "address": "10.0.0.0", "method": "md5", "error": None,
            **changes}  # fmt: skip


GIB = 1024**3
ALWAYS = {"db/bytes": 10, "db/filestore/bytes": 1}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    # Discovery; not_discovered has a test of its own
    "old_discovery": ({"host/collected_at": "2026-12-01T00:00:00Z", "db/crons": []}, "2026-12-01"),
    "unread_parts": ({"host/problems": [{"part": "crons", "message": "no access."}]}, "crons: no access."),
    # The server
    "postgres_without_replication": ({"pg/number": 90624, "pg/version": "9.6.24"}, "9.6.24"),
    "postgres_too_old": ({"pg/number": 90525, "pg/version": "9.5.25"}, "9.5.25"),
    "postgres_too_new": ({"pg/number": 180001, "pg/version": "18.1"}, "18.1"),
    "postgres_end_of_life": ({"pg/number": 130016, "pg/version": "13.16"}, "2025-11-13"),
    "standby": ({"pg/standby": True}, "standby"),
    "wal_level": ({"pg/wal_level": "replica"}, "replica"),
    "replication_slots": ({"pg/max_replication_slots": 1}, "0 of 1"),
    "wal_senders": ({"pg/max_wal_senders": 1}, "0 of 1"),
    "wal_disk": ({"pg/wal_free_mb": 1000}, "1000 MB"),
    "slot_without_limit": ({"pg/settings/0/setting": "-1"}, "max_slot_wal_keep_size"),
    "unread_slots": ({"pg/slots": [{"name": "old", "active": False}]}, "old"),
    "prepared_transactions": ({"pg/prepared_transactions": 2}, "2"),
    "long_transactions": ({"pg/oldest_transaction_seconds": 7200}, "7200"),
    "md5_passwords": ({"pg/roles": [role("odoo", password="md5")]}, "odoo"),
    "hba_trust": ({"pg/hba": more(rule(method="trust"))}, "line 7"),
    "hba_errors": ({"pg/hba": more(rule(error="invalid"))}, "line 7: invalid"),
    "hba_everybody": ({"pg/hba": more(rule(address="0.0.0.0"))}, "7"),
    "superuser_role": ({"pg/roles": [role("odoo", superuser=True)]}, "odoo"),
    "shared_superuser": (
        {"pg/roles": [role("odoo", superuser=True)], "host/databases": more(database(name="fir", uuid="u-2"))}, "fir",
    ),
    "other_superusers": ({"pg/roles": [role("dba", superuser=True)]}, "dba"),
    "other_clients": ({"pg/sessions": session(role="bi")}, "bi"),
    "clients_elsewhere": ({"pg/sessions": session(address="10.0.0.9")}, "10.0.0.9"),
    "other_servers": ({"host/other_postgres": [{"version": "11.5", "port": 5433}]}, "11.5 on port 5433"),
    "role_settings": ({"pg/overrides": [{"database": None, "role": "odoo", "setting": "work_mem=1MB"}]}, "work_mem"),
    "much_log": ({"pg/wal_mb_an_hour": 3000.0}, "3000.0 MB"),
    # The target's cluster
    "asynchronous_target": ({"declared/clusters/0/synchronous": False}, "main (db1, db2) is declared with synchronous"),
    # The database
    "encoding": ({"db/encoding": "LATIN1"}, "LATIN1"),
    "locale": ({"db/collate": "de_DE.UTF-8"}, "de_DE.UTF-8"),
    "transaction_age": ({"db/xid_age": 1_900_000_000}, "1900000000"),
    "not_odoo": ({"db/modules": []}, "ir_module_module"),
    "neutralized": ({"db/parameters": options(**{"database.is_neutralized": "true"})}, "true"),
    "uuid_twice": ({"host/databases": more(database(name="acme_test"))}, "acme_test on legacy1"),
    "connection_limit": ({"db/connection_limit": 5}, "5"),
    "extensions": ({"db/extensions": [{"name": "postgis"}]}, "postgis"),
    "own_schemas": ({"db/schemas": [{"name": "bi", "owner": "odoo", "relations": 2}]}, "bi"),
    "other_roles": ({"db/grants": [{"role": "bi"}]}, "bi"),
    "database_settings": ({"pg/overrides": [{"database": "acme_prod", "role": None, "setting": "a=b"}]}, "a=b"),
    "replicates_already": ({"db/replication": [{"kind": "publication", "name": "bi"}]}, "publication bi"),
    # Its objects
    "no_replica_identity": (
        {"db/without_identity": [{"schema": "public", "name": "x", "rows": 5, "usable_index": None}]}, "public.x",
    ),
    "large_tables_without_key": (
        {"db/without_identity": [{"schema": "public", "name": "x", "rows": 100_000, "usable_index": None}]}, "100000",
    ),
    "large_objects": ({"db/large_objects": 3}, "3"),
    "unsafe_indexes": ({"db/unsafe_indexes": [{"name": "i", "function": "f(text)"}]}, "i (f(text))"),
    "makes_tables": ({"db/by_hand/models": 2}, "2 models"),
    "full_sequences": ({"db/full_sequences": [{"name": "s", "last": 75, "most": 100}]}, "75 of 100"),
    "other_languages": (obj("language"), "public.x"),
    "unlogged_tables": (obj("unlogged"), "public.x"),
    "materialized_views": (obj("matview"), "public.x"),
    "foreign_tables": (obj("foreign_table"), "public.x"),
    "partitioned_tables": (obj("partitioned"), "public.x"),
    "triggers": (obj("trigger"), "public.x"),
    "event_triggers": (obj("event_trigger"), "public.x"),
    "invalid_indexes": (obj("invalid_index"), "public.x"),
    "constraints_not_validated": (obj("not_validated"), "public.x"),
    "rewrite_rules": (obj("rule"), "public.x"),
    "row_security": (obj("row_security"), "public.x"),
    "inherited_tables": (obj("inherited"), "public.x"),
    # The host, sizes and times
    "system_end_of_life": ({"host/system/os": "Ubuntu 20.04.6 LTS"}, "2025-05-31"),
    "timezone": ({"host/system/timezone": "Europe/Paris"}, "Europe/Paris"),
    "host_load": ({"host/performance/load": [1.0, 9.0, 8.5]}, "8.5 with 4"),
    "full_disks": ({"host/system/disks": [{"mount": "/srv", "size_mb": 100_000, "free_mb": 900}]}, "/srv (900"),
    "little_memory": ({"host/system/memory_mb": 1024}, "1024 MB"),
    "just_started": ({"host/system/uptime_days": 0.0}, "0.0 days"),
    "storage_quota": ({"db/bytes": 41 * 1000**3}, "41.0 GB"),
    "storage_almost": ({"db/bytes": 35 * 1000**3}, "35.0 GB of 40 GB"),
    "long_copy": ({"db/bytes": 700 * GIB}, "10 hours"),
    "large_tables": ({"db/largest_tables": [{"name": "m", "bytes": 30 * 1000**3, "dead": 0, "live": 9}]}, "30.0 GB"),
    "dead_rows": ({"db/largest_tables": [{"name": "m", "bytes": 1, "dead": 20_000, "live": 9}]}, "20000 dead"),
    "slow_requests": (
        {"host/performance/slowest": [{"database": "acme_prod", "path": "/x", "most_seconds": 700.0}]}, "/x (700.0 s)",
    ),
    "logged_errors": ({"host/performance/errors": {"acme_prod": 2}}, "2 errors"),
    "databases_left": ({"host/databases": more(database(name="wiki", uuid=None))}, "wiki"),
    # Odoo
    "other_major": ({"instance/version": "19.0"}, "of Odoo 18.0, instance i of 19.0"),
    "odoo_end_of_life": ({"db/odoo_version": "14.0", "instance/version": "14.0"}, "2020"),
    "core_patches": ({"host/odoo/0/patched_files": ["/a.py"]}, "/a.py"),
    "database_elsewhere": ({"host/odoo/0/options": options(db_host="db.example")}, "db.example"),
    "one_database_elsewhere": (
        {"host/odoo": lambda odoo: [*odoo, {**odoo[0], "options": {"db_host": "db.example"}}]}, "and another does not",
    ),
    "other_server": ({"db/port": 5433, "host/other_postgres": [{**clean.SERVER, "port": 5433}]}, "It is on port 5433"),
    "code_of_other_version": ({"host/odoo/0/version": "17.0"}, "Odoo 17.0 there"),
    "odoo_does_not_run": ({"host/odoo/0/processes": 0}, "/etc/odoo.conf"),
    "wkhtmltopdf": ({"host/odoo/0/wkhtmltopdf": ""}, "none"),
    "fewer_workers": ({"host/odoo/0/options": options(workers="8")}, "8 there and 2 here"),
    "fewer_cron_threads": ({"host/odoo/0/options": options(max_cron_threads="2")}, "2 there and 1 here"),
    "no_cron_threads": ({"tenant/tier": "idle", "declared/tiers": [{"name": "idle", "cron_threads": 0}]}, "1 active"),
    "long_requests": ({"host/odoo/0/options": options(limit_time_real="900")}, "900 there"),
    "fewer_connections": ({"host/odoo/0/options": options(db_maxconn="64")}, "64"),
    "connections_limit": ({"pg/sessions": session(sessions=30)}, "30 open, 20"),
    "less_memory": ({"host/odoo/0/options": options(limit_memory_hard="4294967296")}, "4096 MB"),
    "server_wide_modules": ({"host/odoo/0/options": options(server_wide_modules="web,queue_job")}, "queue_job"),
    "unaccent_option": ({"host/odoo/0/options": options(unaccent="True")}, "unaccent"),
    "list_db": ({"host/odoo/0/options": options(list_db="True")}, "/etc/odoo.conf"),
    "no_dbfilter": (
        {"host/odoo/0/options": options(dbfilter=""), "host/databases": more(database(name="fir", uuid="u-2"))},
        "/etc/odoo.conf",
    ),
    "proxy_mode": ({"host/odoo/0/options": options(proxy_mode="False")}, "/etc/odoo.conf"),
    "developer_options": ({"host/odoo/0/options": options(dev_mode="all")}, "dev_mode = all"),
    "geoip": ({"host/odoo/0/options": options(geoip_database="/g.mmdb")}, "/g.mmdb"),
    "mail_by_configuration": ({"host/odoo/0/options": options(smtp_server="localhost")}, "localhost"),
    "not_for_production": ({"instance/environment": "test"}, "test"),
    "tenant_not_present": ({"tenant/state": "suspended"}, "suspended"),
    # Modules
    "pending_modules": ({"db/modules": more(module("x", state="to upgrade"))}, "x (to upgrade)"),
    "missing_modules": ({"db/modules": more(module("x", "missing"))}, "x"),
    "dropped_modules": (
        {"db/modules": more(module("x", "missing")), "declared/dropped_modules": {"acme": ["x"]}}, "x",
    ),
    "undeclared_modules": ({"db/modules": more(module("x", "community"))}, "x"),
    "declared_not_installed": ({"tenant/modules": ["x_acme", "crm"]}, "crm"),
    "modules_twice": ({"host/modules_on_disk": more(code("x_acme"))}, "x_acme"),
    "modules_to_update": ({"host/modules_on_disk": [code("x_acme", version="1.1")]}, "18.0.1.1 on the disk"),
    "modules_of_other_series": ({"db/modules": more(module("hr", version="17.0.1.0"))}, "hr (17.0.1.0)"),
    "python_packages": ({"host/modules_on_disk": [code("x_acme", python=["pysftp"])]}, "pysftp"),
    "folders_in_code": ({"host/modules_on_disk": [code("x_acme", mentions=["/srv/x"])]}, "/srv/x"),
    "addresses_in_code": ({"host/modules_on_disk": [code("x_acme", mentions=["https://a.example"])]}, "a.example"),
    "much_code": ({"host/modules_on_disk": [code("x_acme", python_lines=4000)]}, "4000 lines"),
    "no_licence": ({"host/modules_on_disk": [code("x_acme", license="")]}, "x_acme"),
    "made_by_hand": ({"db/by_hand/fields": 3}, "3 fields"),
    "edited_views": ({"db/by_hand/views": 2}, "2 views"),
    "enterprise": ({"db/modules": more(module("web_enterprise", license="OEEL-1"))}, "web_enterprise"),
    "subscription_ends": ({"db/parameters": options(**{"database.expiration_date": "2027-01-20 9:00"})}, "2027-01-20"),
    # Filestore
    "filestore_not_found": (
        {"db/filestore/path": "", "db/attachments": {"filestore": {"number": 9, "bytes": 1}}}, "9 attachments",
    ),
    "lacking_tools": ({"host/system/lacking": ["tar", "sha1sum"]}, "tar, sha1sum"),
    "filestore_missing": ({"db/filestore": options(missing=["a/b"], missing_count=1)}, "a/b"),
    "filestore_corrupt": ({"db/filestore/corrupt": ["a/c"]}, "a/c"),
    "filestore_orphans": ({"db/filestore": options(orphans=2, orphan_bytes=9)}, "2 files (9 bytes)"),
    "filestore_unreadable": ({"db/filestore/unreadable": ["find: x"]}, "find: x"),
    "filestore_not_hashed": ({"db/filestore/hashed": 0}, "0 of 1"),
    "many_files": ({"db/filestore": options(files=2_000_000, hashed=2_000_000)}, "2000000 files"),
    "attachments_in_database": ({"db/attachments": {"database": {"number": 4, "bytes": 1}}}, "4 attachments"),
    "large_attachments_in_database": ({"db/attachments": {"database": {"number": 4, "bytes": 6 * 1000**3}}}, "6.0 GB"),
    "attachment_location": ({"db/parameters": options(**{"ir_attachment.location": "db"})}, "db"),
    "linked_attachments": ({"db/attachments": {"url": {"number": 500, "bytes": 0}}}, "500"),
    "shared_filestore": ({"host/databases": more(database(name="fir", uuid="u-2"))}, "fir"),
    # Schedules and mail
    "short_schedules": ({"db/crons": [cron(every=1, unit="minutes")]}, "Queue (1 minutes)"),
    "schedules_by_hand": ({"db/crons": [cron(module=None)]}, "Queue"),
    "overdue_schedules": ({"db/crons": [cron(nextcall="2027-01-01T00:00:00")]}, "2027-01-01"),
    "crons_of_database": ({"host/crons": job(command='psql -d "acme_prod" -c x')}, "/etc/cron.d/x"),
    "crons_of_user": ({"host/crons": job(user="odoo")}, "/etc/cron.d/x"),
    "restarting_crons": ({"host/crons": job(command="/bin/systemctl restart odoo")}, "restart odoo (hourly)"),
    "queued_mail": ({"db/mail/queued": 5}, "5 mails"),
    "failed_mail": ({"db/mail/failed": 5}, "5 mails"),
    "mail_of_host": ({"host/mail/queued": 7}, "7 mails"),
    "mail_without_tls": ({"db/mail/servers": [server("S", encryption="none")]}, "S (smtp.example:587, none)"),
    "mail_by_host": ({"db/mail/servers": [server("S", host="localhost", encryption="none")]}, "S (localhost)"),
    "mail_of_provider": ({"db/mail/servers": [server("S", host="smtp.gmail.com")]}, "smtp.gmail.com"),
    "incoming_mail": ({"db/mail/incoming": incoming()}, "Inbox (imap.example:993)"),
    "incoming_without_tls": ({"db/mail/incoming": incoming(port="143", state="draft")}, "Inbox (imap.example:143)"),
    "relay": ({"host/mail/relay": "[relay.example]:587"}, "relay.example"),
    # Hostnames, routes, certificates
    "undeclared_hostnames": ({"host/routes": [route(hostnames=["acme.example", "old.example"])]}, "old.example"),
    "unrouted_hostnames": ({"tenant/hostnames": ["acme.example", "new.example"]}, "new.example"),
    "base_url_undeclared": (
        {"db/parameters": options(**{"web.base.url": "https://erp.example"})}, "erp.example",
    ),
    "report_url": ({"db/parameters": options(**{"report.url": "http://localhost:8069"})}, "localhost:8069"),
    "base_url_free": ({"db/parameters": {"web.base.url": "https://acme.example"}}, "https://acme.example"),
    "wildcard_hostnames": ({"host/routes": more(route(hostnames=["*.acme.example"]))}, "*.acme.example"),
    "smaller_uploads": ({"host/routes": [route(options={"client_max_body_size": ["2g"]})]}, "2g (acme.example)"),
    "address_lists": ({"host/routes": [route(options={"locations": [{"location": "/x", "deny": ["all"]}]})]}, "/x"),
    "proxy_passwords": ({"host/routes": [route(options={"auth_basic": ["x"]})]}, "acme.example"),
    "served_folders": (
        {"host/routes": [route(options={"locations": [{"location": "/x", "alias": ["/srv/x"]}]})]}, "/srv/x",
    ),
    "source_redirects": (
        {"host/routes": more(route(certificate="", options={"listen": ["80"], "return": ["301 https://$host$uri"]}))},
        "/etc/nginx/a sends acme.example from port 80 to https. Its certificate is valid for acme.example: url https://",
    ),
    "redirects": ({"host/routes": [route(options={"return": ["301 https://new.example"]})]}, "acme.example"),
    "proxy_limits": ({"host/routes": [route(options={"limit_req": ["zone=x"]})]}, "acme.example"),
    "upstream_elsewhere": ({"host/routes": [route(upstream="http://10.0.0.5:8069")]}, "10.0.0.5"),
    "long_proxy_times": ({"host/routes": [route(options={"proxy_read_timeout": ["900s"]})]}, "900s"),
    "plain_http": ({"db/parameters": options(**{"web.base.url": "http://acme.example"})}, "http://acme.example"),
    "certificate_ends": ({"host/certificates/0/not_after": "2027-01-20T00:00:00Z"}, "/c.pem (2027-01-20)"),
    "own_signature": ({"host/certificates/0/issuer": "CN=acme.example"}, "/c.pem"),
    "no_route": ({"host/routes": []}, "nginx"),
    # Integrations and users
    "live_payments": (endpoint("payment", "stripe", "payment Stripe (enabled)"), "stripe"),
    "test_payments": (endpoint("payment", "stripe", "payment Stripe (test)"), "stripe"),
    "oauth_providers": (endpoint("oauth", "accounts.example"), "accounts.example"),
    "ldap_servers": (endpoint("ldap", "ldap.example:389"), "ldap.example"),
    "endpoints_elsewhere": (endpoint("https", "gateway.example"), "gateway.example"),
    "private_addresses": (endpoint("https", "172.20.0.4"), "172.20.0.4"),
    "local_services": (endpoint("http", "localhost:9000"), "localhost:9000"),
    "open_connections": (
        {"host/connections": [{"direction": "out", "peer": "192.0.2.1", "port": 443, "process": "odoo"}]}, "192.0.2.1",
    ),
    "iap_accounts": ({"db/iap_accounts": 2}, "2 accounts"),
    "api_keys": ({"db/api_keys": 2}, "2 keys"),
    "website_domains": ({"db/websites": [{"name": "Shop", "domain": "https://shop.example"}]}, "shop.example"),
    "several_websites": ({"db/websites": [{"name": name, "domain": None} for name in ("a", "b")]}, "a, b"),
    "several_companies": ({"db/companies": 3}, "3 companies"),
    "nobody_active": ({"db/users/active_30_days": 0}, "0 of 3"),
    "many_users": ({"db/users/active_30_days": 60, "tenant/tier": "silver"}, "60 people"),
    "portal_users": ({"db/users/portal": 30}, "30 users"),
    "administrator_login": ({"db/users/administrator": "admin"}, "admin"),
}  # fmt: skip
KNOWN = {
    "storage_modules": "attachment_s3", "session_modules": "session_redis", "dbfilter_header": "dbfilter_from_header",
    "queue_modules": "queue_job", "backup_modules": "auto_backup", "iot_modules": "iot",
    "points_of_sale": "point_of_sale", "login_modules": "auth_saml", "calendar_modules": "google_calendar",
    "telephony_modules": "voip", "mail_plugins": "mail_plugin", "audit_modules": "auditlog",
    "monitoring_modules": "sentry", "environment_modules": "server_environment",
    "update_modules": "module_auto_update", "edi_modules": "edi_oca", "bank_modules": "account_ebics",
    "fiscal_modules": "l10n_it_edi", "shop_modules": "website_sale",
}  # fmt: skip
CASES.update({name: ({"db/modules": more(module(known))}, known) for name, known in KNOWN.items()})


def test_nothing_wrong_is_nothing_said() -> None:
    assert found() == ()


def test_what_somebody_wrote_as_an_address_may_be_none() -> None:
    said = {each.rule.id: each.evidence for each in found({
        "db/parameters": options(**{"web.base.url": "http://[acme:8069"}),
        "host/routes": more(route(upstream="http://[$backend]:8069")),
    })}  # fmt: skip
    assert "names no host" in said["base_url_undeclared"] and "upstream_elsewhere" not in said


def test_every_rule_has_its_case() -> None:
    assert set(CASES) == set(BY_ID) - {"not_discovered"}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_rule_fires_on_what_it_is_about(name: str) -> None:
    changes, evidence = CASES[name]
    own = [each for each in found(changes) if each.rule.id == name]
    assert len(own) == 1, [each.rule.id for each in found(changes)]
    assert evidence in own[0].evidence and own[0].member == MEMBER.name


def test_a_cluster_of_one_and_one_that_nobody_knows() -> None:
    alone = found({"declared/clusters": [{"name": "main", "members": ["db1"], "synchronous": False}]})
    assert [(each.rule.id, each.evidence) for each in alone] == [("asynchronous_target", "Cluster main is db1 alone.")]
    assert found({"declared/clusters": []}) == ()


def test_rules_are_said_well() -> None:
    assert len(BY_ID) == len(RULES) > 116
    assert len({each.title for each in RULES}) == len(RULES)
    for each in RULES:
        assert each.severity in SEVERITIES and each.cure.endswith((".", "?")), each.id
        assert each.title and not each.title.endswith("."), each.id
    assert len({area.title for area in AREAS}) == len(AREAS)


@pytest.mark.parametrize("name", [each.id for each in RULES if each.blocker])
def test_discovery_needs_nothing_that_is_declared_for_its_blockers(name: str) -> None:
    """They are looked at before anybody has declared a tenant; others would raise LookupError."""
    its = Subject(database=facts.database(), server=facts.server(), host=facts.host())
    assert BY_ID[name].check(its) == ""


def test_rules_look_at_what_discovery_really_writes() -> None:
    """Else a rule might never fire: every fact of the clean host is one that discovery makes of its records."""
    assert set(clean.database()) <= {*databases.database("x", (), set(), {}), "port"}
    assert set(clean.SERVER) <= set(databases.server(Record("cluster", "/s\n5432"), ()))
    real = result("legacy1", [Record("begin", "2027-01-10T10:00:00Z")])
    assert set(clean.record()) <= set(real)
    for part in ("system", "mail", "performance"):
        assert set(clean.record()[part]) <= set(real[part])


PLAIN = route(certificate="", options={"listen": ["80"], "return": ["301 https://$host$uri"]})


@pytest.mark.parametrize(
    ("url", "changes", "evidence"),
    [
        ("", {}, "url https://<address of legacy1>."),
        ("http://10.0.0.9", {}, "url https://<address of legacy1>."),
        ("http://10.0.0.9:8069", {}, ""),
        ("https://10.0.0.9", {}, ""),
        ("", {"certificates/0/issuer": "CN=acme.example"}, "url http://<address of legacy1>:8069."),
        ("", {"certificates/0/not_after": "2020-01-01T00:00:00Z"}, "url http://<address of legacy1>:8069."),
        ("", {"odoo/0/options": options(http_interface="127.0.0.1", http_port="8070"), "certificates": []},
         "url http://<address of legacy1>:8070, once it listens there (http_interface is 127.0.0.1)."),
        ("", {"routes/1/options/listen": ["443 ssl"]}, ""),
        ("", {"routes/1/hostnames": ["other.example"]}, ""),
        ("", {"routes/1/options": {"locations": [{"location": "/", "return": ["301 https://x"]}]}}, "url https://"),
        ("", {"routes/1/options": {"locations": [{"location": "/old", "return": ["301 https://x"]}]}}, ""),
    ],
)  # fmt: skip
def test_which_url_is_proposed_where_plain_http_is_sent_to_https(
    url: str, changes: dict[str, Any], evidence: str
) -> None:
    host = record()
    host["routes"].append(copy.deepcopy(PLAIN))
    for path, new in changes.items():
        changed(host, path, new)
    member = replace(MEMBER, url=url)
    target = evaluate.targets_from(declared())[member.name]
    said = rules_routes.source_redirects(evaluate.subject(member, [member], [host], target, TODAY))
    assert said.endswith(evidence) if evidence.endswith(".") else evidence in said
    assert bool(said) == bool(evidence)
