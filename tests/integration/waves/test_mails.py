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
MAILS = 40
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
env.cr.commit()
"""
STATES = (
    "SELECT m.message_id FROM mail_mail AS q JOIN mail_message AS m ON m.id = q.mail_message_id WHERE q.state = '{}'"
)


@pytest.fixture
def smtp(waves: Waves) -> Iterator[None]:
    waves.legacy.shell(f"install -d {FOLDER}; rm -f {DELIVERED}; cat >{FOLDER}/smtp.py <<'X'\n{SERVER}\nX")
    waves.legacy.shell(f"systemd-run --quiet --collect --unit=slow-smtp python3 {FOLDER}/smtp.py")
    yield
    waves.legacy.shell("systemctl stop slow-smtp")


def odoo(waves: Waves, database: str, text: str, *, unit: str = "") -> None:
    """In a shell of the source's Odoo; with a unit it goes on by itself."""
    script = f"{FOLDER}/{unit or 'now'}.py"
    waves.legacy.shell(f"cat >{script} <<'X'\n{text}\nX")
    command = f"odoo shell -c /etc/odoo/odoo.conf -d {database} --no-http --log-level=error <{script}"
    if unit:
        waves.legacy.shell(f"systemd-run --quiet --collect --unit={unit} --uid=odoo sh -c '{command}'")
    else:
        waves.legacy.shell(f"runuser -u odoo -- sh -c '{command}'")


def delivered(waves: Waves) -> list[str]:
    return waves.legacy.shell(f"cat {DELIVERED} 2>/dev/null || true").split()


@pytest.mark.usefixtures("smtp")
def test_no_mail_is_sent_by_both_sides(waves: Waves, member: Make) -> None:
    name = member("mails", "birch")
    odoo(waves, f"{name}_old", QUEUE)
    following(waves, name)
    waves.done("cutover", name, open_window=False)
    odoo(waves, f"{name}_old", "env['mail.mail'].process_email_queue()", unit="queue")
    deadline = time.monotonic() + 60
    while len(delivered(waves)) < 3:
        assert time.monotonic() < deadline, "control: the queue is being sent"
        time.sleep(0.1)

    refused = waves.run("cutover", name, mail_seconds=0.01)
    assert refused["failed"] and "takes more than 0.01 seconds to be sent" in refused["msg"], refused
    assert serves(waves, name) == {"source"}
    waves.done("cutover", name)

    sent = delivered(waves)
    waiting = waves.target_sql(STATES.format("outgoing"), name).split()
    assert 3 <= len(sent) < MAILS and len(sent) == len(set(sent)), "control: it was cut off in the middle"
    assert set(waiting) & set(sent) == set(), "the target would send it again"
    assert set(waves.target_sql(STATES.format("sent"), name).split()) == set(sent)
    assert len(waiting) == MAILS - len(sent), "none is forgotten"
