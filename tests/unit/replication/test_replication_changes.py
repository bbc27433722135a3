# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as ``test_decoding`` of PostgreSQL 13 writes them."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.replication.changes import changed
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import Table


def table(name: str, schema: str = "public") -> Table:
    return Table(schema=schema, name=name)


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("table public.x: INSERT: id[integer]:7 name[character varying]:'a'", {7}),
        ("table public.x: INSERT: name[character varying]:'id[integer]:9' id[bigint]:7", {7}),
        ("table public.x: INSERT: name[text]:'it''s id[integer]:9 ''' id[integer]:7 more[text]:null", {7}),
        ("table public.x: INSERT: name[text]:'two\nlines id[integer]:9' id[integer]:-7", {-7}),
        ("table public.x: UPDATE: id[integer]:7 name[text]:unchanged-toast-datum", {7}),
        ("table public.x: UPDATE: old-key: id[integer]:5 new-tuple: id[integer]:7 name[text]:'a'", {5, 7}),
        ("table public.x: DELETE: id[integer]:7", {7}),
        ("table public.x: DELETE: (no-tuple-data)", None),
        ("table public.x: TRUNCATE: (no-flags)", None),
        ("table public.x: INSERT: id[character varying]:'7' name[text]:'a'", None),
        ("table public.x: INSERT: partner_id[integer]:7 product_id[integer]:8", None),
    ],
)
def test_a_row_is_known_by_its_id(line: str, ids: set[int] | None) -> None:
    assert changed(["BEGIN", line, "COMMIT"]) == {table("x"): ids}


def test_names_are_read_as_they_are_quoted() -> None:
    found = changed(['table "o dd"."x "".: Name": INSERT: id[integer]:1 t[text]:\'a\''])
    assert found == {table('x ".: Name', "o dd"): {1}}


def test_ids_of_a_table_come_together_and_one_row_without_makes_it_whole() -> None:
    lines = ["table public.x: DELETE: id[integer]:1", "table public.x: DELETE: id[integer]:2",
             "table public.y: DELETE: id[integer]:1", "table public.y: TRUNCATE: (no-flags)",
             "table public.y: DELETE: id[integer]:3"]  # fmt: skip
    assert changed(lines) == {table("x"): {1, 2}, table("y"): None}


def test_tables_that_are_emptied_together_are_compared_whole() -> None:
    lines = ["table public.x: INSERT: id[integer]:1",
             'table public.x, "o dd"."a, b.c", public.z: TRUNCATE: restart_seqs cascade',
             "table public.z: INSERT: id[integer]:2"]  # fmt: skip
    assert changed(lines) == {table("x"): None, table("a, b.c", "o dd"): None, table("z"): None}
