# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both databases say about where a member stands, and what may be done from there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.erpops.odoo.plugins.module_utils.common.errors import Problem, Refused
from ansible_collections.erpops.odoo.plugins.module_utils.replication.model import (
    OLDEST,
    Facts,
    Identity,
    Member,
    Record,
    Table,
    TargetFacts,
)

SHOWN = 50  # names in a sentence
PLANNED = "planned"
PREPARED = "prepared"
SEEDING = "seeding"
FOLLOWING = "following"
DIVERGED = "diverged"
CUTTING_OVER = "cutting_over"
LIVE = "live"
ROLLING_BACK = "rolling_back"
ROLLED_BACK = "rolled_back"
COMMITTED = "committed"

# What each verb may begin from, by what the databases say; the store of members has its own word on top.
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "wave_prepare": (PLANNED, PREPARED, ROLLED_BACK),
    "wave_seed": (PREPARED, SEEDING, FOLLOWING, DIVERGED, ROLLED_BACK),
    "wave_rehearse": (FOLLOWING,),
    "wave_cutover": (FOLLOWING, CUTTING_OVER, LIVE),
    "return": (FOLLOWING, DIVERGED, CUTTING_OVER),
    "wave_rollback": (LIVE, ROLLING_BACK, ROLLED_BACK),
    "wave_commit": (LIVE, COMMITTED),
    "withdraw": (PLANNED, PREPARED, SEEDING, FOLLOWING, DIVERGED, ROLLED_BACK),
}


def stands(facts: Facts) -> str:
    """The state that both databases show."""
    source, target = facts.source, facts.target
    record = source.record
    if record is not None and record.by_dump:
        return _stands_by_dump(record, target)
    if record is not None and record.alone:  # the target's copy is an old one, and open where nobody closed it yet
        return ROLLING_BACK if target.database and not target.closed else ROLLED_BACK
    if target.serves:
        way_back = record is not None and record.fenced and not record.committed  # be it broken or not
        return LIVE if way_back else COMMITTED
    if target.database and target.subscribed:
        if record is not None and record.fenced:
            return CUTTING_OVER
        broken = source.slot is None or source.slot.lost or (record is not None and record.unequal)
        return DIVERGED if broken else FOLLOWING
    if target.database:
        return ROLLING_BACK if record is not None and record.fenced else ROLLED_BACK
    if target.passing or source.slot:
        return SEEDING
    return PLANNED if record is None else PREPARED


def _stands_by_dump(record: Record, target: TargetFacts) -> str:
    """Nothing follows; what a subscription shows otherwise, the record does."""
    if target.database and not target.closed:
        return LIVE if record.fenced and not record.committed else COMMITTED
    if record.fenced:
        return ROLLING_BACK if record.returning else CUTTING_OVER
    if target.database:
        return FOLLOWING if record.copied else ROLLED_BACK
    return SEEDING if target.passing else PREPARED


# The same where the source is gone for good, by what the target alone says.
ALONE: Mapping[str, tuple[str, ...]] = {
    "wave_cutover": (FOLLOWING, LIVE),
    "wave_rollback": (ROLLING_BACK, LIVE),
    "wave_commit": (LIVE, COMMITTED),
    "withdraw": (PLANNED, SEEDING, FOLLOWING, ROLLING_BACK),
}


def stands_alone(target: TargetFacts) -> str:
    """The state that the target alone shows. What is closed and was open once is rolling back: nobody can tell whether
    the source was opened before it was lost. What is closed and never was follows, be it in a cutover or not."""
    if not target.database:
        return SEEDING if target.passing or target.subscribed else PLANNED
    if target.subscribed:
        return FOLLOWING
    if target.serves:
        return LIVE if target.opened else COMMITTED
    return ROLLING_BACK if target.opened else FOLLOWING


def check_alone(verb: str, member: Member, target: TargetFacts) -> str:
    """As ``check``, of a member whose source is gone for good."""
    found = stands_alone(target)
    if found in ALONE[verb]:
        return found
    default = f"Without the source {verb} goes on from: {', '.join(ALONE[verb])}."
    problem = Problem(f"member {member.name}", "state", found, CURES_ALONE.get((verb, found), default))
    raise Refused(f"{verb} of member {member.name} is refused.", [problem], values={"state": found})


def broken(facts: Facts) -> list[str]:
    """Why following cannot go on, as far as the facts say it; empty if it can."""
    record, slot = facts.source.record, facts.source.slot
    if record is None:
        return ["its publication on the source is gone"]
    if slot is None:
        return ["its slot on the source is gone"]
    if slot.lost:
        return ["its slot on the source was invalidated, since it held back too much log"]
    return list(record.unequal)


def check(verb: str, member: Member, facts: Facts) -> str:
    """The state the member stands in. Raises Refused where the verb may not begin from it."""
    found = stands(facts)
    if found in ALLOWED[verb]:
        return found
    why = f" ({'; '.join(broken(facts))})" if found == DIVERGED else ""
    problem = Problem(f"member {member.name}", "state", found + why, CURES.get((verb, found), _cure(verb)))
    raise Refused(f"{verb} of member {member.name} is refused.", [problem], values={"state": found})


CURES = {
    ("wave_rollback", COMMITTED): "A committed member has no way back; restore a backup instead.",
    ("wave_seed", LIVE): "The target serves. Roll back first, or choose another member.",
    ("wave_seed", COMMITTED): "The target has a database of this name that serves. It is never replaced by a seed.",
    ("wave_seed", PLANNED): "Run wave_prepare first: the source does not publish the database yet.",
    ("wave_cutover", DIVERGED): "Run wave_seed, which starts it anew.",
    ("wave_rehearse", DIVERGED): "Run wave_seed, which starts it anew.",
    ("return", LIVE): "The target serves; wave_rollback brings the member back.",
    ("withdraw", LIVE): "Run wave_rollback first.",
}


def left_on_source(verb: str, member: Member, state: str, *, way_back: bool = False) -> list[str]:
    """What should be known of a source that was given up, should its host ever come back. state: as it was found.

    way_back: the target kept a slot for it, so a cutover had fenced it; one without the source leaves none.
    """
    fenced = f"Its database {member.database} lets nobody in: it was fenced for the cutover."
    follows = (
        f"Its subscription {member.back} finds no slot any more, which its server log says every few seconds. "
        f"Drop it: ALTER SUBSCRIPTION {member.back} DISABLE, SET (slot_name = NONE), DROP SUBSCRIPTION."
    )
    serves = (
        f"Its database {member.database} may be open, and the Odoo there would serve, run scheduled actions and send "
        "mails beside the target. Keep the host off the network until that Odoo is disabled."
    )
    if verb == "wave_cutover":
        return [serves] if state == FOLLOWING else []
    if verb == "wave_commit":
        return [fenced, follows] if way_back else [serves]
    if verb == "withdraw":
        return [f"Its publication and slot {member.forward} are as they were; wave_rollback cannot remove them."]
    lost = "If it was opened before it was lost, what it wrote from then on is on it alone, and lost with it."
    return [lost, serves] if state == ROLLING_BACK else []


def behind(free: Sequence[str], missing: Sequence[str]) -> list[str]:
    """What a copy that opened without its source may lack. free: sequences that number no column. missing: files."""
    found = [
        "Large objects and rows of unlogged tables are as they were when it was seeded.",
        "What was written on the source and had not arrived is on it alone.",
    ]
    if free:
        found.append(
            f"{len(free)} sequences number no column and are as they were when it was seeded; they may give numbers "
            f"twice, so raise them: {', '.join(free)}."
        )
    if missing:
        found.append(
            f"{len(missing)} files of attachments had not been copied: {', '.join(missing[:SHOWN])}"
            f"{' …' if len(missing) > SHOWN else ''}."
        )
    return found


CURES_ALONE = {
    ("wave_cutover", COMMITTED): "The target serves.",
    ("wave_cutover", ROLLING_BACK): "Run wave_rollback with source_gone, which opens it again.",
    ("wave_cutover", SEEDING): "Its copy is not whole. Restore a backup of the source instead.",
    ("wave_cutover", PLANNED): "There is no copy. Restore a backup of the source instead.",
    (
        "wave_commit",
        FOLLOWING,
    ): "The target never served it. Without its source wave_cutover opens it, wave_rollback removes it.",
    ("wave_commit", ROLLING_BACK): "Its copy is closed. Run wave_rollback with source_gone, which opens it again.",
    ("wave_rollback", COMMITTED): "It is committed, and the target serves.",
    (
        "wave_rollback",
        FOLLOWING,
    ): "The target never served it. Without its source wave_cutover opens it, withdraw removes it.",
    ("withdraw", LIVE): "The target serves. Run wave_commit with source_gone.",
    ("withdraw", COMMITTED): "The target serves.",
}


def _cure(verb: str) -> str:
    return f"{verb} goes on from: {', '.join(ALLOWED[verb])}."


def check_versions(source: int, target: int) -> None:
    """server_version_num of both. Raises Refused."""
    if source < OLDEST:
        cure = "Nothing older than PostgreSQL 9.6 is moved. Upgrade it first."
        raise Refused("The source is too old.", [Problem("source", "version", str(source), cure)])
    if source // 10_000 > target // 10_000:
        cure = "Upgrade the target's PostgreSQL first: a newer schema cannot be restored into an older server."
        raise Refused("The target is older than the source.", [Problem("target", "version", str(target), cure)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """identity: pg_class.relreplident. index: the name of one that is unique, not null and not partial; or empty."""

    table: Table
    identity: str
    has_key: bool
    index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIdentity:
    """index: the one to use; empty for FULL."""

    before: Identity
    index: str


def identities(tables: Iterable[TableFacts]) -> tuple[NewIdentity, ...]:
    """What tables without a replica identity need, so that publishing does not make their updates fail."""
    needed = []
    for one in tables:
        if one.identity in ("f", "i") or (one.identity == "d" and one.has_key):
            continue
        before = Identity(schema=one.table.schema, table=one.table.name, was=one.identity)
        needed.append(NewIdentity(before=before, index=one.index))
    return tuple(needed)


Catalogue = Mapping[tuple[str, str], str]  # (kind, object) -> definition


def differences(source: Catalogue, target: Catalogue) -> list[str]:
    """What DDL since the seed left different, each a short sentence."""
    found = []
    for key in sorted(source.keys() | target.keys()):
        kind, name = key
        if key not in target:
            found.append(f"{kind} {name} is only on the source")
        elif key not in source:
            found.append(f"{kind} {name} is only on the target")
        elif source[key] != target[key]:
            found.append(f"{kind} {name} is {source[key]!r} on the source and {target[key]!r} on the target")
    return found


Sums = Mapping[str, tuple[int, str]]  # table -> rows and the sum of their hashes


def unequal(source: Sums, target: Sums) -> list[str]:
    found = []
    for name in sorted(source.keys() | target.keys()):
        ours, theirs = source.get(name), target.get(name)
        if ours is None or theirs is None:
            found.append(f"table {name} is only on the {'target' if ours is None else 'source'}")
        elif ours != theirs:
            counts = f"{ours[0]} rows on the source, {theirs[0]} on the target"
            found.append(f"table {name}: {counts}" + (", of other content" if ours[0] == theirs[0] else ""))
    return found


def refuse_move(member: Member, message: str, found: Sequence[str], *, diverged: bool) -> None:
    """The same, of what speaks against a cutover or its rehearsal. diverged: only a new copy leads on."""
    try:
        refuse_differences(member, message, found, "Cure it, or run wave_seed, which starts the member anew.")
    except Refused as error:
        if diverged:
            error.values["state"] = DIVERGED
        raise


def refuse_differences(member: Member, message: str, found: Sequence[str], cure: str) -> None:
    """Raises Refused with one problem for each difference, if there are any."""
    if found:
        raise Refused(message, [Problem(f"member {member.name}", "", "", f"{one}. {cure}") for one in found])
