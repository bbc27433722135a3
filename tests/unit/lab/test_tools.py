# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
import sys
from pathlib import Path

import estate_files
import pytest
import quickstart
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from progress import Progress, StepError, shown_of_ansible, trouble_in


def test_secrets_are_made_once_and_belong_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estate_files, "ROOT", tmp_path)
    ca_file = estate_files.ensure_secrets("north")
    path = tmp_path / "build/north/inventory/group_vars/all/secrets.yml"
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = yaml.safe_load(first)
    assert len(values["estate_secret"]) >= 48
    certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
    assert ca_file.read_text() == values["estate_ca_certificate"]
    key = load_pem_private_key(values["estate_ca_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical and constraints.value == x509.BasicConstraints(ca=True, path_length=1)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == estate_files.DAYS
    estate_files.ensure_secrets("north")
    assert path.read_text() == first


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    estate_files.write(path, "one", mode=0o600)
    estate_files.write(path, "two", mode=0o600)
    assert path.read_text() == "two"
    assert [item.name for item in path.parent.iterdir()] == ["file"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


RECAP = [
    "PLAY RECAP *********",
    "app1                       : ok=21   changed=3    unreachable=0    failed=0   skipped=4",
    "db1                        : ok=30   changed=0    unreachable=0    failed=0   skipped=1",
    "some text: ok=1",
]


def test_what_a_recap_says() -> None:
    assert quickstart.recap_of(RECAP) == quickstart.Recap(tasks=51, changed=3, most_tasks_on_a_host=30)
    assert quickstart.recap_of([]) == quickstart.Recap(tasks=0, changed=0, most_tasks_on_a_host=0)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("PLAY [All hosts] ****", "-- All hosts"),
        ("TASK [erpops.odoo.etcd : Files of etcd] ****", "etcd : Files of etcd"),
        ("fatal: [db1]: FAILED! => {}", "fatal: [db1]: FAILED! => {}"),
        ("changed: [db1]", None),
        ("", None),
    ],
)
def test_what_is_shown_of_ansible(line: str, shown: str | None) -> None:
    assert shown_of_ansible(line) == shown


def test_progress_shows_a_part_and_keeps_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(tmp_path / "log")
    with progress.step("Work"):
        lines = progress.run(
            [sys.executable, "-c", "print('hidden'); print('two')"], shown=lambda line: line if line == "two" else None
        )
    seen = capsys.readouterr().out
    assert lines == ["hidden", "two"]
    assert "two" in seen and "hidden" not in seen and "== Work" in seen
    assert "\nhidden\ntwo\n" in (tmp_path / "log").read_text()


def test_a_failed_command_says_what_it_said_last(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "log")
    with pytest.raises(StepError, match=r"(?s)the reason.*ended with 3.*log"):
        progress.run([sys.executable, "-c", "import sys; print('the reason'); sys.exit(3)"])


def test_a_failed_playbook_tells_its_error_and_not_its_recap() -> None:
    lines = ["ok: [a]", "fatal: [a]: FAILED! =>", "    msg: no such thing", "PLAY RECAP ****", "a : ok=1"]
    assert trouble_in(lines) == lines[1:3]
    assert trouble_in(["x"] * 99 + ["last"])[-1] == "last"
