# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of moving a database, each with evidence and cure. Pure.

severity: ``high`` stops a wave until it is cured; ``medium`` wants a decision or a step of the wave; ``low`` is to
know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Blocker = dict[str, str]
Facts = Mapping[str, Any]

SEVERITIES = ("high", "medium", "low")
OLDEST_WITH_PUBLICATIONS = 100000
MAKES_TABLES = ("web_studio", "bi_sql_editor", "bi_view_editor", "base_custom_info", "sql_request_abstract")
TRUSTED = (
    "plpgsql",
    "unaccent",
    "pg_trgm",
    "btree_gin",
    "btree_gist",
    "citext",
    "hstore",
    "pgcrypto",
    "uuid-ossp",
    "fuzzystrmatch",
    "tablefunc",
    "ltree",
    "intarray",
)
OBJECTS = {
    "unlogged": (
        "unlogged_tables",
        "medium",
        "Their rows are not replicated. If they are needed: ALTER TABLE … SET LOGGED before seeding.",
    ),
    "matview": ("materialized_views", "low", "They arrive empty: the wave refreshes them at cutover."),
    "foreign_table": (
        "foreign_tables",
        "medium",
        "Their rows live elsewhere: the server they name must be reachable from the target, or drop them.",
    ),
    "partitioned": (
        "partitioned_tables",
        "medium",
        "Publish them via their root, or detach what is history before seeding.",
    ),
    "trigger": (
        "triggers",
        "low",
        "They do not fire while rows are replicated. Look whether one reaches outside the database.",
    ),
    "event_trigger": ("event_triggers", "medium", "They fire on the target's DDL: disable them while seeding."),
    "invalid_index": ("invalid_indexes", "low", "REINDEX or drop them; they would be built anew on the target."),
    "not_validated": (
        "constraints_not_validated",
        "low",
        "Rows may break them: VALIDATE CONSTRAINT tells before the target does.",
    ),
}


def blocker(name: str, severity: str, evidence: str, cure: str) -> Blocker:
    return {"id": name, "severity": severity, "evidence": evidence, "cure": cure}


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names for a sentence: the first few, and how many more."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def blockers(database: Facts, server: Facts, host: Facts) -> list[Blocker]:
    """All of one database, the gravest first. host: ``odoo`` and ``remote_servers`` of the result."""
    found: list[Blocker] = []
    for rule in RULES:
        found += rule(database, server, host)
    return sorted(found, key=lambda each: (SEVERITIES.index(each["severity"]), each["id"]))


def of_server(database: Facts, server: Facts, _host: Facts) -> Iterator[Blocker]:
    if server["number"] and server["number"] < OLDEST_WITH_PUBLICATIONS:
        yield blocker(
            "postgres_too_old",
            "high",
            f"PostgreSQL {server['version']} has no logical replication.",
            "Upgrade it to 10 or newer on the source, or move with a dump and its downtime.",
        )
    if server["standby"]:
        yield blocker("standby", "high", "This server is a standby.", "Discover and move the primary instead.")
    if server["wal_level"] != "logical":
        yield blocker(
            "wal_level",
            "medium",
            f"wal_level is {server['wal_level'] or 'unknown'}.",
            "ALTER SYSTEM SET wal_level = logical and one restart of PostgreSQL before seeding (some seconds).",
        )
    free = server["max_replication_slots"] - len(server["slots"])
    if free < 2:
        yield blocker(
            "replication_slots",
            "medium",
            f"{len(server['slots'])} of {server['max_replication_slots']} replication slots are used.",
            "Raise max_replication_slots and max_wal_senders with the same restart.",
        )
    wanted = max(1024, database["bytes"] // 1048576 // 5)
    if server["wal_free_mb"] is not None and server["wal_free_mb"] < wanted:
        yield blocker(
            "wal_disk",
            "high",
            f"{server['wal_free_mb']} MB are free where the WAL is; while seeding it may keep {wanted} MB.",
            "Make room, or set max_slot_wal_keep_size (13 and newer) and accept that seeding may have to start anew.",
        )
    if database["encoding"] not in ("UTF8", None):
        yield blocker(
            "encoding",
            "high",
            f"The encoding is {database['encoding']}.",
            "Move it with a dump that is converted to UTF8, and test the result.",
        )
    if database["xid_age"] > 1_500_000_000:
        yield blocker(
            "transaction_age",
            "medium",
            f"The oldest transaction is {database['xid_age']} back.",
            "VACUUM FREEZE before seeding: the slot holds vacuum back.",
        )


def of_tables(database: Facts, _server: Facts, _host: Facts) -> Iterator[Blocker]:
    without = [f"{each['schema']}.{each['name']}" for each in database["without_identity"]]
    if without:
        yield blocker(
            "no_replica_identity",
            "high",
            f"{len(without)} tables have no replica identity: {listed(without)}.",
            "Once they are published, UPDATE and DELETE on them fail: set REPLICA IDENTITY first "
            "(USING INDEX where one fits, else FULL); wave_prepare does.",
        )
    if database["large_objects"]:
        yield blocker(
            "large_objects",
            "medium",
            f"{database['large_objects']} large objects.",
            "They are not replicated: the wave copies them at cutover; vacuumlo shows which are orphans.",
        )
    for kind, (name, severity, cure) in OBJECTS.items():
        names = [each["name"] for each in database["objects"] if each["kind"] == kind]
        if names:
            yield blocker(name, severity, f"{len(names)}: {listed(names)}.", cure)
    if database["unsafe_indexes"]:
        names = [f"{each['name']} ({each['function']})" for each in database["unsafe_indexes"]]
        yield blocker(
            "unsafe_indexes",
            "high",
            f"Indexes on functions without a search_path of their own: {listed(names)}.",
            "Restoring them fails: ALTER FUNCTION … SET search_path = public, pg_temp before seeding.",
        )
    strange = [each["name"] for each in database["extensions"] if each["name"] not in TRUSTED]
    if strange:
        yield blocker(
            "extensions",
            "medium",
            f"Extensions: {listed(strange)}.",
            "The target must have them: add their packages, or drop them.",
        )


def of_roles(database: Facts, server: Facts, _host: Facts) -> Iterator[Blocker]:
    others = sorted(
        {each["role"] for each in database["grants"]}
        | {each["role"] for each in database["owners"] if each["role"] not in (database["owner"], "postgres")}
    )
    if others:
        yield blocker(
            "other_roles",
            "medium",
            f"Roles beside the owner have rights: {listed(others)}.",
            "Declare who needs them on the target; each gets a new password there.",
        )
    weak = [each["name"] for each in server["roles"] if each["password"] == "md5" and each["login"]]
    if weak:
        yield blocker(
            "md5_passwords",
            "low",
            f"Passwords kept as md5: {listed(weak)}.",
            "The target takes SCRAM only: new passwords.",
        )
    settings = [f"{each['setting']}" for each in server["overrides"] if each["database"] == database["name"]]
    if settings:
        yield blocker(
            "database_settings",
            "low",
            f"Settings of its own: {listed(settings)}.",
            "They are not in a dump: declare those that are still wanted.",
        )


def of_odoo(database: Facts, _server: Facts, _host: Facts) -> Iterator[Blocker]:
    if not database["modules"]:
        yield blocker(
            "not_odoo",
            "high",
            "It has no table ir_module_module.",
            "It is not a tenant: move it by other means, or drop it.",
        )
        return
    pending = [f"{each['name']} ({each['state']})" for each in database["modules"] if each["state"].startswith("to ")]
    if pending:
        yield blocker(
            "pending_modules",
            "high",
            f"Operations that were not finished: {listed(pending)}.",
            "Finish or cancel them in Odoo first.",
        )
    missing = [each["name"] for each in database["modules"] if each["origin"] == "missing"]
    if missing:
        yield blocker(
            "missing_modules",
            "high",
            f"Installed, but their code is nowhere: {listed(missing)}.",
            "Find the code, or uninstall them and clean up what they left.",
        )
    makers = [each["name"] for each in database["modules"] if each["name"] in MAKES_TABLES]
    if makers or database["by_hand"].get("models"):
        what = listed(
            [
                *makers,
                *(
                    [f"{database['by_hand']['models']} models made by hand"]
                    if database["by_hand"].get("models")
                    else []
                ),
            ]
        )
        yield blocker(
            "makes_tables",
            "medium",
            f"Tables are made while it runs: {what}.",
            "A change of the schema breaks the replication: agree on a freeze from seeding to cutover.",
        )


def of_host(database: Facts, _server: Facts, host: Facts) -> Iterator[Blocker]:
    if not database["modules"]:
        return
    patched = [path for each in host["odoo"] for path in each["patched_files"]]
    if patched:
        yield blocker(
            "core_patches",
            "medium",
            f"Files of Odoo itself were changed: {listed(patched)}.",
            "Make a module of each change, or show that it is not needed any more.",
        )
    if host["remote_servers"]:
        yield blocker(
            "database_elsewhere",
            "medium",
            f"A configuration names PostgreSQL on {listed(host['remote_servers'])}.",
            "Add that host to group legacy: what this host's databases say may be old.",
        )


def of_filestore(database: Facts, _server: Facts, _host: Facts) -> Iterator[Blocker]:
    files = database["filestore"]
    if files["missing_count"]:
        yield blocker(
            "filestore_missing",
            "medium",
            f"{files['missing_count']} attachments have no file: {listed(files['missing'], 3)}.",
            "Restore them from a backup, or note that they were lost before the move.",
        )
    if files["corrupt"]:
        yield blocker(
            "filestore_corrupt",
            "medium",
            f"{len(files['corrupt'])} files are not what was stored: {listed(files['corrupt'], 3)}.",
            "Restore them from a backup, or note that they were damaged before the move.",
        )
    if files["orphans"]:
        yield blocker(
            "filestore_orphans",
            "low",
            f"{files['orphans']} files ({files['orphan_bytes']} bytes) belong to no attachment.",
            "They need not move.",
        )
    if files["unreadable"]:
        yield blocker(
            "filestore_unreadable",
            "high",
            f"{listed(files['unreadable'], 3)}.",
            "Give the account that reads the host access to them.",
        )
    if database["attachments"].get("database", {}).get("number"):
        yield blocker(
            "attachments_in_database",
            "low",
            f"{database['attachments']['database']['number']} attachments are kept in the database.",
            "They move with it; Odoo's force_storage moves them to the filestore afterwards.",
        )
    if database["mail"].get("queued"):
        yield blocker(
            "queued_mail",
            "medium",
            f"{database['mail']['queued']} mails wait to be sent.",
            "Let the source send them before cutover, else the target does; a rehearsal must never.",
        )


RULES: tuple[Callable[[Facts, Facts, Facts], Iterator[Blocker]], ...] = (
    of_server,
    of_tables,
    of_roles,
    of_odoo,
    of_host,
    of_filestore,
)
