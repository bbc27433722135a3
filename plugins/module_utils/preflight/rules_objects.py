# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, indexes and other objects of the database that do not move by themselves."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Check, Subject, named

AREA = Area("Tables and other objects")
MAKES_TABLES = ("web_studio", "bi_sql_editor", "bi_view_editor", "base_custom_info", "sql_request_abstract")
MANY_ROWS = 100_000
NEAR_END = 0.7


@AREA.rule(
    "high", "Tables have no replica identity",
    "Once they are published, UPDATE and DELETE on them fail: set REPLICA IDENTITY first "
    "(USING INDEX where one fits, else FULL); wave_prepare does.", allow="replica_identity", blocker=True,
)  # fmt: skip
def no_replica_identity(its: Subject) -> str:
    without = [f"{each['schema']}.{each['name']}" for each in its.database["without_identity"]]
    return named(without, f"{len(without)} tables have no replica identity: {{}}.")


@AREA.rule(
    "medium", "Large tables have no key at all",
    "With REPLICA IDENTITY FULL each changed row is looked for in the whole table on the target: add a primary key.",
)  # fmt: skip
def large_tables_without_key(its: Subject) -> str:
    found = [f"{each['schema']}.{each['name']} ({each['rows']} rows)" for each in its.database["without_identity"]
             if each["rows"] >= MANY_ROWS and not each["usable_index"]]  # fmt: skip
    return named(found, "Without a key and an index that could be one: {}.")


@AREA.rule(
    "medium", "There are large objects",
    "They are not replicated: the wave copies them at cutover; vacuumlo shows which are orphans.", blocker=True,
)  # fmt: skip
def large_objects(its: Subject) -> str:
    found = its.database["large_objects"]
    return f"{found} large objects." if found else ""


@AREA.rule(
    "high", "Indexes call functions without a search_path",
    "Restoring them fails: ALTER FUNCTION … SET search_path = public, pg_temp before seeding.", allow="functions",
    blocker=True,
)  # fmt: skip
def unsafe_indexes(its: Subject) -> str:
    names = [f"{each['name']} ({each['function']})" for each in its.database["unsafe_indexes"]]
    return named(names, "Indexes on functions without a search_path of their own: {}.")


@AREA.rule(
    "medium", "Tables are made while Odoo runs",
    "A change of the schema breaks the replication: agree on a freeze from seeding to cutover.", blocker=True,
)  # fmt: skip
def makes_tables(its: Subject) -> str:
    makers = [each["name"] for each in its.database["modules"] if each["name"] in MAKES_TABLES]
    models = its.database["by_hand"].get("models") if its.database["modules"] else 0
    by_hand = [f"{models} models made by hand"] if models else []
    return named([*makers, *by_hand], "Tables are made while it runs: {}.")


@AREA.rule(
    "high", "Sequences are near their end",
    "Inserts fail when it is reached: make the column bigint and its sequence with it, on the source, before seeding.",
)  # fmt: skip
def full_sequences(its: Subject) -> str:
    found = [f"{each['name']} ({each['last']} of {each['most']})" for each in its.database.get("full_sequences", ())
             if each["last"] > NEAR_END * each["most"]]  # fmt: skip
    return named(found, "Sequences: {}.")


@AREA.rule(
    "medium", "Functions are written in other languages than SQL",
    "Install the languages' packages on the hosts of group postgres, or drop what nobody calls.",
)  # fmt: skip
def other_languages(its: Subject) -> str:
    return named(of_kind(its, "language"), "Languages: {}.")


def of_kind(its: Subject, kind: str) -> list[str]:
    return [each["name"] for each in its.database["objects"] if each["kind"] == kind]


def counted(kind: str) -> Check:
    """A check for objects of one kind."""

    def check(its: Subject) -> str:
        names = of_kind(its, kind)
        return named(names, f"{len(names)}: {{}}.")

    return check


def objects(kind: str, name: str, severity: str, title: str, cure: str, *, blocker: bool = True) -> None:
    AREA.add(name, severity, title, cure, counted(kind), blocker=blocker)


objects(
    "unlogged", "unlogged_tables", "medium", "Tables are not logged",
    "Their rows are not replicated. If they are needed: ALTER TABLE … SET LOGGED before seeding.",
)  # fmt: skip
objects(
    "matview", "materialized_views", "low", "There are materialized views",
    "They arrive empty: the wave refreshes them at cutover.",
)  # fmt: skip
objects(
    "foreign_table", "foreign_tables", "medium", "There are foreign tables",
    "Their rows live elsewhere: the server they name must be reachable from the target, or drop them.",
)  # fmt: skip
objects(
    "partitioned", "partitioned_tables", "medium", "There are partitioned tables",
    "Publish them via their root, or detach what is history before seeding.",
)  # fmt: skip
objects(
    "trigger", "triggers", "low", "There are triggers",
    "They do not fire while rows are replicated. Look whether one reaches outside the database.",
)  # fmt: skip
objects(
    "event_trigger", "event_triggers", "medium", "There are event triggers",
    "They fire on the target's DDL: disable them while seeding.",
)  # fmt: skip
objects(
    "invalid_index", "invalid_indexes", "low", "Indexes are invalid",
    "REINDEX or drop them; they would be built anew on the target.",
)  # fmt: skip
objects(
    "not_validated", "constraints_not_validated", "low", "Constraints were never validated",
    "Rows may break them: VALIDATE CONSTRAINT tells before the target does.",
)  # fmt: skip
objects(
    "rule", "rewrite_rules", "medium", "Tables have rewrite rules",
    "They do not apply to replicated rows: make a trigger of each, or drop it.", blocker=False,
)  # fmt: skip
objects(
    "row_security", "row_security", "medium", "Tables have row security",
    "Policies name roles of the source: look whether the tenant's role sees its rows on the target.", blocker=False,
)  # fmt: skip
objects(
    "inherited", "inherited_tables", "low", "Tables inherit from others",
    "Each is published by itself; look whether whoever made them still needs them.", blocker=False,
)  # fmt: skip
