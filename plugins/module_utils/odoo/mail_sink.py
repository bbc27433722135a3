# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What aiosmtpd does with the mails that a copy sends: it keeps them until the room that they have is taken.

It is sent to the host, where there is no part of this collection. Run by itself it waits until the server answers.
"""

from __future__ import annotations

import mailbox
import smtplib
import time
from pathlib import Path
from typing import Any

HOST, PORT = "127.0.0.1", 1025  # the loopback of the copy's own network namespace
ROOM = 256 * 1024 * 1024
MESSAGE = 32 * 1024 * 1024
OVERHEAD = 4096  # small mails take room as well
SECONDS = 15.0


class Sink:
    """A Maildir whose three folders are there."""

    def __init__(self, folder: str, room: int = ROOM) -> None:
        self.box = mailbox.Maildir(folder, create=False)
        self.room = room - sum(OVERHEAD + file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())

    @classmethod
    def from_cli(cls, _parser: Any, folder: str) -> Sink:
        return cls(folder)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Odoo notes a mail that is refused as not sent."""
        known = f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {', '.join(envelope.rcpt_tos)}\r\n"
        content = known.encode() + envelope.content
        if OVERHEAD + len(content) > self.room:
            return "452 4.2.2 The mail sink of this rehearsal is full"
        self.box.add(content)
        self.room -= OVERHEAD + len(content)
        return "250 2.0.0 Kept, and sent to nobody"


def until_answers(seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with smtplib.SMTP(HOST, PORT, timeout=seconds):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    until_answers()
