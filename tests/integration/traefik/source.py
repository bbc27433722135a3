# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for legacy hosts: on the first port Odoo's login page, on the second a web server that redirects to https."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b'<form class="oe_login_form" action="/web/login"><input name="csrf_token"></form>'


class Odoo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "session_id=0; Path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(PAGE)


class Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://{self.headers['Host']}{self.path}")
        self.end_headers()


servers = [
    ThreadingHTTPServer(("", int(port)), what) for port, what in zip(sys.argv[1:], (Odoo, Redirect), strict=True)
]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
