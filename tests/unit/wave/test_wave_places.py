# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.wave_access import wave_filestores
from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import InputError
from ansible_collections.erpops.odoo.plugins.module_utils.wave import access, keys, places
from ansible_collections.erpops.odoo.plugins.module_utils.wave.places import DEFAULTS

HOSTS: dict[str, Any] = {
    "legacy1": {"estate_address": "10.0.0.1", "wave_source_port": 5433, "wave_source_host_key": "ssh-ed25519 AAAA"},
    "app1": {"estate_address": "10.0.0.2"},
    "db1": {"wave_source_keys": {"public": {"legacy1": "ssh-ed25519 BBBB x", "app1": ""}}},
    "db2": {},
}
LEGACY, APP = places.places(["legacy1"], HOSTS, True) + places.places(["app1"], HOSTS, False)


def test_a_place_is_what_its_host_says_and_defaults() -> None:
    assert LEGACY == {
        **DEFAULTS, "name": "legacy1", "address": "10.0.0.1", "tunnel": True, "port": 5433,
        "host_key": "ssh-ed25519 AAAA",
    }  # fmt: skip
    with pytest.raises(InputError, match="legacy9"):
        places.places(["legacy9"], HOSTS, True)


def test_the_tunnel_is_at_the_sockets_that_subscriptions_name() -> None:
    text = places.configuration(LEGACY)
    assert "LocalForward /run/erpops-sources/legacy1/.s.PGSQL.5432 /var/run/postgresql/.s.PGSQL.5432\n" in text
    assert "LocalForward /run/erpops-sources/legacy1/.s.PGSQL.5433 127.0.0.1:5433\n" in text
    assert "StrictHostKeyChecking yes\n" in text
    other = places.configuration(APP)
    assert "tunnel" not in other and "LocalForward" not in other
    assert "Host filestore\n  User root\n" in other
    assert "StrictHostKeyChecking accept-new\n" in other


def test_absent_takes_away_every_file_that_present_brings() -> None:
    brought = {file["path"] for file in places.files([LEGACY, APP])}
    gone = {file["path"] for file in places.files([LEGACY, APP], "absent")}
    assert brought < gone
    assert gone - brought == {
        f"/var/lib/erpops/sources/{name}"
        for name in ("legacy1.key", "legacy1.key.pub", "app1.key", "app1.key.pub", "app1.known")
    }


def test_only_places_with_a_tunnel_have_a_unit() -> None:
    (unit,) = places.units([LEGACY, APP])
    assert (unit["name"], unit["state"]) == ("erpops-source-legacy1.service", "started")
    assert "/var/lib/erpops/sources/legacy1.key" in unit["restart_when"]
    (unit,) = places.units([LEGACY, APP], "absent")
    assert (unit["state"], unit["enabled"]) == ("stopped", False)


def test_keys_are_those_that_were_told() -> None:
    assert places.publics(["db1", "db2"], HOSTS, "legacy1") == {"db1": "ssh-ed25519 BBBB x"}
    assert places.publics(["db1", "db2"], HOSTS, "other") == {}


def test_the_lines_of_a_legacy_host() -> None:
    made = places.keys({"db1": "ssh-ed25519 BBBB x"}, "north", "root", "/srv/files", "postgres")
    files, tunnel = made
    assert (files["user"], tunnel["user"]) == ("root", "postgres")
    assert tunnel["line"] == (
        'restrict,port-forwarding,permitlisten="127.0.0.1:1",command="/bin/false" ssh-ed25519 BBBB erpops:north:db1'
    )
    assert re.fullmatch(r'restrict,command="sh -c .* filestore .* /srv/files" ssh-ed25519 BBBB \S+', files["line"])
    assert {access.comment_of(each["line"]) for each in made} == {"erpops:north:db1"}


def test_a_line_allows_every_folder_that_the_host_s_members_need() -> None:
    files, _tunnel = places.keys({"db1": "ssh-ed25519 BBBB x"}, "north", "root", ["/srv/a", "/srv/b b"], "postgres")
    assert " /srv/a '/srv/b b'\"" in files["line"]


def test_an_old_openssh_gets_no_word_that_it_does_not_know() -> None:
    assert "permitlisten" not in places.tunnel_restrictions(False)
    old = "no-agent-forwarding,no-pty,no-user-rc,no-X11-forwarding"
    files, tunnel = places.keys(
        {"db1": "ssh-ed25519 B"}, "north", "root", "/srv/x", "postgres", permitlisten=False, restrict=False
    )
    assert files["line"].startswith(f'no-port-forwarding,{old},command="sh -c ')
    assert tunnel["line"] == f'{old},command="/bin/false" ssh-ed25519 B erpops:north:db1'


def test_the_folders_of_a_host_come_from_the_store_and_from_what_discovery_wrote(tmp_path: Path) -> None:
    declared = [{"name": name, "host": "legacy1", "database": name} for name in ("acme", "birch")]
    (tmp_path / "legacy1.json").write_text(json.dumps({"host": "legacy1", "databases": [
        {"name": "birch", "filestore": {"path": "/opt/second/filestore/birch"}}
    ]}))  # fmt: skip
    stored = [{"name": "acme", "state": "following", "facts": {"discovery": {"filestores": "/opt/first/filestore"}}}]
    read = {"wave_members_result": {"members": stored}}
    found = wave_filestores(declared, "legacy1", [{}, read], str(tmp_path))
    assert found == ["/opt/first/filestore", "/opt/second/filestore"]
    (tmp_path / "legacy1.json").write_text("{")
    with pytest.raises(AnsibleFilterError, match="discover its host anew"):
        wave_filestores(declared, "legacy1", [], str(tmp_path))


def test_an_app_host_has_no_tunnel_and_a_key_may_not_be_made_yet() -> None:
    (line,) = places.keys({"db1": ""}, "north", "root", "/srv/{name}/x")
    assert access.comment_of(line["line"]) == "erpops:north:db1"


def test_absent_needs_no_key() -> None:
    assert places.keys({}, "north", "root", "/srv/x", "postgres", state="absent") == [
        {"user": "postgres", "comment": "erpops:north:*", "state": "absent"},
        {"user": "root", "comment": "erpops:north:*", "state": "absent"},
    ]


def test_contradictions_are_refused() -> None:
    with pytest.raises(InputError, match="No database host"):
        places.keys({}, "north", "root", "/srv/x")
    with pytest.raises(InputError, match="wave_source_files_user"):
        places.keys({"db1": "ssh-ed25519 B"}, "north", "postgres", "/srv/x", "postgres")


def test_names_of_keys_are_plain() -> None:
    assert [problem.value for problem in keys.problems(["a", "../b", ".c", "", "a"])] == ["../b", ".c", "", "a"]
