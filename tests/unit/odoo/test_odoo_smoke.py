# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What probes say, and which of it is a failure."""

from __future__ import annotations

import ast
import hashlib
import sys
from typing import Any

import pytest
from odoo_estates import allocation, tenant

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.odoo import smoke, smoke_client, smoke_probes
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.smoke_probes import Denied, Failed, Skipped, User

INSTALLED = {"base": "14.0.1.3", "sale": "14.0.1.0"}


def test_modules_are_all_in_the_image_in_their_versions() -> None:
    assert smoke.modules(INSTALLED, {**INSTALLED, "stock": "14.0.1.0"}).status == smoke.OK
    found = smoke.modules({**INSTALLED, "x_gone": "", "x_own": "14.0.2"}, {**INSTALLED, "sale": "14.0.1.1"})
    assert found.status == smoke.FAILED
    assert "not in the image: x_gone, x_own" in found.evidence
    assert "of other versions: sale 14.0.1.0 -> 14.0.1.1" in found.evidence


def test_many_names_are_cut_off() -> None:
    assert smoke.listed([str(number) for number in range(14)]).endswith("11 and 2 more")


def facts(active: int, total: int) -> smoke.Facts:
    return smoke.Facts(
        neutralized=True, installed={}, pending=(), crons=active, all_crons=total, mails={}, there=()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("active", "total", "copy", "status"),
    [
        (0, 20, True, "ok"),
        (1, 20, True, "ok"),
        (2, 20, True, "failed"),  # one that was not switched off
        (1, 19, True, "failed"),  # one that the source has
        (1, 21, True, "ok"),  # an update brought one
        (15, 20, False, "ok"),
        (3, 20, False, "ok"),  # somebody may switch some off
        (0, 20, False, "failed"),
    ],
)
def test_crons_are_held_against_those_of_the_source(active: int, total: int, copy: bool, status: str) -> None:
    found = smoke.crons(facts(active, total), smoke.Crons(active=15, total=20), copy=copy)
    assert found.status == status and f"{active} of {total} active, 15 of 20 on the source" in found.evidence


def test_crons_of_an_unknown_source_are_counted() -> None:
    assert [smoke.crons(facts(count, 20), None, copy=True).status for count in (0, 1, 2)] == ["ok", "ok", "failed"]
    assert smoke.crons(facts(0, 1), None, copy=False).status == smoke.OK


def test_a_module_that_waits_for_something_is_a_failure() -> None:
    assert smoke.registry([]).status == smoke.OK
    assert (smoke.registry(["sale"]).status, smoke.registry(["sale"]).evidence) == (smoke.FAILED, "waiting: sale")


def test_a_sequence_behind_its_table_is_a_failure() -> None:
    assert smoke.ids(300, []).status == smoke.OK
    found = smoke.ids(300, ["res_partner_id_seq: next 2, highest 70"])
    assert found.status == smoke.FAILED and "next 2, highest 70" in found.evidence


FILES = [smoke.Attachment(name=f"aa/{name}", checksum=name) for name in ("aa1", "aa2", "aa3")]


@pytest.mark.parametrize(
    ("sums", "known", "status", "evidence"),
    [
        ({"aa/aa1": "aa1", "aa/aa2": "aa2", "aa/aa3": "aa3"}, [], "ok", "3 of 3 have their checksum"),
        ({"aa/aa1": "aa1", "aa/aa2": "aa2"}, [], "failed", "2 of 3 have their checksum, not aa/aa3"),
        ({"aa/aa1": "aa1", "aa/aa2": "aa2", "aa/aa3": "x"}, [], "failed", "2 of 3 have their checksum, not aa/aa3"),
        (
            {"aa/aa1": "aa1", "aa/aa2": "aa2"},
            ["aa/aa3"],
            "ok",
            "2 of 2 have their checksum; 1 are missing on the source",
        ),
        ({}, ["aa/aa3"], "failed", "0 of 2"),
    ],
)
def test_one_wrong_file_is_a_failure(sums: dict[str, str], known: list[str], status: str, evidence: str) -> None:
    found = smoke.attachments(FILES, sums, known)
    assert found[0] == status and found[1].startswith(evidence)


def test_without_files_there_is_nothing_to_try() -> None:
    assert smoke.attachments([], {}, []) == (smoke.SKIPPED, "there is none in the filestore")


def test_what_is_excused_stays_in_sight() -> None:
    probes = smoke.probes_from([
        {"name": "boot", "status": "ok", "seconds": 1.0, "evidence": "200"},
        {"name": "invoice", "status": "failed", "seconds": 0.0, "evidence": "no wkhtmltopdf"},
        {"name": "timesheets", "status": "skipped", "seconds": 0.0, "evidence": "module hr_timesheet is not installed"},
    ])  # fmt: skip
    assert [each.field for each in smoke.problems("x", smoke.excused(probes, {"boot": "why"}))] == ["invoice"]
    found = smoke.excused(probes, {"invoice": "printed elsewhere", "boot": "why"})
    assert [each.status for each in found] == ["ok", "excused", "skipped"] and smoke.problems("x", found) == []
    assert smoke.summary(found) == (
        "1 of 3 probes passed; invoice excused: no wkhtmltopdf; excused: printed elsewhere;"
        " timesheets skipped: module hr_timesheet is not installed"
    )
    assert smoke.summary([]) == ""


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({}, {}, "ok"),
        ({"sent": 5, "cancel": 1}, {"sent": 5, "cancel": 1, "exception": 1}, "ok"),
        ({"sent": 4}, {"sent": 5}, "failed"),
        ({}, {"outgoing": 1}, "failed"),
    ],
)
def test_no_mail_left_and_none_waits(before: dict[str, int], after: dict[str, int], status: str) -> None:
    assert smoke.mail(before, after).status == status


def test_each_failure_is_a_problem_with_its_cure() -> None:
    probes = smoke.probes_from([
        {"name": "boot", "status": "ok", "seconds": 1.0, "evidence": "200"},
        {"name": "login anna", "status": "failed", "seconds": 0.1, "evidence": "no session"},
        {"name": "invoice", "status": "skipped", "seconds": 0.0, "evidence": "no wkhtmltopdf"},
        {"name": "modules", "status": "failed", "seconds": 0.0, "evidence": "not in the image: x"},
    ])  # fmt: skip
    found = smoke.problems("database acme__rehearsal", probes)
    assert [(each.field, each.value) for each in found] == [
        ("login anna", "no session"), ("modules", "not in the image: x"),
    ]  # fmt: skip
    assert "Add them to the image" in found[1].cure


def test_only_a_copy_is_tried() -> None:
    assert smoke.database("acme", "copy", None) == "acme__rehearsal"
    assert smoke.database("acme", "running", None) == "acme"
    smoke.check_name("acme", "acme__rehearsal")
    with pytest.raises(Refused, match="not a neutralized copy"):
        smoke.check_name("acme", "acme")


def test_where_the_tenant_is_not_nothing_is_tried() -> None:
    assert smoke.resident("acme", [tenant()], [allocation()], "app1").name == "acme"
    with pytest.raises(InputError, match="Declare it"):
        smoke.resident("other", [tenant()], [allocation()], "app1")
    for places in ([], [allocation(app_host="app2")]):
        with pytest.raises(InputError, match="app host that owns it"):
            smoke.resident("acme", [tenant()], places, "app1")


def test_a_unit_that_serves_is_not_changed() -> None:
    assert smoke.outcome("acme", "running", "image")[2] == ()
    before, after, actions = smoke.outcome("acme__rehearsal", "copy", "image")
    assert before != after and actions[0].verb == "try"


# The probes themselves


class Fake(User):
    """Answers by model and method; an answer that is an exception is raised."""

    def __init__(self, answers: dict[str, Any], pages: dict[str, tuple[int, bytes]] | None = None) -> None:
        super().__init__("anna")
        self.answers, self.pages = answers, pages or {}

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        answer = self.answers[f"{model}.{method}"]
        if isinstance(answer, Exception):
            raise answer
        return answer.pop(0) if method == "next_by_id" else answer

    def get(self, path: str) -> tuple[int, bytes]:
        return self.pages[path]


def status(work: Any) -> tuple[str, str]:
    found = smoke_probes.probed("one", work)
    return found["status"], found["evidence"]


def raising(error: Exception) -> Any:
    def work(*_given: Any) -> str:
        raise error

    return work


def test_a_probe_never_stops_the_others() -> None:
    assert status(lambda: "seen") == ("ok", "seen")
    assert status(raising(Failed("wrong"))) == ("failed", "wrong")
    assert status(raising(Skipped("no reason to"))) == ("skipped", "no reason to")
    assert status(raising(KeyError("uid"))) == ("failed", "KeyError: 'uid'")


def test_the_first_user_that_may_is_asked() -> None:
    users = [Fake({}), Fake({})]
    answers = iter([raising(Denied("no right")), lambda _user: "3 there"])

    def one_after_another(user: Fake) -> str:
        answer: str = next(answers)(user)
        return answer

    assert smoke_probes.first(users, one_after_another) == "anna: 3 there"
    assert status(lambda: smoke_probes.first(users, raising(Denied("no right")))) == (
        "failed", "anna: no right; anna: no right",
    )  # fmt: skip


def test_only_what_is_not_there_is_skipped() -> None:
    task = {"modules": ["base", "sale"], "there": ["projects"]}

    def tried(name: str, module: str, users: list[User]) -> tuple[str, str]:
        return status(smoke_probes.needing(name, module, task, users, lambda _user: "seen"))

    assert tried("projects", "project", [Fake({})]) == ("skipped", "module project is not installed")
    assert tried("orders", "sale", [Fake({})]) == ("skipped", "the database has none")
    assert tried("projects", "base", []) == ("failed", "nobody is logged in")
    assert tried("projects", "base", [Fake({})]) == ("ok", "anna: seen")


def test_a_user_who_sees_none_of_many_proves_nothing() -> None:
    user = Fake({"project.project.search_count": 0, "project.project.search_read": []})
    with pytest.raises(Denied, match="sees none"):
        smoke_probes.count("project.project", [], ["name"])(user)


def test_attachments_are_held_against_their_checksums() -> None:
    rows = [{"id": 1, "checksum": hashlib.sha1(b"one").hexdigest()}, {"id": 2, "checksum": "other"}]
    pages = {"/web/content/1": (200, b"one"), "/web/content/2": (200, b"two")}
    assert smoke_probes.attachments([])(Fake({"ir.attachment.search_read": rows[:1]}, pages)) == (
        "1 of 1 have their checksum"
    )
    with pytest.raises(Failed, match="1 of 2 have their checksum, not 2"):
        smoke_probes.attachments([])(Fake({"ir.attachment.search_read": rows}, pages))
    known = smoke_probes.attachments(["ot/other"])(Fake({"ir.attachment.search_read": rows}, pages))
    assert known == "1 of 1 have their checksum; 1 are missing on the source as well"
    with pytest.raises(Denied):
        smoke_probes.attachments([])(Fake({"ir.attachment.search_read": []}))


@pytest.mark.parametrize("kind", ["type", "move_type"])
def test_an_invoice_is_a_pdf(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    answers = {"account.move.fields_get": {kind: {}}, "account.move.search_read": [{"id": 7, "name": "INV/7"}]}
    page = "/report/pdf/account.report_invoice/7"
    assert smoke_probes.invoice(Fake(answers, {page: (200, b"%PDF-1.4")})) == "INV/7, 8 bytes"
    with pytest.raises(Failed, match="answered 500"):
        smoke_probes.invoice(Fake(answers, {page: (500, b"<html>")}))
    with pytest.raises(Denied, match="no invoice"):
        smoke_probes.invoice(Fake({**answers, "account.move.search_read": []}))


def test_invoices_that_nobody_can_print_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    answers = {"account.move.fields_get": {}, "account.move.search_read": [{"id": 7, "name": "INV/7"}]}
    with pytest.raises(Failed, match="no wkhtmltopdf"):
        smoke_probes.invoice(Fake(answers))


def test_a_sequence_gives_two_numbers() -> None:
    def answers(*numbers: object) -> dict[str, Any]:
        return {"ir.sequence.search_read": [{"id": 1, "name": "Orders"}], "ir.sequence.next_by_id": list(numbers)}

    assert smoke_probes.sequence(Fake(answers("S1", "S2"))) == "Orders: S1 and S2"
    for numbers in (("S1", "S1"), (False, "S1")):
        with pytest.raises(Failed):
            smoke_probes.sequence(Fake(answers(*numbers)))


def test_a_container_with_a_network_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    monkeypatch.setattr(smoke_probes, "start", raising(AssertionError("started")))
    (found,) = smoke_probes.main({"update": ["base"]})
    assert (found["name"], found["status"]) == ("network", "failed") and "eth0" in found["evidence"]


def test_the_log_tells_of_modules_that_are_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "smoke.log"
    monkeypatch.setattr(smoke_probes, "LOG", path)
    path.write_text("a INFO b\nan ERROR of a probe\n")
    assert smoke_probes.log() == "1 errors, first: an ERROR of a probe"
    path.write_text("x ERROR y Some modules are not loaded, some dependencies are missing: ['x']\n")
    with pytest.raises(Failed, match="not loaded"):
        smoke_probes.log()
    assert "not loaded" in smoke_probes.tail()


def test_the_probes_need_nothing_but_python() -> None:
    """They are sent into an image that has no part of this collection."""
    tree = ast.parse(smoke_client.source_of(smoke_probes))
    modules = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= set(sys.stdlib_module_names)


def test_a_dropped_module_is_not_missed() -> None:
    assert smoke.modules({"x_gone": "1", "base": "2"}, {"base": "2"}, ["x_gone"]).status == smoke.OK
    assert smoke.modules({"x_gone": "1", "x_other": "1"}, {}, ["x_gone"]).status == smoke.FAILED
    log = smoke.Probe(name="log", status=smoke.FAILED, seconds=0, evidence="a: x_gone skipped | b: ['x_gone']")
    assert [probe.status for probe in smoke.without(["x_gone"], [log])] == [smoke.OK]
    other = smoke.Probe(name="log", status=smoke.FAILED, seconds=0, evidence="a: x_gone skipped | b: CRITICAL")
    assert [probe.status for probe in smoke.without(["x_gone"], [other])] == [smoke.FAILED]
    assert [probe.status for probe in smoke.without([], [log])] == [smoke.FAILED]
