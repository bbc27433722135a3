# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filestore and attachments."""

from __future__ import annotations

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Subject, listed, named

AREA = Area("Filestore and attachments")
MANY_FILES = 1_000_000
LARGE_IN_DATABASE = 5 * 1000**3


@AREA.rule(
    "high", "The filestore was not found",
    "Say which folder holds one folder a database (filestores of the member in wave_members), and discover the host"
    " again. Files on another host than the database must be mounted here, for writing too. Waive it only where they"
    " are known to be lost: the member is then moved without them.",
)  # fmt: skip
def filestore_not_found(its: Subject) -> str:
    number = its.database["attachments"].get("filestore", {}).get("number", 0)
    if its.database["filestore"]["path"] or not number:
        return ""
    return f"{number} attachments are kept in files, and no data_dir has filestore/{its.database['name']}."


@AREA.rule(
    "high", "A move needs tools that are not on the host",
    "Install them there, each with the distribution's own package (tar, findutils, coreutils, postgresql-client).",
)  # fmt: skip
def lacking_tools(its: Subject) -> str:
    return named(its.host["system"].get("lacking") or (), "Not there: {}.")


@AREA.rule(
    "medium", "Attachments have no file", "Restore them from a backup, or note that they were lost before the move.",
    blocker=True,
)  # fmt: skip
def filestore_missing(its: Subject) -> str:
    files = its.database["filestore"]
    if not files["missing_count"]:
        return ""
    return f"{files['missing_count']} attachments have no file: {listed(files['missing'], 3)}."


@AREA.rule(
    "medium", "Files are damaged", "Restore them from a backup, or note that they were damaged before the move.",
    blocker=True,
)  # fmt: skip
def filestore_corrupt(its: Subject) -> str:
    files = its.database["filestore"]["corrupt"]
    return f"{len(files)} files are not what was stored: {listed(files, 3)}." if files else ""


@AREA.rule("low", "Files belong to no attachment", "They need not move.", blocker=True)
def filestore_orphans(its: Subject) -> str:
    files = its.database["filestore"]
    if not files["orphans"]:
        return ""
    return f"{files['orphans']} files ({files['orphan_bytes']} bytes) belong to no attachment."


@AREA.rule(
    "high", "Files cannot be read", "Give the account that reads the host access to them.", blocker=True,
)  # fmt: skip
def filestore_unreadable(its: Subject) -> str:
    files = its.database["filestore"]["unreadable"]
    return f"{listed(files, 3)}." if files else ""


@AREA.rule(
    "low", "Contents of files were not compared",
    "Discover the host with wave_discover_checksums, so that damage is known before the move.",
)  # fmt: skip
def filestore_not_hashed(its: Subject) -> str:
    files = its.database["filestore"]
    return f"{files['hashed']} of {files['files']} files were read." if files["hashed"] < files["files"] else ""


@AREA.rule(
    "low", "There are very many files",
    "Comparing names takes minutes of the window: rehearse, and mind the budget that comes of it.",
)  # fmt: skip
def many_files(its: Subject) -> str:
    number = its.database["filestore"]["files"]
    return f"{number} files." if number > MANY_FILES else ""


@AREA.rule(
    "low", "Attachments are kept in the database",
    "They move with it; Odoo's force_storage moves them to the filestore afterwards.", blocker=True,
)  # fmt: skip
def attachments_in_database(its: Subject) -> str:
    number = its.database["attachments"].get("database", {}).get("number")
    return f"{number} attachments are kept in the database." if number else ""


@AREA.rule(
    "medium", "Many attachments are kept in the database",
    "Move them to files first (ir_attachment.location = file, force_storage): rows cost more to copy and compare.",
)  # fmt: skip
def large_attachments_in_database(its: Subject) -> str:
    size = int(its.database["attachments"].get("database", {}).get("bytes") or 0)
    return f"{size / 1000**3:.1f} GB are kept in the database." if size > LARGE_IN_DATABASE else ""


@AREA.rule(
    "medium", "New attachments go elsewhere than into files",
    "The estate's restore points expect files: delete parameter ir_attachment.location, and run force_storage.",
)  # fmt: skip
def attachment_location(its: Subject) -> str:
    value = its.database["parameters"].get("ir_attachment.location") or "file"
    return f"ir_attachment.location is {value}." if value != "file" else ""


@AREA.rule(
    "low", "Attachments are links", "What they point at does not move: see that it stays reachable.",
)  # fmt: skip
def linked_attachments(its: Subject) -> str:
    elsewhere = its.database["attachments"].get("url", {}).get("number") or 0
    return f"{elsewhere} attachments are links." if elsewhere > 100 else ""


@AREA.rule(
    "medium", "The folder of files is shared with another database",
    "Both names lead to one folder: give each database its own before either moves.",
)  # fmt: skip
def shared_filestore(its: Subject) -> str:
    path = its.database["filestore"]["path"]
    others = [each["name"] for each in its.host["databases"]
              if path and each["filestore"]["path"] == path and each["name"] != its.database["name"]]  # fmt: skip
    return named(others, f"{path} is also that of {{}}.")
