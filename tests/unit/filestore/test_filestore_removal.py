# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be proved before a tenant is dropped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.filestore import removal, removal_client
from ansible_collections.erpops.odoo.plugins.module_utils.filestore.removal import Content, Kept

SENT = b"dump"
DUMP = Kept(
    tenant="elm",
    kind="dump",
    path="/var/lib/erpops/removal/elm.dump",
    sha256=hashlib.sha256(SENT).hexdigest(),
    size=len(SENT),
    tables=2,
    rows=7,
)
FILES = replace(DUMP, kind="filestore", path="/var/lib/erpops/removal/elm-filestore.tar", tables=0, rows=0, files=3)


def test_only_confirmed_tenants_that_are_declared_absent() -> None:
    assert removal.confirmed(["elm", "oak"], ["elm", "elm"]) == ("elm",)
    with pytest.raises(InputError) as error:
        removal.confirmed(["elm"], ["elm", "acme", "typo"])
    assert [problem.subject for problem in error.value.problems] == ["tenant acme", "tenant typo"]


def test_the_same_content_is_accepted() -> None:
    content = Content({"public.a": 3}, {"public.a_id_seq": 3, "public.fresh": None})
    removal.require_same("elm", content, content)


@pytest.mark.parametrize(
    ("restored", "named"),
    [
        (Content({"public.a": 2}, {"public.s": 5}), "table public.a: 3 in the database, 2 restored"),
        (Content({}, {"public.s": 5}), "table public.a: 3 in the database, absent restored"),
        (Content({"public.a": 3, "public.b": 0}, {"public.s": 5}), "table public.b: absent in the database"),
        (Content({"public.a": 3}, {"public.s": 4}), "sequence public.s: 5 in the database, 4 restored"),
    ],
)
def test_another_content_is_refused(restored: Content, named: str) -> None:
    with pytest.raises(Refused) as error:
        removal.require_same("elm", Content({"public.a": 3}, {"public.s": 5}), restored)
    assert named in str(error.value)


def test_an_empty_database_proves_nothing() -> None:
    with pytest.raises(Refused, match="no tables"):
        removal.require_same("elm", Content(), Content())


def test_the_proof_is_what_the_drop_asks_for() -> None:
    proof = removal.proof([DUMP, FILES], "core1")["elm"]
    assert proof["restored"] is True
    assert proof["dump"] == "core1:/var/lib/erpops/removal/elm.dump"
    removal.require_proofs(["elm"], {"elm": proof})


@pytest.mark.parametrize("kept", [[], [DUMP], [FILES]])
def test_a_filestore_stays_without_both_copies(kept: list[Kept]) -> None:
    with pytest.raises(Refused):
        removal.require_proofs(["elm"], removal.proof(kept, "core1"))


def arrive(folder: Path, content: bytes) -> Path:
    incoming = folder / "incoming"
    incoming.mkdir(exist_ok=True)
    (incoming / "elm.dump").write_bytes(content)
    return incoming


def test_what_arrives_as_it_was_sent_is_kept(tmp_path: Path) -> None:
    kept = removal_client.keep(DUMP, arrive(tmp_path, SENT), tmp_path / "elm")
    assert Path(kept.path).read_bytes() == SENT
    assert Path(kept.path).stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "elm" / "dump.json").read_text())["rows"] == 7
    assert removal_client.is_kept(DUMP, tmp_path / "elm")
    # A second run finds it in its place.
    assert removal_client.keep(DUMP, tmp_path / "incoming", tmp_path / "elm") == kept


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="did not arrive"):
        removal_client.keep(DUMP, arrive(tmp_path, SENT[:-1]), tmp_path / "elm")


def test_a_copy_that_never_arrived_or_changed_since_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not in the store"):
        removal_client.keep(DUMP, tmp_path / "incoming", tmp_path / "elm")
    kept = removal_client.keep(DUMP, arrive(tmp_path, SENT), tmp_path / "elm")
    Path(kept.path).write_bytes(b"else")
    with pytest.raises(Refused, match="not in the store"):
        removal_client.keep(DUMP, tmp_path / "incoming", tmp_path / "elm")
