"""What an instance keeps from its own files when it starts again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "roles" / "redis" / "files" / "redis_prepare.py"


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("redis_prepare", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BASE", tmp_path / "base")
    monkeypatch.setattr(module, "STATE", tmp_path / "state")
    for folder in ("base", "state/sessions", "state/sentinel"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "base/instances.acl").write_text("user default off\nuser erpops_admin on #new ~* +@all\n")
    (tmp_path / "base/sentinel.acl").write_text("user default off\n")
    (tmp_path / "base/sentinel-login.json").write_text('{"user": "erpops_sentinel", "password": "new"}')
    return module


def test_the_first_start_has_the_estate_s_users_and_follows_nobody(prepare: ModuleType, tmp_path: Path) -> None:
    prepare.main("sessions")
    assert (tmp_path / "state/sessions/users.acl").read_text().splitlines() == [
        "user default off",
        "user erpops_admin on #new ~* +@all",
    ]
    assert "replicaof" not in (tmp_path / "state/sessions/redis.conf").read_text()


def test_tenants_users_stay_and_the_estate_s_own_come_anew(prepare: ModuleType, tmp_path: Path) -> None:
    saved = tmp_path / "state/sessions/users.acl"
    saved.write_text("user acme on #x ~acme:* -@all +get\nuser default on nopass +@all\nuser erpops_old on\n")
    prepare.main("sessions")
    assert saved.read_text().splitlines() == [
        "user default off",
        "user erpops_admin on #new ~* +@all",
        "user acme on #x ~acme:* -@all +get",
    ]


def test_whom_it_follows_is_kept_and_nothing_else(prepare: ModuleType, tmp_path: Path) -> None:
    state = tmp_path / "state/sessions/redis.conf"
    state.write_text("# Generated\nmaxmemory 1\nreplicaof 10.0.0.1 6379\nport 7000\n")
    prepare.main("sessions")
    assert state.read_text().splitlines()[1:] == ["replicaof 10.0.0.1 6379"]


def test_a_sentinel_keeps_what_it_learnt_with_the_declared_login(prepare: ModuleType, tmp_path: Path) -> None:
    state = tmp_path / "state/sentinel/sentinel.conf"
    state.write_text(
        "sentinel known-replica sessions 10.0.0.2 6379\n"
        "sentinel monitor sessions 10.0.0.1 6379 2\n"
        "sentinel auth-pass sessions old\n"
        "sentinel announce-ip 10.9.9.9\n"
        "port 0\n"
        "sentinel myid abc\n"
    )
    prepare.main("sentinel")
    assert state.read_text().splitlines()[1:] == [
        "sentinel monitor sessions 10.0.0.1 6379 2",
        "sentinel known-replica sessions 10.0.0.2 6379",
        "sentinel myid abc",
        "sentinel auth-user sessions erpops_sentinel",
        "sentinel auth-pass sessions new",
    ]


def test_starting_twice_changes_nothing_more(prepare: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "state/sentinel/sentinel.conf").write_text("sentinel monitor sessions 10.0.0.1 6379 2\n")
    prepare.main("sentinel")
    once = (tmp_path / "state/sentinel/sentinel.conf").read_text()
    prepare.main("sentinel")
    assert (tmp_path / "state/sentinel/sentinel.conf").read_text() == once
