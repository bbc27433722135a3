# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the dynamic directory: text out, text in, and where they are wrong."""

from __future__ import annotations

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.traefik import files
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.model import Complaint, Configuration, Source

MADE = Configuration(
    routers={"on": {"rule": 'Host(`a"b`)', "priority": 100, "tls": {}}},
    services={"007": {"loadBalancer": {"servers": [{"url": "http://x:1"}]}}},
    certificates=({"certFile": "/a", "keyFile": "/b"},),
)


def test_what_is_rendered_is_read_again() -> None:
    source = files.read("/d/tenants.yml", files.render(MADE))
    assert source.problem is None
    assert files.configuration_of(source) == MADE


def test_every_object_has_a_line_of_its_own_and_empty_sections_are_left_out() -> None:
    text = files.render(MADE)
    assert "middlewares" not in text
    assert len([line for line in text.splitlines() if line.startswith('    "')]) == 2


def test_order_does_not_change_the_text() -> None:
    one = Configuration(routers={"a": {"x": 1}, "b": {"x": 2}})
    other = Configuration(routers={"b": {"x": 2}, "a": {"x": 1}})
    assert files.render(one) == files.render(other)


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("/d/a.yml", "http:\n  routers: [\n", "line 3"),
        ("/d/a.yml", "http:\n\trouters: {}\n", "line 2"),
        ("/d/a.yaml", "- a\n- b\n", "line 1"),
        ("/d/a.toml", "[http]\nrouters = [\n", ""),
        ("/d/a.toml", "[http]\nrouters = nonsense\n", "line 2"),
    ],
)
def test_broken_texts_are_named_with_their_line(path: str, text: str, line: str) -> None:
    problem = files.read(path, text).problem
    assert problem and files.path_of(problem) == path and problem.field == line


@pytest.mark.parametrize("text", ["", "# nothing\n", "http:\n"])
def test_an_empty_file_is_no_problem(text: str) -> None:
    assert files.configuration_of(files.read("/d/a.yml", text)) == Configuration()


TEXT = 'http:\n  routers:\n    "a": {"rule": "x", "bogus": 1}\n    "b": {"dialTimeout": "5parsecs"}\n'


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("yaml: line 2: did not find expected ',' or '}'", "line 2"),
        ("template: :3: bad character", "line 3"),
        ("field not found, node: bogus", "line 3"),
        ('time: unknown unit "parsecs" in duration "5parsecs"', "line 4"),
        ("something else", ""),
        ("field not found, node: elsewhere", ""),
    ],
)
def test_traefiks_complaints_are_followed_to_the_line(reason: str, line: str) -> None:
    old = "collecting file configs: /d/old.yml: yaml: line 9: x"
    log = [old, f"collecting file configs: /d/a.yml: {reason}", "other"]
    complaint = files.refusal([Complaint(float(number), text) for number, text in enumerate(log)])
    assert complaint and complaint.time == 1.0
    problem = files.explained(complaint, {"/d/a.yml": TEXT})
    assert problem and files.path_of(problem) == "/d/a.yml" and problem.field == line and problem.value == reason


def test_a_log_without_complaints_reports_nothing() -> None:
    assert files.refusal([Complaint(1.0, "error while parsing rule")]) is None
    assert files.explained(None, {}) is None


def source(path: str, text: str) -> Source:
    return files.read(path, text)


def test_names_in_two_files_are_found_in_each_section() -> None:
    others = [
        source("/d/a.yml", 'http:\n  routers: {"on": {}}\n  services: {other: {}}\n'),
        source("/d/b.yml", "http:\n  services: {other: {}}\n"),
    ]
    found = [(item.subject, item.field, item.value) for item in files.duplicates("/d/tenants.yml", MADE, others)]
    assert found == [("file /d/a.yml", "http.routers", "on"), ("file /d/b.yml", "http.services", "other")]
