# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from erpops_session_redis import settings


def test_absent_file_means_no_settings(tmp_path: Path) -> None:
    assert settings.read(str(tmp_path / "session.json")) is None


def test_all_values(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    given = {
        "servers": [["10.0.0.1", 6379]],
        "sentinels": [["10.0.0.1", 26379], ["10.0.0.2", 26379]],
        "service": "sessions",
        "username": "acme",
        "password": "secret",
        "prefix": "acme:",
        "ca_file": "/etc/erpops/ca.crt",
        "lifetime_seconds": 3600,
    }
    path.write_text(json.dumps(given))
    found = settings.read(str(path))
    assert found == settings.Settings(
        servers=(("10.0.0.1", 6379),),
        sentinels=(("10.0.0.1", 26379), ("10.0.0.2", 26379)),
        service="sessions",
        username="acme",
        password="secret",
        prefix="acme:",
        ca_file="/etc/erpops/ca.crt",
        lifetime_seconds=3600,
        anonymous_lifetime_seconds=3600,
        sentinel_username=None,
        sentinel_password=None,
    )


def test_defaults() -> None:
    found = settings.parse({"servers": [["r", 6379]]})
    assert (found.service, found.prefix, found.ca_file) == ("sessions", "", None)
    assert found.lifetime_seconds == settings.DEFAULT_LIFETIME_SECONDS
    assert found.anonymous_lifetime_seconds == settings.DEFAULT_ANONYMOUS_LIFETIME_SECONDS


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({}, "servers"),
        ({"servers": "r:6379"}, "servers"),
        ({"servers": [["r", "6379"]]}, "servers[0]"),
        ({"servers": [["r", 6379], ["r", 0]]}, "servers[1]"),
        ({"servers": [["", 6379]]}, "servers[0]"),
        ({"servers": [["r", True]]}, "servers[0]"),
        ({"servers": [["r", 6379]], "lifetime_seconds": 0}, "lifetime_seconds"),
        ({"servers": [["r", 6379]], "lifetime_seconds": "60"}, "lifetime_seconds"),
        ({"servers": [["r", 6379]], "anonymous_lifetime_seconds": 1.5}, "anonymous_lifetime_seconds"),
        ({"servers": [["r", 6379]], "password": 5}, "password"),
        ({"servers": [["r", 6379]], "passwort": "x"}, "passwort"),
    ],
)
def test_bad_values_are_named(value: dict[str, object], word: str) -> None:
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse(value)
    assert word in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_bad_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(text)
    with pytest.raises(settings.SettingsError):
        settings.read(str(path))


def test_a_password_is_in_no_error() -> None:
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse({"servers": [["r", 6379]], "password": "hunter2", "prefix": 1})
    assert "hunter2" not in str(caught.value)


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError):
        settings.read(str(tmp_path))
