# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are known to lean on something outside of the database: one rule each."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Check, Subject, named

AREA = Area("Modules that lean on something else")


def installed(names: Sequence[str]) -> Check:
    def check(its: Subject) -> str:
        return named([name for name in names if name in its.installed], "Installed: {}.")

    return check


def known(name: str, names: Sequence[str], severity: str, title: str, cure: str) -> None:
    AREA.add(name, severity, title, cure, installed(names))


known(
    "storage_modules",
    (
        "fs_attachment",
        "attachment_s3",
        "base_attachment_object_storage",
        "cloud_storage",
        "attachment_azure",
        "attachment_swift",
        "storage_backend",
    ),
    "medium",
    "Attachments live in a store of their own",
    "Discovery and the wave know the filestore only: give the target access to that store, and keep the source's away "
    "from deleting there.",
)
known(
    "session_modules", ("session_redis", "session_db", "smile_redis_session_store"),
    "medium", "Sessions are kept by a module",
    "The estate keeps sessions in its own Redis: uninstall the module, or leave it out of the image.",
)  # fmt: skip
known(
    "dbfilter_header", ("dbfilter_from_header",),
    "medium", "The database is chosen by a header of the proxy",
    "The estate's units serve one database each: leave the module out of the image.",
)  # fmt: skip
known(
    "queue_modules", ("queue_job", "connector", "base_import_async", "celery"),
    "medium", "Jobs run in a queue",
    "Declare queue_job as a server-wide module of the instance and give it channels; let the queue run empty before "
    "the cutover.",
)  # fmt: skip
known(
    "backup_modules", ("auto_backup", "automatic_backup"),
    "medium", "A module makes backups",
    "Restore points of the estate take its place: switch it off before the cutover, it would fill the container.",
)  # fmt: skip
known(
    "iot_modules", ("iot", "hw_drivers", "pos_iot", "hw_posbox_homepage", "base_report_to_printer"),
    "medium", "Devices in the customer's rooms are connected",
    "They know Odoo by an address: see that it is a hostname that moves, and try each device on the day.",
)  # fmt: skip
known(
    "points_of_sale", ("point_of_sale",),
    "medium", "There are points of sale",
    "An open till keeps orders in the browser: close every session before the cutover.",
)  # fmt: skip
known(
    "login_modules", ("auth_saml", "auth_oauth", "auth_oidc", "auth_ldap"),
    "medium", "Users log in by another system",
    "Its list of allowed addresses names the old hostnames: add the tenant's before the cutover, and let an "
    "administrator keep a password.",
)  # fmt: skip
known(
    "calendar_modules",
    ("google_calendar", "microsoft_calendar", "google_account", "google_drive", "google_gmail", "microsoft_outlook"),
    "medium",
    "Google or Microsoft is connected",
    "Their consoles name the addresses that may come back: add the tenant's hostname before the cutover.",
)
known(
    "telephony_modules", ("voip", "asterisk_click2dial", "voip_oca", "base_phone"),
    "medium", "Telephony is connected",
    "The telephone system and the browsers must reach each other as before: try a call in the rehearsal.",
)  # fmt: skip
known(
    "mail_plugins", ("mail_plugin", "crm_mail_plugin", "project_mail_plugin"),
    "low", "Mail clients have a plugin for Odoo",
    "It knows Odoo by an address: tell its users if the hostname changes.",
)  # fmt: skip
known(
    "audit_modules", ("auditlog", "database_cleanup", "autovacuum_message_attachment"),
    "low", "A module writes or deletes much by itself",
    "Its tables are large or change much: clean up before seeding.",
)  # fmt: skip
known(
    "monitoring_modules", ("sentry", "monitoring_status", "monitoring_prometheus", "monitoring_statsd"),
    "low", "A module reports to a monitoring system",
    "Declare its address for the tenant, and tell the system that the host changes.",
)  # fmt: skip
known(
    "environment_modules", ("server_environment", "mail_environment"),
    "high", "Settings come from files of the host",
    "server_environment reads them beside Odoo's configuration: put them into the image or the instance's "
    "configuration, else mail servers and keys are empty there.",
)  # fmt: skip
known(
    "update_modules", ("module_auto_update",),
    "medium", "A module updates modules by itself",
    "A release does that on the estate: uninstall it, a schema that changes breaks the replication.",
)  # fmt: skip
known(
    "edi_modules", ("edi_oca", "edi_storage_oca", "fs_storage", "storage_backend_ftp", "storage_backend_sftp"),
    "medium", "Files are exchanged with others",
    "Let partners allow the address that the target comes from, and point folders of the host elsewhere.",
)  # fmt: skip
known(
    "bank_modules", ("account_online_synchronization", "account_ebics", "account_bank_statement_import_online"),
    "medium", "Bank accounts are synchronized",
    "Only one side may fetch, so a rehearsal must not; renew the bank's consent if it names an address.",
)  # fmt: skip
known(
    "fiscal_modules",
    (
        "l10n_de_pos_cert",
        "l10n_fr_pos_cert",
        "l10n_at_pos",
        "pos_blackbox_be",
        "l10n_it_edi",
        "l10n_mx_edi",
        "l10n_es_edi_sii",
        "l10n_br_edi",
    ),
    "medium",
    "Authorities are connected",
    "Invoices or receipts are sent with certificates of the customer: let none wait at the cutover, and try it there.",
)
known(
    "shop_modules",
    ("website_sale", "connector_magento", "connector_prestashop", "connector_woocommerce", "sale_amazon"),
    "low",
    "Customers order on the web",
    "Choose a window in which few do, and tell the shop's owner about the plain page.",
)
