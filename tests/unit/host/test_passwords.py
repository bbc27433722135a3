# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.erpops.odoo.plugins.filter.estate_password import estate_password

SECRET = "s" * 40


def test_it_is_stable_and_differs_by_purpose_subject_and_version() -> None:
    made = {
        estate_password(SECRET, "postgres", "acme"),
        estate_password(SECRET, "redis", "acme"),
        estate_password(SECRET, "postgres", "birch"),
        estate_password(SECRET, "postgres", "acme", 2),
        estate_password("t" * 40, "postgres", "acme"),
    }
    assert len(made) == 5
    assert estate_password(SECRET, "postgres", "acme") in made


def test_an_override_wins() -> None:
    overrides = {"postgres/acme": "mine", "replicator": "other"}
    assert estate_password(SECRET, "postgres", "acme", overrides=overrides) == "mine"
    assert estate_password(SECRET, "replicator", overrides=overrides) == "other"
    assert estate_password(SECRET, "postgres", "birch", overrides=overrides) != "mine"


@pytest.mark.parametrize("secret", ["", "short", None])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(AnsibleFilterError, match="estate_secret"):
        estate_password(secret, "postgres")
