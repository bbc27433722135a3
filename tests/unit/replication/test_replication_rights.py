# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose rights, settings and comments are carried, taken away or left, and by which statements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication import rights
from ansible_collections.erpops.odoo.plugins.module_utils.replication.rights import Beside, Right, Roles

KNOWN = {"odoo": "acme", "bi": "reader"}
ROLES = Roles(
    known=KNOWN, owner="acme", where="the target", version=170_000, exact=frozenset({"", "acme", "reader"})
)  # fmt: skip


def right(privilege: str, grantee: str, kind: str = "TABLE", name: str = "public.t", creator: str = "") -> Right:
    return Right(kind=kind, object=name, privilege=privilege, grantee=grantee, creator=creator)


def said(wanted: dict[Right, bool], there: dict[Right, bool], exact: frozenset[str] = ROLES.exact) -> list[str]:
    return [each.as_string() for each in rights.granting(wanted, there, exact)]


def test_roles_are_translated_and_who_is_not_there_is_said_once() -> None:
    given = Beside(
        rights={
            right("SELECT", "bi"): True,
            right("SELECT", ""): False,
            right("SELECT", "odoo"): False,
            right("SELECT", "nobody"): False,
            right("UPDATE", "nobody"): False,
            right("SELECT", "bi", "TABLES", "public", creator="odoo"): False,
            right("SELECT", "bi", "TABLES", "", creator="gone"): False,
        },
        settings={("", "work_mem"): "8MB", ("bi", "work_mem"): "9MB", ("gone", "work_mem"): "7MB"},
    )
    wanted, left = rights.translated(given, ROLES)
    assert wanted.rights == {
        right("SELECT", "reader"): True,
        right("SELECT", ""): False,
        right("SELECT", "reader", "TABLES", "public", creator="acme"): False,
    }
    assert wanted.settings == {("", "work_mem"): "8MB", ("reader", "work_mem"): "9MB"}
    assert left == [
        "role gone: SELECT on tables of gone by default and 1 more: there is no such role on the target",
        "role nobody: SELECT on table public.t and 1 more: there is no such role on the target",
    ]


def test_what_an_older_server_does_not_know_is_left() -> None:
    given = Beside(rights={right("MAINTAIN", "bi"): False, right("SELECT", "bi"): False})
    assert rights.translated(given, ROLES)[1] == []
    wanted, left = rights.translated(given, replace(ROLES, version=130_000, where="the source"))
    assert list(wanted.rights) == [right("SELECT", "reader")]
    assert left == ["MAINTAIN on table public.t to bi: PostgreSQL of the source does not know it"]


def test_a_role_that_stands_for_several_is_nobodys() -> None:
    back = replace(ROLES, known={"acme": "odoo"}, where="the source", shared=frozenset({"reader"}))
    wanted, left = rights.translated(Beside(rights={right("SELECT", "reader"): False}), back)
    assert wanted.rights == {}
    assert left == ["role reader: SELECT on table public.t: several roles of the source are that one"]


def test_what_is_too_much_goes_first_and_the_rest_is_given_again() -> None:
    wanted = {right("SELECT", "reader"): False, right("UPDATE", "reader"): True}
    assert said(wanted, wanted) == []
    assert said(wanted, {}) == [
        'GRANT SELECT ON TABLE public.t TO "reader"',
        'GRANT UPDATE ON TABLE public.t TO "reader" WITH GRANT OPTION',
    ]
    assert said(wanted, {**wanted, right("DELETE", ""): False, right("SELECT", "reader"): True}) == [
        "REVOKE DELETE ON TABLE public.t FROM PUBLIC CASCADE",
        'REVOKE GRANT OPTION FOR SELECT ON TABLE public.t FROM "reader" CASCADE',
        'GRANT SELECT ON TABLE public.t TO "reader"',
        'GRANT UPDATE ON TABLE public.t TO "reader" WITH GRANT OPTION',
    ]


def test_rights_by_default() -> None:
    wanted = {right("SELECT", "reader", "TABLES", "public", creator="acme"): False}
    there = {right("EXECUTE", "", "FUNCTIONS", "", creator="acme"): False}
    assert said(wanted, there) == [
        'ALTER DEFAULT PRIVILEGES FOR ROLE "acme" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC CASCADE',
        'ALTER DEFAULT PRIVILEGES FOR ROLE "acme" IN SCHEMA public GRANT SELECT ON TABLES TO "reader"',
    ]


@pytest.mark.parametrize("exact", [frozenset(), frozenset({""}), frozenset({"reader"})])
def test_nothing_is_taken_of_whom_the_giver_may_never_have_had(exact: frozenset[str]) -> None:
    assert said({}, {right("SELECT", "reader", creator="acme"): False}, exact) == []


def test_others_of_the_taker_are_not_looked_at() -> None:
    there = Beside(
        rights={
            right("SELECT", "backup"): False,
            right("SELECT", "acme"): False,
            right("SELECT", "reader", "TABLES", creator="backup"): False,
            right("SELECT", "reader"): False,
        },
        settings={("backup", "work_mem"): "1MB", ("", "jit"): "off"},
    )
    seen = rights.within(there, ROLES)
    assert list(seen.rights) == [right("SELECT", "reader")] and list(seen.settings) == [("", "jit")]


def test_settings_that_differ() -> None:
    wanted = Beside(settings={("", "work_mem"): "8MB", ("", "jit"): "off"})
    there = Beside(settings={("", "work_mem"): "9MB", ("", "jit"): "off", ("reader", "jit"): "on", ("x", "jit"): "on"})
    assert list(rights.set_anew(wanted, there, ROLES.exact)) == [("", "work_mem", "8MB"), ("reader", "jit", None)]
    name = rights.sql.Identifier("acme")
    assert [rights.setting(name, role, "search_path", value).as_string() for role, value in (
        ("", '"$user", public'), ("reader", None))] == [
        """ALTER DATABASE "acme" SET "search_path" = '$user', 'public'""",
        """ALTER ROLE "reader" IN DATABASE "acme" RESET "search_path\"""",
    ]  # fmt: skip


def test_comments_that_differ() -> None:
    wanted = {("TABLE", "public.t"): "it's", ("COLUMN", "public.t.a"): "same"}
    there = {("COLUMN", "public.t.a"): "same", ("CONSTRAINT", 'c ON public."T"'): "old"}
    assert [each.as_string() for each in rights.commented(wanted, there)] == [
        'COMMENT ON CONSTRAINT c ON public."T" IS NULL',
        "COMMENT ON TABLE public.t IS 'it''s'",
    ]
