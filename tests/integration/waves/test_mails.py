# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source is cut off in the middle of its mail queue: no mail that it has sent is in the queue of the target."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from integration.waves.live import FOLDER, Waves
from integration.waves.test_moves import Make, following, serves

PORT = 2525
MAILS = 30
DELIVERED = f"{FOLDER}/delivered"
# Takes half a second for each mail, as a server far away does, and notes which mails it has accepted.
SERVER = f"""
import re, socketserver, time

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text + b"\\r\\n")
        say(b"220 slow")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                say(b"354 go on")
                mail = b""
                while (line := self.rfile.readline()) != b".\\r\\n":
                    mail += line
                found = re.search(rb"(?im)^message-id:\\s*(\\S+)", mail)
                with open("{DELIVERED}", "ab") as out:
                    out.write(found[1] + b"\\n")
                time.sleep(0.5)
                say(b"250 accepted")
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 ok")

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", {PORT}), Session).serve_forever()
"""
QUEUE = f"""
env['ir.mail_server'].search([]).write({{'active': False}})
env['ir.mail_server'].create({{'name': 'slow', 'smtp_host': '127.0.0.1', 'smtp_port': {PORT}}})
env['mail.mail'].search([('state', '=', 'outgoing')]).write({{'state': 'cancel'}})
for number in range({MAILS}):
    env['mail.mail'].create({{
        'subject': 'mail %d' % number, 'body_html': 'text', 'email_from': 'a@north.example.com',
        'email_to': 'b@north.example.com', 'auto_delete': False,
    }})
queue = env.ref('mail.ir_cron_mail_scheduler_action')
(env['ir.cron'].search([]) - queue).write({{'active': False}})
queue.nextcall = '2020-01-01 00:00:00'
env.cr.commit()
"""
STATES = (
    "SELECT m.message_id FROM mail_mail AS q JOIN mail_message AS m ON m.id = q.mail_message_id WHERE q.state = '{}'"
)


@pytest.fixture
def smtp(waves: Waves) -> Iterator[None]:
    waves.legacy.shell(f"install -d {FOLDER}; rm -f {DELIVERED}; cat >{FOLDER}/smtp.py <<'X'\n{SERVER}\nX")
    waves.legacy.shell(f"install -m 666 /dev/null {DELIVERED}")
    waves.legacy.shell(f"systemd-run --quiet --collect --unit=slow-smtp --uid=odoo python3 {FOLDER}/smtp.py")
    yield
    waves.legacy.shell("systemctl stop slow-smtp")


@pytest.fixture
def at_work(waves: Waves) -> Iterator[str]:
    """A source whose Odoo has begun with its mail queue."""
    name = "mails"
    waves.remove(name)
    waves.make_source(name, "birch")
    odoo = f"odoo -c /etc/odoo/odoo.conf -d {name}_old --log-level=error"
    shell = odoo.replace("odoo ", "odoo shell ", 1) + " --no-http"
    waves.legacy.shell(f"runuser -u odoo -- {shell} <<'X'\n{QUEUE}\nX")
    following(waves, name)
    options = "--http-port=8099 --workers=0 --max-cron-threads=1"
    waves.legacy.shell(f"systemd-run --quiet --collect --unit=at-work --uid=odoo {odoo} {options}")
    try:
        deadline = time.monotonic() + 120
        while len(delivered(waves)) < 3:
            assert time.monotonic() < deadline, "control: the queue is being sent"
            time.sleep(0.1)
        yield name
    finally:
        waves.legacy.shell("systemctl stop at-work || true")
        waves.remove(name)


def delivered(waves: Waves) -> list[str]:
    return waves.legacy.shell(f"cat {DELIVERED} 2>/dev/null || true").split()


@pytest.mark.usefixtures("smtp")
@pytest.mark.landing
def test_no_mail_is_sent_by_both_sides(waves: Waves, at_work: str) -> None:
    refused = waves.run("cutover", at_work, quiet_seconds=0.5)
    assert refused["failed"] and "scheduled action" in refused["msg"] and "session" in refused["msg"], refused
    assert serves(waves, at_work) == {"source"}
    assert 3 <= len(delivered(waves)) < MAILS, "control: it was in the middle"
    waves.done("cutover", at_work, quiet_seconds=60)

    sent = delivered(waves)
    waiting = waves.target_sql(STATES.format("outgoing"), at_work).split()
    assert len(sent) == len(set(sent)) and set(waiting) & set(sent) == set(), "the target would send it again"
    assert set(waves.target_sql(STATES.format("sent"), at_work).split()) == set(sent)
    assert len(waiting) + len(sent) == MAILS, "none is forgotten"


def test_a_transaction_that_is_under_way_may_end(waves: Waves, member: Make) -> None:
    """As a request of a user, who is told that it was done; one that goes on for too long is ended."""
    name = member("underway", "birch")
    following(waves, name)
    for seconds, rows in ((2, "1"), (30, "0")):
        waves.legacy.shell(
            "systemd-run --quiet --collect --unit=request --uid=odoo psql -X -d underway_old"
            f" -c \"BEGIN; INSERT INTO x_acks (text) VALUES ('{seconds}'); SELECT pg_sleep({seconds}); COMMIT\""
        )
        waves.legacy.shell("sleep 0.5")
        waves.done("cutover", name, quiet_seconds=5)
        assert waves.target_sql(f"SELECT count(*) FROM x_acks WHERE text = '{seconds}'", name) == rows
        waves.done("rollback", name)
        following(waves, name)
