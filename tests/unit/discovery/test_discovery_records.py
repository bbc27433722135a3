# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import (
    Incomplete,
    Record,
    body_of,
    groups,
    problems,
    records,
    rows,
    said,
    section,
    texts,
)


def output(*parts: tuple[str, str]) -> str:
    return "banner of the host\n" + "".join(
        f"\n@n1 {part}\n{body}" for part, body in [("begin", "t\n"), *parts, ("end", "")]
    )


def test_how_a_connection_ended_is_said_without_secrets() -> None:
    errors = "\n\nsudo: sorry, you must have a tty\nDB_PASSWORD=hunter2 https://ann:s3@a.example\n" + "x\n" * 9
    ended = said(1, errors)
    assert ended == (
        "It ended with 1 and said: sudo: sorry, you must have a tty / DB_PASSWORD=*** https://ann:***@a.example"
        " / x / x / x"
    )
    assert said(127, " \n") == "It ended with 127 and said: (nothing)"
    with pytest.raises(Incomplete, match=r"said: sudo: sorry.*requiretty"):
        records("", "n1", "h", ended)


def test_whatever_a_body_holds_it_is_the_body() -> None:
    body = "x @n1 inside a line\n@n2 another number\n\x00 \x1b[0m\r\n\n@\nlast"
    found = records(output(("text", body + "\n")), "n1", "h")
    assert found[1] == Record("text", body)
    assert [each.part for each in found] == ["begin", "text", "end"]


@pytest.mark.parametrize(
    "text",
    ["", "Permission denied", "\n@n1 begin\nx\n", "\n@n1 end\n", output(("part system", "")).replace("@n1", "@other")],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(Incomplete, match="host legacy9: discovery"):
        records(text, "n1", "legacy9")


def test_what_broke_off_says_where() -> None:
    text = output(("part system", ""), ("part postgres", "")).removesuffix("\n@n1 end\n")
    with pytest.raises(Incomplete, match="part postgres"):
        records(text, "n1", "h")


def test_parts_and_their_files() -> None:
    found = records(
        output(
            ("part crons", ""),
            ("cron", "/etc/cron.d/a\nb"),
            ("text", "one\n"),
            ("package", "x\n"),
            ("cron", "/etc/cron.d/c"),
            ("text", ""),
            ("part routes", ""),
            ("nginx", "/n"),
        ),
        "n1",
        "h",
    )
    crons = section(found, "crons")
    assert [each.part for each in crons] == ["cron", "text", "package", "cron", "text"]
    assert [(path, text) for path, text, _own in texts(crons, "cron")] == [
        ("/etc/cron.d/a\nb", "one"),
        ("/etc/cron.d/c", ""),
    ]
    assert body_of(next(iter(texts(crons, "cron")))[2], "package").strip() == "x"
    assert section(found, "mail") == () and list(groups(found, "none")) == []
    assert [each.part for each in section(found, "routes")] == ["nginx"]


def test_what_failed_is_named_with_its_place() -> None:
    found = records(
        output(
            ("problem", "system\nnot root: cannot read"),
            ("cluster", "/run\n5432"),
            ("failed roles", "ERROR:  permission denied for table pg_authid\n"),
            ("database", "a\nb"),
            ("failed modules", "ERROR:  canceling statement due to statement timeout\n"),
            ("rows users", json.dumps([{"n": 'x"\n|'}])),
            ("part crons", ""),
            ("problem", "cron\n/x cannot be read by me."),
        ),
        "n1",
        "h",
    )
    assert problems(found) == [
        {"part": "system", "message": "not root: cannot read"},
        {"part": "postgres", "message": "roles: ERROR:  permission denied for table pg_authid"},
        {
            "part": "databases",
            "message": "database a\nb: modules: ERROR:  canceling statement due to statement timeout",
        },
        {"part": "cron", "message": "/x cannot be read by me."},
    ]
    assert rows(found, "users") == [{"n": 'x"\n|'}] and rows(found, "modules") == []
