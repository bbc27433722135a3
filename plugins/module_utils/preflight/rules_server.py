# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source's PostgreSQL server."""

from __future__ import annotations

from datetime import date

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, named

AREA = Area("PostgreSQL on the source")
OLDEST_WITH_PUBLICATIONS = 100000
OLDEST_MOVED = 90600
TARGET_MAJOR = 17
SLOT_LIMIT_FROM = 130000
LONG_SECONDS = 3600
USUAL_PORT = 5432
ENDS = {  # the last minor release of each major version
    9: date(2021, 11, 11), 10: date(2022, 11, 10), 11: date(2023, 11, 9), 12: date(2024, 11, 21),
    13: date(2025, 11, 13), 14: date(2026, 11, 12), 15: date(2027, 11, 11), 16: date(2028, 11, 9),
    17: date(2029, 11, 8),
}  # fmt: skip


def setting(its: Subject, name: str) -> str:
    return next((str(each["setting"]) for each in its.server["settings"] if each["name"] == name), "")


@AREA.rule(
    "high", "The database is on another server than the one that is reached",
    "Set wave_source_port and wave_source_socket of the host to its server. If other members are on the first one,"
    " declare the host twice in group legacy: two names with one ansible_host, each with its own port and socket.",
)  # fmt: skip
def other_server(its: Subject) -> str:
    reached = its.target.ports.get(its.host["host"], USUAL_PORT) if its.target else its.database["port"]
    if its.database["port"] == reached:
        return ""
    return f"It is on port {its.database['port']}, and wave_source_port of {its.host['host']} is {reached}."


@AREA.rule(
    "high", "PostgreSQL has no logical replication",
    "Allow dump (wave_move_allow): nobody can write while it is dumped, restored and compared. Or upgrade it to 10 or "
    "newer on the source.", allow="dump", blocker=True,
)  # fmt: skip
def postgres_without_replication(its: Subject) -> str:
    number = its.server["number"]
    if not OLDEST_MOVED <= number < OLDEST_WITH_PUBLICATIONS:
        return ""
    return f"PostgreSQL {its.server['version']} has no logical replication."


@AREA.rule("high", "PostgreSQL is too old to be moved", "Upgrade it to 9.6 or newer on the source.", blocker=True)
def postgres_too_old(its: Subject) -> str:
    number = its.server["number"]
    return f"PostgreSQL {its.server['version']}." if number and number < OLDEST_MOVED else ""


@AREA.rule(
    "high", "PostgreSQL is newer than the target's",
    f"The target runs {TARGET_MAJOR}, which may not read a dump of a newer one: move with Odoo's own backup.",
)  # fmt: skip
def postgres_too_new(its: Subject) -> str:
    newer = its.server["number"] // 10000 > TARGET_MAJOR
    return f"PostgreSQL {its.server['version']} on the source." if newer else ""


@AREA.rule(
    "medium", "PostgreSQL gets no security fixes any more",
    "Keep its port closed to everybody else, and do not put the move off.",
)  # fmt: skip
def postgres_end_of_life(its: Subject) -> str:
    end = ENDS.get(its.server["number"] // 10000)
    return f"The releases of {its.server['version']} ended on {end}." if end and end < its.today else ""


@AREA.rule("high", "The server is a standby", "Discover and move the primary instead.", blocker=True)
def standby(its: Subject) -> str:
    return "This server is a standby." if its.server["standby"] else ""


@AREA.rule(
    "medium", "The log has too little in it to be followed",
    "ALTER SYSTEM SET wal_level = logical and one restart of PostgreSQL before seeding (some seconds).",
    allow="settings", blocker=True,
)  # fmt: skip
def wal_level(its: Subject) -> str:
    level = its.server["wal_level"]
    return f"wal_level is {level or 'unknown'}." if level != "logical" else ""


@AREA.rule(
    "medium", "There are too few replication slots",
    "Raise max_replication_slots and max_wal_senders with the same restart.", allow="settings", blocker=True,
)  # fmt: skip
def replication_slots(its: Subject) -> str:
    used, most = len(its.server["slots"]), its.server["max_replication_slots"]
    return f"{used} of {most} replication slots are used." if most - used < 2 else ""


@AREA.rule(
    "medium", "There are too few WAL senders",
    "Raise max_wal_senders with the restart that wal_level needs.", allow="settings",
)  # fmt: skip
def wal_senders(its: Subject) -> str:
    used, most = sum(1 for each in its.server["slots"] if each["active"]), its.server["max_wal_senders"]
    return f"{used} of {most} WAL senders are used by slots." if most - used < 2 else ""


@AREA.rule(
    "high", "The disk of the log is too full to hold back log",
    "Make room, or set max_slot_wal_keep_size (13 and newer) and accept that seeding may have to start anew.",
    blocker=True,
)  # fmt: skip
def wal_disk(its: Subject) -> str:
    free, wanted = its.server["wal_free_mb"], max(1024, its.database["bytes"] // 1048576 // 5)
    if free is None or free >= wanted:
        return ""
    return f"{free} MB are free where the WAL is; while seeding it may keep {wanted} MB."


@AREA.rule(
    "low", "A slot may hold back log without limit",
    "While members are followed, watch the disk; or set max_slot_wal_keep_size to what it can spare.",
)  # fmt: skip
def slot_without_limit(its: Subject) -> str:
    found = its.server["number"] >= SLOT_LIMIT_FROM and setting(its, "max_slot_wal_keep_size") == "-1"
    return f"max_slot_wal_keep_size is -1; {its.server['wal_free_mb']} MB are free." if found else ""


@AREA.rule(
    "medium", "A replication slot that nobody reads holds back log",
    "Find out who made it; drop it with pg_drop_replication_slot before seeding adds to it.",
)  # fmt: skip
def unread_slots(its: Subject) -> str:
    own = "erpops_"
    names = [each["name"] for each in its.server["slots"] if not each["active"] and not each["name"].startswith(own)]
    return named(names, "Slots without a reader: {}.")


@AREA.rule(
    "high", "Prepared transactions were left open",
    "A slot waits for every open transaction: COMMIT PREPARED or ROLLBACK PREPARED each of them.",
)  # fmt: skip
def prepared_transactions(its: Subject) -> str:
    number = its.server.get("prepared_transactions") or 0
    return f"{number} prepared transactions are open." if number else ""


@AREA.rule(
    "medium", "A transaction has been open for long",
    "A slot cannot be made before it ends: find its client (pg_stat_activity), and end it before seeding.",
)  # fmt: skip
def long_transactions(its: Subject) -> str:
    seconds = its.server.get("oldest_transaction_seconds") or 0
    return f"The oldest has been open for {seconds} seconds." if seconds > LONG_SECONDS else ""


@AREA.rule(
    "low", "Passwords are kept as md5", "The target takes SCRAM only: new passwords.", blocker=True,
)  # fmt: skip
def md5_passwords(its: Subject) -> str:
    weak = [each["name"] for each in its.server["roles"] if each["password"] == "md5" and each["login"]]
    return named(weak, "Passwords kept as md5: {}.")


@AREA.rule(
    "medium", "pg_hba.conf lets somebody in without a password",
    "Whoever comes this way reads and writes customers' data: say peer or scram-sha-256 there, and reload.",
)  # fmt: skip
def hba_trust(its: Subject) -> str:
    lines = [f"line {each['line']} ({each['type']} {', '.join(each['database'])})" for each in its.server["hba"]
             if each["method"] == "trust" and each["database"]]  # fmt: skip
    return named(lines, "Method trust in {}.")


@AREA.rule(
    "medium", "pg_hba.conf has lines that PostgreSQL cannot read",
    "It keeps its old rules until they are mended, so that the way for the move cannot be added: mend them.",
)  # fmt: skip
def hba_errors(its: Subject) -> str:
    return named([f"line {each['line']}: {each['error']}" for each in its.server["hba"] if each["error"]], "{}.")


@AREA.rule(
    "medium", "pg_hba.conf lets every address come in",
    "Limit the addresses of its lines in pg_hba.conf to those of real clients.",
)  # fmt: skip
def hba_everybody(its: Subject) -> str:
    lines = [str(each["line"]) for each in its.server["hba"] if each["address"] in ("0.0.0.0", "::", "all")
             and each["method"] != "reject"]  # fmt: skip
    return named(lines, "Lines of pg_hba.conf for all addresses: {}.")


@AREA.rule(
    "medium", "Odoo's role is a superuser",
    "ALTER ROLE … NOSUPERUSER where nothing needs it; else the cutover keeps it from logging in.",
)  # fmt: skip
def superuser_role(its: Subject) -> str:
    supers = {each["name"] for each in its.server["roles"] if each["superuser"] and each["name"] != "postgres"}
    owner = its.database["owner"]
    return f"The owner {owner} is a superuser." if owner in supers else ""


@AREA.rule(
    "high", "Odoo's role is a superuser, and other databases are its own, too",
    "The cutover would keep it from logging in, and with it the others: ALTER ROLE … NOSUPERUSER, or say that this is "
    "meant (wave_move_allow_shared_roles).",
)  # fmt: skip
def shared_superuser(its: Subject) -> str:
    if not superuser_role(its) or (its.target and its.target.shared_roles):
        return ""
    owner, name = its.database["owner"], its.database["name"]
    others = [each["name"] for each in its.host["databases"]
              if (each["owner"], each["port"]) == (owner, its.database["port"]) and each["name"] != name]  # fmt: skip
    return named(others, f"{owner} owns {{}}, too.")


@AREA.rule(
    "low", "Further roles are superusers", "They pass the cutover's fence: see that they do not write while it lasts.",
)  # fmt: skip
def other_superusers(its: Subject) -> str:
    known = ("postgres", its.database["owner"])
    return named([each["name"] for each in its.server["roles"] if each["superuser"] and each["login"]
                  and each["name"] not in known], "Superusers: {}.")  # fmt: skip


@AREA.rule(
    "medium", "Clients other than Odoo are connected",
    "Find out what they are: they must follow to the target, or stop at the cutover.",
)  # fmt: skip
def other_clients(its: Subject) -> str:
    name, owner = its.database["name"], its.database["owner"]
    found = {f"{each['role']}{' from ' + each['address'] if each['address'] else ''}" for each in its.server["sessions"]
             if each["database"] == name and each["role"] not in (owner, "postgres")}  # fmt: skip
    return named(sorted(found), "Connected with it: {}.")


@AREA.rule(
    "medium", "Other hosts are connected with the database",
    "A second application server, or a reader: add it to group legacy, or tell its owner the new address.",
)  # fmt: skip
def clients_elsewhere(its: Subject) -> str:
    local = (None, "", "127.0.0.1", "::1")
    found = {each["address"] for each in its.server["sessions"]
             if each["database"] == its.database["name"] and each["address"] not in local}  # fmt: skip
    return named(sorted(found), "Connected from {}.")


@AREA.rule(
    "low", "Further PostgreSQL servers run on the host",
    "Look whether anything of this member is there, before the host is switched off.",
)  # fmt: skip
def other_servers(its: Subject) -> str:
    port = its.database["port"]
    servers = [its.host["postgres"], *its.host["other_postgres"]]
    return named([f"{each['version']} on port {each['port']}" for each in servers if each["port"] != port], "{}.")


@AREA.rule(
    "low", "The role has settings of its own", "They are not in a dump: declare those that are still wanted.",
)  # fmt: skip
def role_settings(its: Subject) -> str:
    own = [each["setting"] for each in its.server["overrides"]
           if each["role"] == its.database["owner"] and each["database"] is None]  # fmt: skip
    return named(own, f"Settings of {its.database['owner']}: {{}}.")


@AREA.rule(
    "low", "More is written than the estate's tiers are sized for",
    "Rehearse it under load, and leave the log of a whole seed as free disk.",
)  # fmt: skip
def much_log(its: Subject) -> str:
    rate = its.server["wal_mb_an_hour"] or 0
    return f"{rate} MB of WAL an hour since the server was started." if rate > 2048 else ""
