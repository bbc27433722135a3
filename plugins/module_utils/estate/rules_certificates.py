# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the certificates that tenants bring: what is wrong with one, visitors would be the first to see.

Neither a certificate's nor a key's text ever stands in a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem
from ansible_collections.erpops.odoo.plugins.module_utils.estate import arguments
from ansible_collections.erpops.odoo.plugins.module_utils.estate.declared import Declared
from ansible_collections.erpops.odoo.plugins.module_utils.estate.model import Tenant, hostname_form
from ansible_collections.erpops.odoo.plugins.module_utils.estate.names import covered
from ansible_collections.erpops.odoo.plugins.module_utils.estate.rules_entries import repeated
from ansible_collections.erpops.odoo.plugins.module_utils.estate.shape import Faults, entries, nearest, shown

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

VARIABLE = "tenant_certificates"
KEYS = "tenant_certificate_keys"  # the keys of its entries, in their order: a secret, so they are handed in apart
PUBLIC = ("tenant", "certificate")
KEY_BLOCK = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
WARN_DAYS = 30
Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An entry with its certificates, the tenant's own first. names: what that is valid for."""

    tenant: str
    chain: tuple[Any, ...]
    names: tuple[str, ...]
    until: datetime


def public(value: Any) -> Any:
    """The variable without anything that may be a key, whatever it looks like. Every key of an entry stays, without its
    value where nobody knows what that is."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value if value is None else shown(type(value).__name__)
    return [_public_entry(each) for each in value]


def _public_entry(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return shown(type(value).__name__)
    return {
        name: (KEY_BLOCK.sub(r"\1", item) if isinstance(item, str) else item) if name in PUBLIC else ""
        for name, item in value.items()
    }


def keys(value: Any) -> list[str]:
    """What ``public`` leaves out of ``key``, in the order of the entries; empty where there is no text."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return []
    found = [each.get("key") if isinstance(each, Mapping) else None for each in value]
    return [each if isinstance(each, str) else "" for each in found]


def problems(raw: Mapping[str, Any], declared: Declared, now: datetime | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with them."""
    faults: Faults = []
    given = _entries(raw, faults)
    found = [replace(fault, value="") for fault in faults]
    if given and not HAS_CRYPTOGRAPHY:
        cure = "The controller needs Python's cryptography to look at them: install it there."
        return (*found, Problem("estate", VARIABLE, "", cure))
    found += repeated("certificate of tenant", [each.get("tenant", "") for each in given])
    tenants = {tenant.name: tenant for tenant in declared.living}
    bringing = {each.get("tenant") for each in given}
    for each in given:
        found += _entry(each, tenants, bringing, now or datetime.now(UTC))
    return tuple(found)


def ending(raw: Mapping[str, Any], now: datetime | None = None) -> tuple[str, ...]:
    """A sentence for each that ends soon or has ended, of an estate without problems.

    Ending is no problem: a date alone must not keep anybody from any verb, least of all from a rollback.
    """
    today = now or datetime.now(UTC)
    found = []
    for each in _entries(raw, []):
        read, _wrong = _certificate(each, _subject(each))
        if read is not None and read.until < today + timedelta(days=WARN_DAYS):
            left = (read.until - today).days
            when = (
                f"has ended on {read.until:%Y-%m-%d}, and browsers refuse it"
                if read.until <= today
                else f"ends on {read.until:%Y-%m-%d}, in {left} days"
            )
            found.append(
                f"{_subject(each)}: its certificate {when}. Nobody renews it by itself: put the new one into"
                f" {VARIABLE} and run tenant, or take it out, and the edge has its own issued."
            )
    return tuple(found)


def _entries(raw: Mapping[str, Any], faults: Faults) -> list[dict[str, Any]]:
    given, apart = raw.get(VARIABLE), raw.get(KEYS) or ()
    whole = given
    if isinstance(given, list):
        whole = [
            {**each, "key": apart[index] or None} if isinstance(each, Mapping) and index < len(apart) else each
            for index, each in enumerate(given)
        ]
    return entries(whole, arguments.TENANT_CERTIFICATE, "tenant", VARIABLE, faults)


def _subject(each: Mapping[str, Any]) -> str:
    return f"tenant {shown(each.get('tenant', ''))}"


def _entry(each: Mapping[str, Any], tenants: Mapping[str, Tenant], bringing: set[Any], now: datetime) -> Problems:
    name, subject = each.get("tenant", ""), _subject(each)
    tenant = tenants.get(name)
    if name and tenant is None:
        cure = f"No such tenant is declared, or it is absent. {nearest(name, list(tenants))}"
        yield Problem("estate", f"{VARIABLE}: tenant", shown(name), cure)
    read, wrong = _certificate(each, subject)
    yield from wrong
    yield from _key(each, read, subject)
    if read is None:
        return
    yield from _dates(read, subject, now)
    yield from _chain(read, subject)
    if tenant is not None:
        yield from _names(read, tenant, [other for other in tenants.values() if other.name not in bringing])


def _certificate(each: Mapping[str, Any], subject: str) -> tuple[Read | None, tuple[Problem, ...]]:
    text = each.get("certificate")
    if not text:
        return None, ()
    if KEY_BLOCK.search(text):
        cure = "It holds a private key: leave that out here, and give it as key."
        return None, (Problem(subject, f"{VARIABLE}: certificate", "", cure),)
    try:
        chain = tuple(x509.load_pem_x509_certificates(text.encode()))
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        cure = "It has no subject alternative names, so no browser takes it: have it issued anew."
        return None, (Problem(subject, f"{VARIABLE}: certificate", "", cure),)
    except (ValueError, IndexError):
        cure = "Give it in PEM form, followed by its chain, with BEGIN CERTIFICATE and END CERTIFICATE lines."
        return None, (Problem(subject, f"{VARIABLE}: certificate", "", cure),)
    read = Read(
        tenant=each.get("tenant", ""),
        chain=chain,
        names=tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        until=chain[0].not_valid_after_utc,
    )
    return read, ()


def _key(each: Mapping[str, Any], read: Read | None, subject: str) -> Problems:
    if not each.get("key"):
        return
    field = f"{VARIABLE}: key"
    try:
        key = serialization.load_pem_private_key(each["key"].encode(), password=None)
    except TypeError:
        yield Problem(
            subject, field, "", "It has a passphrase, which nobody could give at night: decrypt it, and vault it."
        )
        return
    except (ValueError, UnsupportedAlgorithm):
        yield Problem(subject, field, "", "Give it in PEM form, with its BEGIN and END lines.")
        return
    if read is not None and _public(key.public_key()) != _public(read.chain[0].public_key()):
        yield Problem(subject, field, "", "It is not the certificate's key: give the pair that belongs together.")


def _public(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = key.public_bytes(serialization.Encoding.DER, form)
    return found


def _dates(read: Read, subject: str, now: datetime) -> Problems:
    field, begin = f"{VARIABLE}: certificate", read.chain[0].not_valid_before_utc
    if begin > now:
        yield Problem(subject, field, f"from {begin:%Y-%m-%d}", "It does not count yet: wait, or give the former one.")


def _chain(read: Read, subject: str) -> Problems:
    for below, above in zip(read.chain, read.chain[1:], strict=False):
        if below.issuer != above.subject:
            found = shown(above.subject.rfc4514_string())
            cure = "It did not issue the one before it: first the tenant's own, then each one's issuer."
            yield Problem(subject, f"{VARIABLE}: certificate", found, cure)
            return


def _names(read: Read, tenant: Tenant, others: Sequence[Tenant]) -> Problems:
    field, subject = f"{VARIABLE}: certificate", f"tenant {tenant.name}"
    for hostname in _forms(tenant):
        if not covered(hostname, read.names):
            cure = f"It is not valid for this hostname, but for {', '.join(read.names) or 'none'}."
            yield Problem(subject, field, hostname, cure)
    for other in others:
        for hostname in _forms(other) if other.name != tenant.name else ():
            if covered(hostname, read.names):
                cure = (
                    f"It is valid for this hostname of tenant {other.name} too, whose visitors would be shown it: name"
                    " it for that tenant as well, or give one that is valid for this tenant alone."
                )
                yield Problem(subject, field, hostname, cure)


def _forms(tenant: Tenant) -> Iterator[str]:
    for hostname in tenant.hostnames:
        try:
            yield hostname_form(hostname)
        except UnicodeError:  # reported already
            continue
