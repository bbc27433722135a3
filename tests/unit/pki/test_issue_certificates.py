# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that hosts run, with a real authority, and openssl as the judge of what it issues."""

from __future__ import annotations

import grp
import importlib.util
import json
import os
import pwd
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ansible_collections.erpops.odoo.plugins.module_utils.pki.authority import host_authority

from .conftest import Root, make_root

SCRIPT = Path(__file__).resolve().parents[3] / "roles" / "baseline" / "files" / "issue_certificates.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("issue_certificates", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["issue_certificates"] = module
    spec.loader.exec_module(module)
    return module


script = load()
ME, MINE = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
NAMES = ["db1", "10.0.0.5"]


def install(places: Any, root: Root, names: list[str] | None = None) -> None:
    """What the role baseline puts there."""
    authority = host_authority(root.certificate, root.key, "db1", ["10.0.0.5"], names or ["db1"])
    places.requests.mkdir(parents=True, exist_ok=True)
    (places.pki / "ca.crt").write_text(root.certificate)
    (places.pki / "host-ca.crt").write_text(authority.certificate)
    (places.pki / "host-ca.key").write_text(authority.key)


def ask(places: Any, name: str = "etcd", **fields: Any) -> None:
    request = {"name": name, "common_name": "db1", "names": NAMES, "owner": ME, "group": MINE, **fields}
    (places.requests / f"{name}.json").write_text(json.dumps(request))


@pytest.fixture
def places(tmp_path: Path, root: Root) -> Any:
    here = script.Places(pki=tmp_path / "pki", run=tmp_path / "run")
    install(here, root)
    ask(here)
    return here


def leaf(places: Any, name: str = "etcd") -> x509.Certificate:
    return x509.load_pem_x509_certificates((places.pki / name / "tls.crt").read_bytes())[0]


def times(places: Any) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (places.pki / "etcd").iterdir()}


def issue_at(places: Any, now: datetime, days: float = 30) -> str:
    request = script.read_request(places.requests / "etcd.json")
    reason: str = script.serve(request, script.read_authority(places), places, now, timedelta(days=days))
    return reason


def test_issued_certificate_is_accepted_for_its_names_only(places: Any) -> None:
    assert script.main(["etcd"], places) == 0
    folder = places.pki / "etcd"

    def verify(*options: str) -> int:
        command = ["openssl", "verify", "-CAfile", folder / "ca.crt", "-untrusted", folder / "tls.crt", *options]
        return subprocess.run([*command, folder / "tls.crt"], capture_output=True, check=False).returncode

    assert verify("-verify_hostname", "db1", "-purpose", "sslserver") == 0
    assert verify("-verify_ip", "10.0.0.5", "-purpose", "sslclient") == 0
    assert verify("-verify_hostname", "db2") != 0


def test_files_have_their_modes_and_belong_together(places: Any) -> None:
    script.main([], places)
    folder = places.pki / "etcd"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"tls.crt": 0o644, "tls.key": 0o640, "tls.pem": 0o640, "ca.crt": 0o644}
    assert (folder / "tls.pem").read_bytes() == (folder / "tls.crt").read_bytes() + (folder / "tls.key").read_bytes()
    assert (folder / "tls.crt").read_text().count("BEGIN CERTIFICATE") == 2


def test_a_second_run_writes_nothing(places: Any) -> None:
    script.main([], places)
    before = times(places)
    assert script.main([], places) == 0
    assert times(places) == before


def test_it_renews_when_a_third_is_left_and_keeps_the_key(places: Any) -> None:
    now = datetime.now(UTC)
    assert issue_at(places, now) == "there is none"
    key, ends = (places.pki / "etcd" / "tls.key").read_bytes(), leaf(places).not_valid_after_utc
    assert issue_at(places, now + timedelta(days=19)) == ""
    assert issue_at(places, now + timedelta(days=20, hours=1)).startswith("it ends at")
    assert leaf(places).not_valid_after_utc > ends
    assert (places.pki / "etcd" / "tls.key").read_bytes() == key


def test_near_the_end_of_the_root_it_does_not_renew_for_ever(places: Any) -> None:
    install(places, make_root(days=3))
    now = datetime.now(UTC)
    issue_at(places, now)
    assert issue_at(places, now + timedelta(days=2, hours=23)) == ""
    with pytest.raises(script.Refusal, match="ended"):
        (places.pki / "etcd" / "tls.crt").unlink()
        issue_at(places, now + timedelta(days=4))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: ask(p, names=["db1"]), "its names changed"),
        (lambda p: ask(p, common_name="db1.below.db1"), "its names changed"),
        (lambda p: install(p, make_root()), "the host's authority changed"),
        (lambda p: (p.pki / "etcd" / "tls.key").unlink(), "there is none"),
        (lambda p: (p.pki / "etcd" / "tls.crt").write_text("half"), "it cannot be read"),
        (lambda p: (p.pki / "etcd" / "tls.pem").write_text("other"), "do not belong together"),
    ],
)
def test_it_issues_anew_when_something_changed(places: Any, change: Any, reason: str) -> None:
    now = datetime.now(UTC)
    issue_at(places, now)
    change(places)
    assert reason in issue_at(places, now)
    assert issue_at(places, now) == ""


def test_a_wider_authority_is_the_one_behind_the_certificate(places: Any, root: Root) -> None:
    issue_at(places, datetime.now(UTC))
    install(places, root, ["db1", "more"])
    assert issue_at(places, datetime.now(UTC)) == "the host's authority changed"
    assert (places.pki / "host-ca.crt").read_text() in (places.pki / "etcd" / "tls.crt").read_text()


@pytest.mark.parametrize(
    "fields", [{"names": ["db2"]}, {"names": ["10.0.0.6"]}, {"names": ["10.0.0.5"], "common_name": "x"}]
)
def test_a_foreign_name_is_refused_before_it_is_issued(
    places: Any, fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    ask(places, **fields)
    assert script.main([], places) == 1
    assert "may not sign for" in capsys.readouterr().err
    assert not (places.pki / "etcd").exists()


def test_one_bad_request_does_not_keep_the_others_back(places: Any) -> None:
    (places.requests / "bad.json").write_text("{")
    assert script.main([], places) == 1
    assert (places.pki / "etcd" / "tls.crt").exists()


def test_an_account_that_is_not_there_yet_fails_only_by_name(places: Any) -> None:
    ask(places, "later", owner="nobody-of-that-name")
    assert script.main([], places) == 0
    assert script.main(["later"], places) == 1


@pytest.mark.parametrize(
    "text", ['{"names": []}', '{"names": ["db1"], "colour": 1}', '{"name": "x", "names": ["db1"]}', "[]"]
)
def test_requests_are_checked(places: Any, text: str) -> None:
    (places.requests / "odd.json").write_text(text)
    with pytest.raises(script.Refusal, match=r"odd\.json"):
        script.read_request(places.requests / "odd.json")


def test_life_comes_from_the_settings(places: Any) -> None:
    assert script.life(places) == timedelta(days=30)
    (places.pki / "settings.json").write_text('{"certificate_days": 0.5}')
    assert script.life(places) == timedelta(hours=12)
