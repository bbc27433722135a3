# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside an image, with Odoo's own classes: what Odoo expects of a session store."""

from __future__ import annotations

import json
import time
from pathlib import Path

import redis
from odoo import http, tools

NINETEEN = hasattr(http, "Application")


def installed_store():
    tools.config.parse_config(["-c", "/etc/odoo/odoo.conf"])
    # Only now are the addons on the path.
    from odoo.addons.erpops_session_redis import settings
    from odoo.addons.erpops_session_redis.patch import install

    found = settings.read()
    assert found is not None
    install(found)
    return (http.Application if NINETEEN else http.Root)().session_store


store = installed_store()
# The tenant's own user may not ask for a lifetime.
ADMIN = redis.Redis(port=json.loads(Path("/etc/odoo/session.json").read_text())["servers"][0][1])


def fresh(**values):
    session = store.new()
    session.update(values)
    store.save(session)
    return session


def check_round_trip():
    session = fresh(uid=7, context={"lang": "fr_FR"})
    again = store.get(session.sid)
    assert again.sid == session.sid
    assert again["uid"] == 7
    assert again["context"] == {"lang": "fr_FR"}
    store.delete(session)
    assert store.get(session.sid).sid != session.sid


def check_unknown_and_bad_sids():
    unknown = store.generate_key()
    assert store.get(unknown).sid != unknown
    for bad in ("", "x", "../../etc/passwd", "a" * 83 + ":", "a:b" * 20):
        assert store.get(bad).sid != bad


def check_lifetimes():
    def left(session):
        key = store._session_key(session.sid)
        return ADMIN.ttl(key)

    assert 86_400 < left(fresh(uid=7)) <= store.lifetime
    assert 0 < left(fresh(uid=None)) <= 86_400


def check_saved_actions():
    session = store.new()
    key = session.save_action({"name": "x"})
    store.save(session)
    assert store.get(session.sid).get_action(key) == {"name": "x"}


def check_rotation():
    session = fresh(db="x", uid=None, login="x", session_token="t", context={}, debug="")
    old = session.sid
    session["create_time"] = time.time()
    store.rotate(session, None)
    assert session.sid != old
    assert store.get(old).sid != old
    soft = session.sid
    store.rotate(session, None, soft=True)
    assert session.sid != soft
    assert session.sid[:42] == soft[:42]
    assert store.get(soft)["next_sid"] == session.sid
    late = store.get(soft)
    store.rotate(late, None, soft=True)
    assert late.sid == session.sid
    check_old_sessions(session, soft)


def check_old_sessions(session, soft):
    store.delete_old_sessions(session)
    assert store.get(soft).sid == soft
    session["create_time"] = time.time() - 10_000
    store.delete_old_sessions(session)
    assert store.get(soft).sid != soft
    again = store.get(session.sid)
    assert again.sid == session.sid
    assert "gc_previous_sessions" not in again


def check_devices():
    one, two, three = fresh(uid=1), fresh(uid=2), fresh(uid=3)
    sibling = fresh(uid=1)
    store.delete(sibling)
    sibling.sid = one.sid[:42] + sibling.sid[42:]
    store.save(sibling)
    gone = store.generate_key()[:42]
    names = [one.sid[:42], two.sid[:42], gone]
    assert store.get_missing_session_identifiers(names) == {gone}
    assert store.get_missing_session_identifiers([]) == set()
    store.delete_from_identifiers([one.sid[:42]])
    assert store.get_missing_session_identifiers(iter(names)) == {gone, one.sid[:42]}
    for session, lives in ((one, False), (sibling, False), (two, True), (three, True)):
        assert (store.get(session.sid).sid == session.sid) == lives
    for bad in ("*" * 42, "abc", two.sid):
        try:
            store.delete_from_identifiers([bad])
        except ValueError:
            continue
        raise AssertionError(f"{bad} was taken")
    store.vacuum(max_lifetime=0)
    assert store.get(two.sid).sid == two.sid


check_round_trip()
check_unknown_and_bad_sids()
check_lifetimes()
if NINETEEN:
    check_rotation()
    check_devices()
else:
    check_saved_actions()
print("all checks passed")
