# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The member's database: how it was made, who has rights in it."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, named

AREA = Area("Database")
LOCALES = ("C", "POSIX", "C.UTF-8", "C.utf8", "en_US.UTF-8", "en_US.utf8", None)
TRUSTED = (
    "plpgsql", "unaccent", "pg_trgm", "btree_gin", "btree_gist", "citext", "hstore", "pgcrypto", "uuid-ossp",
    "fuzzystrmatch", "tablefunc", "ltree", "intarray",
)  # fmt: skip


@AREA.rule(
    "high", "The encoding is not UTF8", "Move it with a dump that is converted to UTF8, and test the result.",
    blocker=True,
)  # fmt: skip
def encoding(its: Subject) -> str:
    found = its.database["encoding"]
    return f"The encoding is {found}." if found not in ("UTF8", None) else ""


@AREA.rule(
    "medium", "The database needs a locale that the target may not have",
    "Generate the locale on the hosts of group postgres (package locales, /etc/locale.gen) before seeding.",
)  # fmt: skip
def locale(its: Subject) -> str:
    found = {its.database["collate"], its.database.get("ctype")}
    return named(sorted(found - set(LOCALES)), "Its collation and character types are {}.")


@AREA.rule(
    "medium", "Transaction numbers are near their end", "VACUUM FREEZE before seeding: the slot holds vacuum back.",
    blocker=True,
)  # fmt: skip
def transaction_age(its: Subject) -> str:
    age = its.database["xid_age"]
    return f"The oldest transaction is {age} back." if age > 1_500_000_000 else ""


@AREA.rule(
    "high", "It is not Odoo's", "It is not a tenant: move it by other means, or drop it.", blocker=True,
)  # fmt: skip
def not_odoo(its: Subject) -> str:
    return "" if its.database["modules"] else "It has no table ir_module_module."


@AREA.rule(
    "high", "The database is a neutralized copy",
    "Its mail servers and schedules are switched off, so it is no customer's live database: name the right one.",
)  # fmt: skip
def neutralized(its: Subject) -> str:
    value = str(its.database["parameters"].get("database.is_neutralized", ""))
    return f"Parameter database.is_neutralized is {value}." if value.lower() == "true" else ""


@AREA.rule(
    "medium", "Another database has the same uuid",
    "One is a copy of the other: give the copy a new database.uuid, so that Odoo's services tell them apart.",
)  # fmt: skip
def uuid_twice(its: Subject) -> str:
    return named(its.twins, f"{its.database['uuid']} is also that of {{}}.")


@AREA.rule(
    "medium", "The database limits its connections",
    "The limit does not follow: the tenant's limits.connections takes its place. Raise it if the wave must come in.",
)  # fmt: skip
def connection_limit(its: Subject) -> str:
    limit = its.database.get("connection_limit")
    return f"CONNECTION LIMIT {limit}." if limit is not None and limit >= 0 else ""


@AREA.rule(
    "medium", "Extensions must be on the target", "The target must have them: add their packages, or drop them.",
    blocker=True,
)  # fmt: skip
def extensions(its: Subject) -> str:
    names = [each["name"] for each in its.database["extensions"] if each["name"] not in TRUSTED]
    return named(names, "Extensions: {}.")


@AREA.rule(
    "low", "Something lies in schemas of its own",
    "It moves with the database; tell whoever reads it where that will be.",
)  # fmt: skip
def own_schemas(its: Subject) -> str:
    found = [f"{each['name']} ({each['relations']} relations of {each['owner']})" for each in its.database["schemas"]]
    return named(found, "Schemas: {}.")


@AREA.rule(
    "medium", "Roles beside the owner have rights",
    "Declare who needs them on the target (wave_move_roles); each gets a new password there.", blocker=True,
)  # fmt: skip
def other_roles(its: Subject) -> str:
    owner = its.database["owner"]
    found = {each["role"] for each in its.database["grants"]}
    found |= {each["role"] for each in its.database["owners"] if each["role"] not in (owner, "postgres")}
    return named(sorted(found - set(its.target.roles if its.target else ())), "Roles beside the owner have rights: {}.")


@AREA.rule(
    "low", "The database has settings of its own", "They are not in a dump: declare those that are still wanted.",
    blocker=True,
)  # fmt: skip
def database_settings(its: Subject) -> str:
    names = [each["setting"] for each in its.server["overrides"] if each["database"] == its.database["name"]]
    return named(names, "Settings of its own: {}.")


@AREA.rule(
    "medium", "The database publishes or follows already",
    "Find out who reads or feeds it: the move adds its own publication, and a subscription stops at the fence.",
)  # fmt: skip
def replicates_already(its: Subject) -> str:
    found = [f"{each['kind']} {each['name']}" for each in its.database.get("replication", ())]
    return named(found, "There are {}.")
