# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the database speaks to, and who speaks to it; users."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, named

AREA = Area("Integrations and users")
OFFLINE_PAYMENTS = ("transfer", "custom", "manual", "test", "demo", "none")
PRIVATE = ("10.", "192.168.", *(f"172.{number}." for number in range(16, 32)))
LOCAL = ("localhost", "127.0.0.1")
OWN_KINDS = ("smtp", "imap", "pop", "payment", "oauth", "ldap")


def endpoints(its: Subject, *kinds: str) -> list[str]:
    return [f"{each['target']} ({each['where']})" for each in its.database["endpoints"] if each["kind"] in kinds]


@AREA.rule(
    "medium", "Payments are taken",
    "Providers call back by an address: set the tenant's hostname at each of them, and pay once after the cutover.",
)  # fmt: skip
def live_payments(its: Subject) -> str:
    found = [f"{each['target']} ({each['where']})" for each in its.database["endpoints"]
             if each["kind"] == "payment" and each["target"] not in OFFLINE_PAYMENTS
             and "(enabled)" in each["where"]]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "Payment providers are set to test", "Ask whether they are meant to be: nobody is charged.",
)  # fmt: skip
def test_payments(its: Subject) -> str:
    found = [each["target"] for each in its.database["endpoints"]
             if each["kind"] == "payment" and "(test)" in each["where"]]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Users log in with another provider",
    "Add the tenant's hostname to the addresses that the provider lets come back, before the cutover.",
)  # fmt: skip
def oauth_providers(its: Subject) -> str:
    return named(endpoints(its, "oauth"), "{}.")


@AREA.rule(
    "medium", "Users log in by LDAP",
    "The tenant's unit must reach the server: declare it, and keep one administrator with a password.",
)  # fmt: skip
def ldap_servers(its: Subject) -> str:
    return named(endpoints(its, "ldap"), "{}.")


@AREA.rule(
    "medium", "Parameters name services elsewhere",
    "Open them to the tenant's unit, and tell their owners the address that it comes from.",
)  # fmt: skip
def endpoints_elsewhere(its: Subject) -> str:
    found = [f"{each['target']} ({each['where']})" for each in its.database["endpoints"]
             if each["kind"] not in OWN_KINDS]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Something in the source's private network is used",
    "The target is elsewhere: give it a way there, or an address that it can reach.",
)  # fmt: skip
def private_addresses(its: Subject) -> str:
    found = [f"{each['target']} ({each['where']})" for each in its.database["endpoints"]
             if str(each["target"]).startswith(PRIVATE)]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Something on the host itself is used",
    "It is not in the container: find it, and give it a place of its own.",
)  # fmt: skip
def local_services(its: Subject) -> str:
    found = [f"{each['target']} ({each['where']})" for each in its.database["endpoints"]
             if str(each["target"]).partition(":")[0] in LOCAL and each["kind"] != "smtp"]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "Odoo is connected with other hosts", "See that the target may reach them, and that they let it in.",
)  # fmt: skip
def open_connections(its: Subject) -> str:
    found = {f"{each['peer']}:{each['port']}" for each in its.host["connections"]
             if each["direction"] == "out" and each["process"].startswith(("odoo", "python"))}  # fmt: skip
    return named(sorted(found), "Connected with {}.")


@AREA.rule(
    "low", "Odoo's paid services are used (IAP)",
    "Its accounts move along: see that the tenant's unit may reach iap.odoo.com.",
)  # fmt: skip
def iap_accounts(its: Subject) -> str:
    accounts = its.database.get("iap_accounts") or 0
    return f"{accounts} accounts." if accounts else ""


@AREA.rule(
    "low", "Programs log in with API keys",
    "The keys move along: tell their owners the hostname and the hour of the cutover.",
)  # fmt: skip
def api_keys(its: Subject) -> str:
    keys = its.database.get("api_keys") or 0
    return f"{keys} keys." if keys else ""


@AREA.rule(
    "medium", "A website has a domain that the tenant does not have",
    "Declare the domain as a hostname of the tenant, else its visitors find nothing after the cutover.",
)  # fmt: skip
def website_domains(its: Subject) -> str:
    found = [each["domain"] for each in its.database.get("websites", ()) if each["domain"]]
    bare = {domain: domain.rpartition("://")[2].partition("/")[0].partition(":")[0].lower() for domain in found}
    return named([domain for domain in found if bare[domain] not in its.tenant.hostnames], "Not declared: {}.")


@AREA.rule(
    "low", "There are several websites", "Look at each in the rehearsal, by its own domain.",
)  # fmt: skip
def several_websites(its: Subject) -> str:
    names = [each["name"] or "(no name)" for each in its.database.get("websites", ())]
    return named(names, "{}.") if len(names) > 1 else ""


@AREA.rule(
    "low", "There are several companies", "Let somebody of each accept the rehearsal.",
)  # fmt: skip
def several_companies(its: Subject) -> str:
    number = its.database["companies"] or 0
    return f"{number} companies." if number > 1 else ""


@AREA.rule(
    "low", "Nobody used it for a month", "Ask whether it is to move at all, and who accepts its rehearsal.",
)  # fmt: skip
def nobody_active(its: Subject) -> str:
    users = its.database["users"]
    return f"0 of {users['internal']} users in 30 days." if users.get("active_30_days") == 0 else ""


@AREA.rule(
    "low", "Many users are active at once",
    "Rehearse with real use, and choose the tenant's workers and tier by what was measured.",
)  # fmt: skip
def many_users(its: Subject) -> str:
    active = its.database["users"].get("active_30_days") or 0
    return f"{active} people used it in 30 days." if active > 50 and its.tenant.workers < 2 else ""


@AREA.rule(
    "low", "Customers or suppliers log in", "Tell them of the window, too, and see that their links stay the same.",
)  # fmt: skip
def portal_users(its: Subject) -> str:
    portal = its.database["users"].get("portal") or 0
    return f"{portal} users of the portal." if portal > 20 else ""


@AREA.rule(
    "low", "The administrator's login is the one that everybody tries",
    "Name it otherwise and see that its password is a good one: the target is reachable from everywhere.",
)  # fmt: skip
def administrator_login(its: Subject) -> str:
    login = its.database["users"].get("administrator")
    return f"It is {login}." if login in ("admin", "administrator", "demo") else ""
