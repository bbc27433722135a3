# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and certificates, from the configurations of nginx, Apache and HAProxy. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ansible_collections.erpops.odoo.plugins.module_utils.discovery.records import Record, section, texts

try:
    from cryptography import x509

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

TOKEN = re.compile(
    r"""\s+|\#[^\n]*"""
    r"""|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'"""
    r"""|([{};])|((?:\\.|[^\s{};"'])(?:\\.|\$\{[^}]*\}|[^\s{};])*)""",
    re.DOTALL,
)
KEPT = (
    "client_max_body_size",
    "proxy_read_timeout",
    "proxy_connect_timeout",
    "return",
    "rewrite",
    "auth_basic",
    "allow",
    "deny",
    "alias",
    "root",
    "limit_req",
)
DEEPEST = 60
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Directive(NamedTuple):
    """One directive of nginx with its block, if it has one."""

    name: str
    values: tuple[str, ...]
    block: tuple[Any, ...]


def tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Words and punctuation of a nginx configuration; the second value says that it is punctuation."""
    for match in TOKEN.finditer(text):
        double, single, mark, word = match.groups()
        if mark:
            yield mark, True
        elif double is not None or single is not None or word is not None:
            yield (double if double is not None else single if single is not None else word), False


def directives(stream: Iterator[tuple[str, bool]], depth: int = 0) -> tuple[Directive, ...]:
    """What stands up to the end of the block. What is left open is taken as closed, what is absurdly deep as flat."""
    found: list[Directive] = []
    words: list[str] = []
    for text, mark in stream:
        if not mark:
            words.append(text)
            continue
        if text == "}":
            break
        block = directives(stream, depth + 1) if text == "{" and depth < DEEPEST else ()
        if words:
            found.append(Directive(words[0], tuple(words[1:]), block))
        words = []
    return tuple(found)


def nested(tree: Sequence[Directive], name: str) -> Iterator[Directive]:
    for each in tree:
        if each.name == name:
            yield each
        yield from nested(each.block, name)


def values(tree: Sequence[Directive], name: str) -> list[str]:
    return [" ".join(each.values) for each in tree if each.name == name]


def nginx(path: str, text: str) -> list[dict[str, Any]]:
    """One entry a server, with its locations' upstreams and what else it does."""
    tree = directives(tokens(text))
    upstreams = {
        each.values[0]: [one.split()[0] for one in values(each.block, "server") if one]
        for each in nested(tree, "upstream")
        if each.values
    }
    return [nginx_server(path, each.block, upstreams) for each in nested(tree, "server") if each.block]


def nginx_server(path: str, block: Sequence[Directive], upstreams: dict[str, list[str]]) -> dict[str, Any]:
    hostnames = [name for each in block if each.name == "server_name" for name in each.values if name not in ("_", "")]
    options: dict[str, Any] = {"listen": values(block, "listen")}
    options.update({name: values(block, name) for name in KEPT if values(block, name)})
    locations: list[dict[str, Any]] = []
    for each in nested(block, "location"):
        passes = [resolved(one, upstreams) for one in values(each.block, "proxy_pass")]
        extra = {name: values(each.block, name) for name in KEPT if values(each.block, name)}
        locations.append({"location": " ".join(each.values), "upstream": passes[0] if passes else "", **extra})
    options["locations"] = locations
    direct = [resolved(one, upstreams) for one in values(block, "proxy_pass")]
    upstream = next((each["upstream"] for each in locations if each["location"] == "/"), "") or next(iter(direct), "")
    return route(path, "nginx", hostnames, upstream, next(iter(values(block, "ssl_certificate")), ""), options)


def resolved(target: str, upstreams: dict[str, list[str]]) -> str:
    """A proxy_pass with the upstream's own servers."""
    match = re.match(r"(https?://)([^/]+)(.*)$", target)
    if match and match[2] in upstreams and upstreams[match[2]]:
        return ", ".join(f"{match[1]}{server}{match[3]}" for server in upstreams[match[2]])
    return target


def route(
    path: str, server: str, hostnames: Sequence[str], upstream: str, certificate: str, options: dict[str, Any]
) -> dict[str, Any]:
    return {
        "path": path,
        "server": server,
        "hostnames": list(dict.fromkeys(hostnames)),
        "upstream": upstream,
        "certificate": certificate,
        "options": options,
    }


def apache(path: str, text: str) -> list[dict[str, Any]]:
    """One entry a VirtualHost."""
    found = []
    joined = re.sub(r"\\\n\s*", " ", text)
    for match in re.finditer(r"<VirtualHost\s+([^>]*)>(.*?)</VirtualHost>", joined, re.DOTALL | re.IGNORECASE):
        pairs = [tuple(line.split(None, 1)) for line in match[2].split("\n") if len(line.split(None, 1)) == 2]
        of = {
            name: [value.strip().strip('"') for key, value in pairs if key.lower() == name.lower()]
            for name in (
                "ServerName",
                "ServerAlias",
                "ProxyPass",
                "SSLCertificateFile",
                "Redirect",
                "RewriteRule",
                "AuthType",
            )
        }
        hostnames = [name.split(":")[0] for line in of["ServerName"] + of["ServerAlias"] for name in line.split()]
        passes = [line.split() for line in of["ProxyPass"] if len(line.split()) > 1]
        main = next((words[1] for words in passes if words[0] == "/"), "")
        options = {
            "listen": match[1].split(),
            "locations": [{"location": words[0], "upstream": words[1]} for words in passes],
        }
        options.update({name: of[name] for name in ("Redirect", "RewriteRule", "AuthType") if of[name]})
        found.append(route(path, "apache", hostnames, main, next(iter(of["SSLCertificateFile"]), ""), options))
    return found


def haproxy(path: str, text: str) -> list[dict[str, Any]]:
    """One entry a frontend or listen section; its upstream are the servers of its backends."""
    sections: dict[tuple[str, str], list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.split("\n"):
        words = line.split("#")[0].split()
        if words and words[0] in ("frontend", "backend", "listen", "defaults", "global"):
            lines = sections.setdefault((words[0], words[1] if len(words) > 1 else ""), [])
        elif words:
            lines.append(words)
    found = []
    for (kind, name), own in sections.items():
        if kind not in ("frontend", "listen"):
            continue
        backends = [words[1] for words in own if words[0] in ("use_backend", "default_backend") and len(words) > 1]
        servers = [words[2] for words in own if words[0] == "server" and len(words) > 2]
        servers += [
            words[2]
            for each in backends
            for words in sections.get(("backend", each), [])
            if words[0] == "server" and len(words) > 2
        ]
        hostnames = [host for words in own for host in host_rules(words)]
        binds = [words for words in own if words[0] == "bind"]
        certificate = next((words[words.index("crt") + 1] for words in binds if "crt" in words[:-1]), "")
        options = {"section": name, "listen": [words[1] for words in binds if len(words) > 1]}
        found.append(route(path, "haproxy", hostnames, ", ".join(dict.fromkeys(servers)), certificate, options))
    return found


def host_rules(words: Sequence[str]) -> list[str]:
    """Hostnames of ``acl NAME hdr(host) -i a b``."""
    if words[0] != "acl" or len(words) < 4 or not words[2].startswith(("hdr(host)", "hdr_dom(host)", "req.hdr(host)")):
        return []
    return [word for word in words[3:] if not word.startswith("-")]


def routes(found: Sequence[Record]) -> list[dict[str, Any]]:
    part = section(found, "routes")
    entries = []
    for kind, read in (("nginx", nginx), ("apache", apache), ("haproxy", haproxy)):
        for path, text, _own in texts(part, kind):
            entries += read(path, text)
    return entries


def certificates(found: Sequence[Record]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The first certificate of each file (path, names, issuer, not_after), and files that hold none."""
    entries, unreadable = [], []
    if not HAS_CRYPTOGRAPHY:
        message = "the controller lacks Python's cryptography: certificates are not read."
        return [], [{"part": "certificates", "message": message}]
    for path, text, _own in texts(section(found, "certificates"), "certificate"):
        match = PEM.search(text)
        try:
            certificate = x509.load_pem_x509_certificate(match[0].encode() if match else b"")
        except ValueError:
            unreadable.append({"part": "certificates", "message": f"{path} holds no certificate that can be read."})
            continue
        entries.append(
            {
                "path": path,
                "names": names_of(certificate),
                "issuer": certificate.issuer.rfc4514_string(),
                "not_after": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )
    return entries, unreadable


def names_of(certificate: x509.Certificate) -> list[str]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(name) for name in alternative.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        return [str(each.value) for each in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
