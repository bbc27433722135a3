# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a server of its own, over real TLS."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import ErpopsError, Refused, Unreachable
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import rest
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.rest import Api

USER, PASSWORD = "erpops", "the-password"
EXTENSIONS = (
    "subjectAltName=IP:127.0.0.1",
    "basicConstraints=critical,CA:TRUE",
    "keyUsage=critical,keyCertSign,digitalSignature",
)


@dataclass
class Server:
    """Answers by path; keeps what it was asked."""

    port: int
    ca_file: str
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def api(self) -> Api:
        return Api(addresses={"db1": "127.0.0.1"}, port=self.port, ca_file=self.ca_file, user=USER, password=PASSWORD)


def certificate(folder: Path) -> tuple[str, str]:
    key, path = str(folder / "tls.key"), str(folder / "tls.crt")
    extensions = [item for extension in EXTENSIONS for item in ("-addext", extension)]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        [*command, "-keyout", key, "-out", path, "-days", "2", "-subj", "/CN=test", *extensions],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return path, key


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    path, key = certificate(tmp_path)
    state = Server(port=0, ca_file=path)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            state.asked.append((f"{self.command} {self.path}", body, self.headers.get("Authorization") or ""))
            status, text = state.answers.get(self.path, (404, "nothing here"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    state.port = made.server_address[1]
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        made.shutdown()
        made.server_close()


def test_reading_needs_no_password(server: Server) -> None:
    server.answers["/cluster"] = (200, '{"members": []}')
    assert rest.cluster(server.api(), "db1") == {"members": []}
    assert server.asked == [("GET /cluster", "", "")]


def test_a_primary_that_is_not_healthy_still_answers(server: Server) -> None:
    server.answers["/patroni"] = (503, '{"state": "starting"}')
    assert rest.status(server.api(), "db1") == {"state": "starting"}


def test_writing_carries_the_password_and_the_change(server: Server) -> None:
    server.answers["/config"] = (200, "{}")
    rest.configure(server.api(), "db1", {"ttl": 20})
    (asked,) = server.asked
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert asked == ("PATCH /config", json.dumps({"ttl": 20}), f"Basic {token}")


@pytest.mark.parametrize(("status", "text"), [(401, "no auth"), (412, "candidate name does not match")])
def test_a_refusal_is_told_in_patronis_words_without_the_password(server: Server, status: int, text: str) -> None:
    server.answers["/switchover"] = (status, text)
    with pytest.raises(Refused, match=text) as raised:
        rest.switchover(server.api(), "db1", "db2")
    assert PASSWORD not in str(raised.value)
    assert PASSWORD not in repr(server.api())


def test_a_member_that_no_longer_waits_needs_no_restart(server: Server) -> None:
    server.answers["/restart"] = (503, "restart conditions are not satisfied")
    rest.restart(server.api(), "db1")
    server.answers["/restart"] = (503, "postgres is not running")
    with pytest.raises(Refused, match="not running"):
        rest.restart(server.api(), "db1")


def test_what_is_no_json_is_an_error_that_names_the_member(server: Server) -> None:
    server.answers["/config"] = (200, "<html>")
    with pytest.raises(ErpopsError, match="db1"):
        rest.configuration(server.api(), "db1")


def test_an_unknown_authority_is_refused(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = certificate(other)[0]
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        rest.request("GET", f"{server.url}/cluster", rest.tls(stranger))
    assert server.asked == []


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="refused"):
        rest.request("GET", f"https://127.0.0.1:{free_port()}/", ssl.create_default_context())


def test_the_key_of_a_cluster(server: Server, tmp_path: Path) -> None:
    key = str(tmp_path / "tls.key")
    for body, expected in (('{"kvs": [{"key": "eA=="}]}', "present"), ('{"header": {}}', "absent")):
        server.answers["/v3/kv/range"] = (200, body)
        assert rest.initialize_key([server.url], "/service/main/initialize", server.ca_file, server.ca_file, key)[
            0
        ] == (expected)
    sent = json.loads(server.asked[0][1])
    assert base64.b64decode(sent["key"]) == b"/service/main/initialize"


def test_a_store_that_does_not_answer_proves_nothing(server: Server, tmp_path: Path) -> None:
    server.answers["/v3/kv/range"] = (503, "no leader")
    key = str(tmp_path / "tls.key")
    state, detail = rest.initialize_key([server.url], "/x", server.ca_file, server.ca_file, key)
    assert state == "unknown"
    assert "no leader" in detail
    assert rest.initialize_key([server.url], "/x", server.ca_file, "/missing.crt", "/missing.key")[0] == "unknown"
    silent = f"https://127.0.0.1:{free_port()}"
    assert rest.initialize_key([silent], "/x", server.ca_file, server.ca_file, key)[0] == "unreachable"
