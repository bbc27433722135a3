# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a unit that serves: over HTTP, in its container, in its log."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.odoo import smoke_probes, smoke_unit

LOGIN = b'<link href="/web/assets/1/a.css"/><script src="/web/content/2/b.js"></script><input name="login"/>'


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """A server's address, and its pages, which a test may change."""
    pages = {
        "/web/login": (200, LOGIN),
        "/web/health?db_server_status=1": (200, b"{}"),
        "/web/assets/1/a.css": (200, b"a"),
        "/web/content/2/b.js": (200, b"b"),
    }

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, b""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", pages
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_and_everything_they_want(served: tuple[str, dict[str, tuple[int, bytes]]]) -> None:
    url, pages = served
    assert smoke_unit._page(url)[0] == smoke_unit._health(url)[0] == "ok"
    assert smoke_unit._assets(url) == ("ok", "2 of 2 stylesheets and scripts")
    pages["/web/content/2/b.js"] = (200, b"")
    status, said = smoke_unit._assets(url)
    assert status == "failed" and said.startswith("1 of 2") and "/web/content/2/b.js 200, 0 bytes" in said
    pages["/web/login"] = (200, b"the plain page")
    pages["/web/health?db_server_status=1"] = (500, b"")
    assert smoke_unit._page(url)[0] == smoke_unit._health(url)[0] == smoke_unit._assets(url)[0] == "failed"


def test_a_server_that_is_not_there_is_a_failed_probe() -> None:
    probe = smoke_unit._timed("login page", lambda: smoke_unit._page("http://127.0.0.1:9"))
    assert probe.status == "failed" and probe.evidence


def test_files_are_read_and_a_missing_one_has_no_sum(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "one").write_bytes(b"one")
    task = {"folder": str(tmp_path), "names": ["ab/one", "ab/two", "ab"]}
    done = subprocess.run(
        [sys.executable, "-c", smoke_unit.READ], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"ab/one": hashlib.sha1(b"one").hexdigest()}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("x INFO acme odoo.modules.loading: Modules loaded.", "ok"),
        ("x ERROR acme odoo.http: a request failed", "ok"),
        ("x CRITICAL acme odoo.service.server: worker died", "failed"),
        ("x WARNING acme odoo.modules.graph: module y: not installable, skipped", "failed"),
    ],
)
def test_the_log_is_judged(line: str, status: str) -> None:
    assert smoke_probes.judged(["x INFO ? odoo: begun", line])[0] == status


def test_a_unit_that_was_started_before_its_database_opened_is_as_it_should_be() -> None:
    """It says so once, and is asked again by whoever wants a page."""
    line = "x CRITICAL acme odoo.modules.registry: Failed to initialize database `acme`."
    assert smoke_unit.NOT_YET in line and smoke_probes.judged([line])[0] == "failed", "control"
