# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sink keeps of the mails that a copy sends."""

from __future__ import annotations

import ast
import asyncio
import mailbox
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import mail_sink, smoke_client
from ansible_collections.erpops.odoo.plugins.module_utils.odoo.mail_sink import OVERHEAD, Sink

MAIL = b"Message-Id: <1@acme>\r\nSubject: x\r\n\r\n\xffbytes\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
    return str(tmp_path)


def given(sink: Sink, content: bytes = MAIL) -> str:
    envelope = SimpleNamespace(mail_from="a@acme", rcpt_tos=["b@acme", "c@acme"], content=content)
    return asyncio.run(sink.handle_DATA(None, None, envelope))


def test_a_mail_is_kept_with_its_envelope(folder: str) -> None:
    assert given(Sink.from_cli(None, folder)).startswith("250 ")
    (kept,) = mailbox.Maildir(folder)
    assert (kept["Message-Id"], kept["X-MailFrom"], kept["X-RcptTo"]) == ("<1@acme>", "a@acme", "b@acme, c@acme")
    assert kept.get_payload(decode=True) == b"\xffbytes\n"


def test_what_is_kept_is_bounded_over_restarts(folder: str) -> None:
    room = 3 * OVERHEAD
    sink = Sink(folder, room)
    assert [given(sink)[:3] for _time in range(3)] == ["250", "250", "452"]
    assert given(Sink(folder, room)).startswith("452 ")
    assert given(Sink(folder, room), b"") == given(sink, b""), "it counts as much when it is read again"
    assert len(mailbox.Maildir(folder)) == 2


def test_the_program_needs_nothing_but_python() -> None:
    """Where it is sent there is no part of this collection."""
    tree = ast.parse(smoke_client.source_of(mail_sink))
    modules = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= set(sys.stdlib_module_names)
