# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an example inventory lacks to be converged in the lab: a second inventory beside it, under build/<name>/.

``inventory/hosts.yml`` has the lab's addresses, ``inventory/group_vars/all/secrets.yml`` what a vault would hold (made
once), ``images.yml`` the digests of the images that were built here, ``lab.yml`` what is only so in the lab.
"""

from __future__ import annotations

import datetime
import os
import secrets
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("ERPOPS_CACHE", "/var/cache/erpops"))
DAYS = 3650


def folder(name: str) -> Path:
    return ROOT / "build" / name


def inventory(name: str) -> Path:
    return folder(name) / "inventory"


def inventories(name: str) -> list[str]:
    """The options that give ansible-playbook the example and what the lab adds to it."""
    return ["-i", str(ROOT / "inventories" / name), "-i", str(inventory(name))]


def lab_folder(name: str) -> Path:
    return Path(os.environ.get("LAB_DIR", CACHE / "labs" / name))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=mode)
    new.chmod(mode)
    new.write_text(text, encoding="utf-8")
    new.rename(path)


def dump(value: dict[str, Any]) -> str:
    return "---\n" + yaml.safe_dump(value, sort_keys=True, default_flow_style=False)


def write_hosts(name: str) -> None:
    write(inventory(name) / "hosts.yml", (lab_folder(name) / "inventory.yml").read_text(encoding="utf-8"))


def write_images(name: str, variables: dict[str, Any]) -> None:
    write(inventory(name) / "group_vars" / "all" / "images.yml", dump(variables))


def write_lab(name: str) -> None:
    """What is only so in the lab: the image store that app hosts share, cgroup controllers that are not there."""
    # In the lab, administration comes from the machine that carries it.
    values: dict[str, Any] = {"app_image_stores": ["/srv/images"], "baseline_admin_networks": [f"{gateway(name)}/32"]}
    if "pids" not in cgroup_controllers():
        values["app_pids_limit"] = 0
    write(inventory(name) / "group_vars" / "all" / "lab.yml", dump(values))


def gateway(name: str) -> str:
    """The address that the lab's hosts know this machine by: the first of their network."""
    hosts = yaml.safe_load((inventory(name) / "hosts.yml").read_text(encoding="utf-8"))["all"]["hosts"]
    return next(iter(hosts.values()))["ansible_host"].rpartition(".")[0] + ".1"


def cgroup_controllers() -> list[str]:
    """Those of the machine's unified hierarchy; the others belong to the old one and are not for the hosts."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    unified = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2")
    return (unified / "cgroup.controllers").read_text(encoding="utf-8").split()


def ensure_secrets(name: str) -> Path:
    """The estate's secret and its certificate authority, made once; returns the authority's certificate as a file."""
    path = inventory(name) / "group_vars" / "all" / "secrets.yml"
    if not path.exists():
        key, certificate = certificate_authority(name)
        values = {
            "estate_secret": secrets.token_urlsafe(48),
            "estate_ca_key": key,
            "estate_ca_certificate": certificate,
        }
        write(path, dump(values), mode=0o600)
    ca_file = folder(name) / "ca.crt"
    write(ca_file, yaml.safe_load(path.read_text(encoding="utf-8"))["estate_ca_certificate"])
    return ca_file


def certificate_authority(name: str) -> tuple[str, str]:
    """Key and certificate, PEM. Below it there is one level of authorities, one for each host."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Estate {name}")])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
