# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a running instance read its certificate anew: redis-reload sessions|cache|queue.

It asks over the instance's own socket, not over TLS: after a change of the estate's root the running instance still
shows a certificate that nobody trusts any more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import redis

LOGIN = Path("/etc/erpops/redis/reload.json")
CERTIFICATE = "/etc/erpops/pki/redis/tls.crt"
TIMEOUT_SECONDS = 5


def main(name: str) -> None:
    login = json.loads(LOGIN.read_text(encoding="utf-8"))
    client = redis.Redis(
        unix_socket_path=f"/run/erpops-redis-{name}/redis.sock",
        username=login["user"],
        password=login["password"],
        socket_timeout=TIMEOUT_SECONDS,
    )
    # Setting the same path again makes the server read certificate, key and authority from their files.
    client.config_set("tls-cert-file", CERTIFICATE)


if __name__ == "__main__":
    main(sys.argv[1])
