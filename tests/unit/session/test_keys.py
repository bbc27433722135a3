# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from erpops_session_redis import keys


def test_names() -> None:
    assert keys.session("acme:", "abc") == "acme:session:abc"
    assert keys.device("acme:", "abc") == "acme:device:abc"


def test_only_sids_of_19_have_an_identifier() -> None:
    assert keys.identifier("a" * 40) is None
    assert keys.identifier("a" * 42 + "b" * 42) == "a" * 42
