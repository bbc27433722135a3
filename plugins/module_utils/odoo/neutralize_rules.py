# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Odoo's reaches the world outside, table by table, in versions 13 to 19; and what must not be left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

AUTOVACUUM: LiteralString = (
    "(SELECT res_id FROM public.ir_model_data WHERE model = 'ir.cron' AND module = 'base' AND name = 'autovacuum_job')"
)
# Columns that hold what lets somebody in elsewhere, by table.
CREDENTIALS: Mapping[str, str] = {
    "ir_mail_server": "pass|token|secret",
    "fetchmail_server": "pass|token|secret",
    "payment_acquirer": "secret|password|_key|token|signature|login|merchant|pspid|userid|account|hmac|pdt|seller",
    "payment_provider": "secret|password|_key|token|signature|login|merchant|pspid|userid|account|hmac|pdt|seller",
    "pos_payment_method": "secret|password|_key|token",
    "delivery_carrier": "secret|password|_key|token",
    "res_users": "rtoken|calendar_token|totp_secret",
    "res_users_settings": "rtoken|calendar_token|refresh_token",
    "google_calendar_credentials": "token",
    "microsoft_calendar_credentials": "token",
    "certificate_certificate": "password",
    "certificate_key": "password",
    "res_company": "^(l10n|sms|whatsapp|social).*(secret|password|api_key|private_key|token)",
}
KEPT = ("save_token", "allow_tokenization", "payment_flow", "state", "image")
# Booleans that say which of a provider's systems is spoken to.
TESTING = {"pos_payment_method": "test_mode$", "account_edi_proxy_client_user": "^is_test"}
DELETED_PARAMETERS = (
    "google_drive_authorization_code", "database.enterprise_code", "mail.catchall.domain", "iap.endpoint",
    "recaptcha_public_key", "base_geolocalize.google_map_api_key", "cloud_storage_provider", "mail.sfu_server_key",
    "mail.web_push_vapid_public_key", "sms.endpoint", "snailmail.endpoint", "partner_autocomplete.endpoint",
)  # fmt: skip
SECRET_PARAMETER = "(secret|password|token|api_?key|access_key|private_key)$"
KEPT_PARAMETERS = ("database.secret", "auth_signup.reset_password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``text`` is run where table ``table`` has all of ``columns``. what: as a person counts it."""

    what: str
    table: str
    columns: tuple[str, ...]
    text: LiteralString


def rule(what: str, table: str, columns: str, text: LiteralString) -> Rule:
    return Rule(what=what, table=table, columns=tuple(columns.split()), text=text)


RULES = (
    rule("mail servers", "ir_mail_server", "active",
         "UPDATE public.ir_mail_server SET active = false WHERE active IS NOT FALSE"),
    rule("mail templates", "mail_template", "mail_server_id",
         "UPDATE public.mail_template SET mail_server_id = NULL WHERE mail_server_id IS NOT NULL"),
    rule("queued mails", "mail_mail", "state",
         "UPDATE public.mail_mail SET state = 'cancel' WHERE state IN ('outgoing', 'exception')"),
    rule("queued text messages", "sms_sms", "state",
         "UPDATE public.sms_sms SET state = 'canceled' WHERE state IN ('outgoing', 'process', 'pending')"),
    rule("queued letters", "snailmail_letter", "state",
         "UPDATE public.snailmail_letter SET state = 'canceled' WHERE state = 'pending'"),
    rule("queued mailings", "mailing_mailing", "state",
         "UPDATE public.mailing_mailing SET state = 'draft' WHERE state IN ('in_queue', 'sending')"),
    rule("queued chat messages", "whatsapp_message", "state",
         "UPDATE public.whatsapp_message SET state = 'cancel' WHERE state = 'outgoing'"),
    rule("queued notifications", "mail_push", "id", "DELETE FROM public.mail_push"),
    rule("devices", "mail_push_device", "id", "DELETE FROM public.mail_push_device"),
    rule("mail boxes", "fetchmail_server", "active", "UPDATE public.fetchmail_server SET active = false WHERE active"),
    rule("crons", "ir_cron", "active",
         "UPDATE public.ir_cron SET active = false WHERE active AND id NOT IN " + AUTOVACUUM),
    rule("cron triggers", "ir_cron_trigger", "id", "DELETE FROM public.ir_cron_trigger"),
    rule("queued jobs", "queue_job", "state",
         "UPDATE public.queue_job SET state = 'cancelled'"
         " WHERE state IN ('pending', 'enqueued', 'started', 'wait_dependencies')"),
    rule("automations", "base_automation", "active", "UPDATE public.base_automation SET active = false WHERE active"),
    rule("webhooks", "ir_act_server", "webhook_url",
         "UPDATE public.ir_act_server SET webhook_url = 'https://webhook.invalid' WHERE webhook_url IS NOT NULL"),
    rule("payment providers", "payment_acquirer", "state",
         "UPDATE public.payment_acquirer SET state = 'disabled' WHERE state NOT IN ('test', 'disabled')"),
    rule("payment providers", "payment_provider", "state",
         "UPDATE public.payment_provider SET state = 'disabled' WHERE state NOT IN ('test', 'disabled')"),
    rule("credits", "iap_account", "account_token",
         "UPDATE public.iap_account SET account_token = 'dummy_value+disabled'"),
    rule("login providers", "auth_oauth_provider", "enabled",
         "UPDATE public.auth_oauth_provider SET enabled = false WHERE enabled"),
    rule("login providers", "auth_saml_provider", "active",
         "UPDATE public.auth_saml_provider SET active = false WHERE active"),
    rule("directories", "res_company_ldap", "id", "DELETE FROM public.res_company_ldap"),
    rule("API keys", "res_users_apikeys", "id", "DELETE FROM public.res_users_apikeys"),
    rule("carriers", "delivery_carrier", "prod_environment",
         "UPDATE public.delivery_carrier SET prod_environment = false WHERE prod_environment"),
    rule("carriers", "delivery_carrier", "active delivery_type",
         "UPDATE public.delivery_carrier SET active = false"
         " WHERE active AND delivery_type NOT IN ('fixed', 'base_on_rule')"),
    rule("electronic documents", "account_edi_proxy_client_user", "edi_mode",
         "UPDATE public.account_edi_proxy_client_user SET edi_mode = 'demo' WHERE edi_mode = 'prod'"),
    rule("electronic documents", "account_edi_proxy_client_user", "active",
         "UPDATE public.account_edi_proxy_client_user SET active = false WHERE active"),
    rule("digests", "digest_digest", "state",
         "UPDATE public.digest_digest SET state = 'deactivated' WHERE state <> 'deactivated'"),
    rule("websites", "website", "domain", "UPDATE public.website SET domain = NULL WHERE domain IS NOT NULL"),
    rule("websites", "website", "cdn_activated",
         "UPDATE public.website SET cdn_activated = false WHERE cdn_activated"),
)  # fmt: skip

# Where everything goes that a copy sends: ``mail_sink``, if it is served with one, and else nowhere.
SINK: LiteralString = "('127.0.0.1', 1025)"
# What reading it back must find none of; not the statements above with other words, but what Odoo asks for itself.
CHECKS = (
    rule("active mail servers", "ir_mail_server", "active smtp_host smtp_port",
         "SELECT count(*) AS found FROM public.ir_mail_server"
         " WHERE active IS NOT FALSE AND (smtp_host, smtp_port) IS DISTINCT FROM " + SINK),
    rule("no mail server that swallows all", "ir_mail_server", "active smtp_host smtp_port",
         "SELECT (count(*) = 0)::int AS found FROM public.ir_mail_server"
         " WHERE active AND (smtp_host, smtp_port) = " + SINK),
    rule("active mail boxes", "fetchmail_server", "active",
         "SELECT count(*) AS found FROM public.fetchmail_server WHERE active"),
    rule("queued mails", "mail_mail", "state",
         "SELECT count(*) AS found FROM public.mail_mail WHERE state = 'outgoing'"),
    rule("queued text messages", "sms_sms", "state",
         "SELECT count(*) AS found FROM public.sms_sms WHERE state = 'outgoing'"),
    rule("queued letters", "snailmail_letter", "state",
         "SELECT count(*) AS found FROM public.snailmail_letter WHERE state = 'pending'"),
    rule("queued mailings", "mailing_mailing", "state",
         "SELECT count(*) AS found FROM public.mailing_mailing WHERE state IN ('in_queue', 'sending')"),
    rule("queued jobs", "queue_job", "state",
         "SELECT count(*) AS found FROM public.queue_job WHERE state IN ('pending', 'enqueued', 'started')"),
    rule("active crons", "ir_cron", "active",
         "SELECT count(*) AS found FROM public.ir_cron WHERE active AND id NOT IN " + AUTOVACUUM),
    rule("active automations", "base_automation", "active",
         "SELECT count(*) AS found FROM public.base_automation WHERE active"),
    rule("webhooks", "ir_act_server", "webhook_url",
         "SELECT count(*) AS found FROM public.ir_act_server WHERE webhook_url NOT LIKE '%%://webhook.invalid'"),
    rule("payment providers in use", "payment_acquirer", "state",
         "SELECT count(*) AS found FROM public.payment_acquirer WHERE state = 'enabled'"),
    rule("payment providers in use", "payment_provider", "state",
         "SELECT count(*) AS found FROM public.payment_provider WHERE state = 'enabled'"),
    rule("login providers in use", "auth_oauth_provider", "enabled",
         "SELECT count(*) AS found FROM public.auth_oauth_provider WHERE enabled"),
    rule("directories", "res_company_ldap", "id", "SELECT count(*) AS found FROM public.res_company_ldap"),
    rule("API keys", "res_users_apikeys", "id", "SELECT count(*) AS found FROM public.res_users_apikeys"),
)  # fmt: skip
