# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands behind the edge in Odoo's place: tells what reached it, upgrades web sockets and echoes on them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455


def accept(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept(key)}\r\n\r\n".encode())
    while data := await reader.read(1024):
        writer.write(data)
        await writer.drain()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request. False when the connection is used up."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, path = first.split(" ", 2)[:2]
    headers = [line.split(": ", 1) for line in lines if ": " in line]
    known = {name.lower(): value for name, value in headers}
    if known.get("upgrade", "").lower() == "websocket":
        await upgrade(reader, writer, known["sec-websocket-key"])
        return False
    body = await reader.readexactly(int(known.get("content-length", 0)))
    port = writer.get_extra_info("sockname")[1]
    told = {"port": port, "method": method, "path": path, "headers": headers, "body": len(body)}
    text = json.dumps(told).encode()
    status = 404 if "missing" in path else 200
    writer.write(f"HTTP/1.1 {status} X\r\nServer: Werkzeug\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
    await writer.drain()
    return True


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await answer(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(ports: range) -> None:
    servers = [await asyncio.start_server(handle, "0.0.0.0", port) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(range(int(sys.argv[1]), int(sys.argv[2]))))
