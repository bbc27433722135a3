# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.discovery import routes
from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record

NGINX = r"""
# server { server_name commented.example; }
upstream odoo { server 10.0.0.1:8069 weight=2; server 10.0.0.2:8069; }
http { server {
    listen 443 ssl http2; server_name a.example "b c.example" "~^x\d{2}\.example$" _;
    ssl_certificate '/etc/ssl/a;b.pem';
    set $x "a } b";
    location / { proxy_pass http://odoo; }
    location ~* \.(js|css)$ { proxy_pass http://odoo/static; allow 10.0.0.0/8; deny all; }
    location = /pay { if ($a) { return 403; } proxy_pass https://pay.example/${uri}; }
} }
server { listen 80; return 301 https://$host$request_uri; }
"""


def test_nginx() -> None:
    secure, plain = routes.nginx("/n", NGINX)
    assert secure["hostnames"] == ["a.example", "b c.example", "~^x\\d{2}\\.example$"]
    assert secure["upstream"] == "http://10.0.0.1:8069, http://10.0.0.2:8069"
    assert secure["certificate"] == "/etc/ssl/a;b.pem"
    by = {each["location"]: each for each in secure["options"]["locations"]}
    assert set(by) == {"/", "~* \\.(js|css)$", "= /pay"}
    assert by["~* \\.(js|css)$"]["deny"] == ["all"] and by["= /pay"]["upstream"] == "https://pay.example/${uri}"
    assert (plain["hostnames"], plain["options"]["return"]) == ([], ["301 https://$host$request_uri"])


def test_nginx_that_is_broken_does_no_harm() -> None:
    for text in (
        "server {",
        "}}}} server { server_name a; ",
        '"',
        "server { location / { proxy_pass",
        "{" * 100_000,
        "a {" * 50_000,
        "",
    ):
        routes.nginx("/n", text)
    assert routes.nginx("/n", "server { server_name a; location / {")[0]["hostnames"] == ["a"]


def test_apache() -> None:
    text = (
        "<VirtualHost *:443>\n ServerName a.example:443\n ServerAlias b.example \\\n   c.example\n"
        ' SSLCertificateFile "/etc/a.pem"\n ProxyPass /longpolling/ http://127.0.0.1:8072/\n'
        " proxypass / http://127.0.0.1:8069/ retry=0\n"
        "</VirtualHost>\n<virtualhost *:80>\nServerName d.example\nRedirect permanent / https://d.example/\n</virtualhost>"
    )
    first, second = routes.apache("/a", text)
    assert first["hostnames"] == ["a.example", "b.example", "c.example"]
    assert (first["upstream"], first["certificate"]) == ("http://127.0.0.1:8069/", "/etc/a.pem")
    assert [each["location"] for each in first["options"]["locations"]] == ["/longpolling/", "/"]
    assert second["options"]["Redirect"] == ["permanent / https://d.example/"]


def test_haproxy() -> None:
    text = (
        "global\n log x\nfrontend web\n bind :443 ssl crt /etc/h.pem alpn h2\n"
        " acl acme hdr(host) -i a.example b.example # c\n"
        " use_backend odoo if acme\n default_backend other\nbackend odoo\n server one 10.0.0.1:8069 check\n"
        "backend other\n server two 10.0.0.2:80\n"
        "listen db\n bind :5000\n server three 10.0.0.3:5432\n"
    )
    web, db = routes.haproxy("/h", text)
    assert (web["hostnames"], web["certificate"]) == (["a.example", "b.example"], "/etc/h.pem")
    assert web["upstream"] == "10.0.0.1:8069, 10.0.0.2:80"
    assert db["upstream"] == "10.0.0.3:5432"


def test_a_file_without_a_certificate_is_a_problem() -> None:
    part = [
        Record("part certificates", ""),
        Record("certificate", "/x.pem"),
        Record("text", ""),
        Record("certificate", "/y.pem"),
        Record("text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        Record("end", ""),
    ]
    found, unreadable = routes.certificates(part)
    assert found == [] and [each["message"].split()[0] for each in unreadable] == ["/x.pem", "/y.pem"]
