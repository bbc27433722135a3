# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of an OCI image, as bytes: the same input always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.image.model import Blob

LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

ENVIRONMENT = {
    "HOME": "/var/lib/odoo",
    "LANG": "C.UTF-8",
    # Odoo 14 asks for the user's name; a user that only has a number has none.
    "LOGNAME": "odoo",
    "ODOO_RC": "/etc/odoo/odoo.conf",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/opt/erpops/site",
    "PYTHONUNBUFFERED": "1",
    "USER": "odoo",
}


def encode(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def config(layers: Sequence[tuple[Blob, str]], labels: Mapping[str, str], architecture: str, epoch: int) -> bytes:
    """The image's configuration; each layer stands with the word for its history."""
    created = moment(epoch)
    return encode(
        {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {
                "Entrypoint": ["odoo"],
                "Env": [f"{name}={value}" for name, value in sorted(ENVIRONMENT.items())],
                "ExposedPorts": {"8069/tcp": {}, "8072/tcp": {}},
                "Labels": dict(labels),
                "StopSignal": "SIGTERM",
                # Any number will do; root will not.
                "User": "20000:20000",
                "WorkingDir": "/var/lib/odoo",
            },
            "history": [{"created": created, "created_by": word} for _blob, word in layers],
            "rootfs": {"type": "layers", "diff_ids": [blob.diff_id for blob, _word in layers]},
        }
    )


def descriptor(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def manifest(layers: Sequence[Blob], config_document: bytes) -> bytes:
    return encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config_document),
            "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
        }
    )


def index(manifest_document: bytes, tag: str) -> bytes:
    entry = {
        **descriptor(MANIFEST, manifest_document),
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    return encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
