# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the store into Odoo.

Odoo logs a server-wide module that fails to load and goes on without it, which would here mean sessions in files
behind everybody's back. So where the settings are there and cannot be used, the process ends.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import Any

from .settings import PATH, Settings, SettingsError, read

_logger = logging.getLogger(__name__)


def post_load() -> None:
    """Odoo calls this once, before it serves."""
    try:
        settings = read(PATH)
        if settings is None:
            _logger.info("Sessions stay in files: there is no %s.", PATH)
            return
        install(settings)
    except SettingsError as error:
        sys.exit(f"erpops_session_redis: {error}")
    except Exception as error:
        _logger.exception("The session store cannot be set up.")
        sys.exit(f"erpops_session_redis: {error}")
    _logger.info("Sessions are in Redis, under %r.", settings.prefix)


def install(settings: Settings) -> None:
    import odoo
    from odoo import http

    from .store import make_store

    path = odoo.tools.config.session_dir
    if hasattr(http, "Application"):
        application = http.Application
        store = make_store(http.FilesystemSessionStore, http.Session, path, settings)
    else:
        application = http.Root
        store = make_store(http.sessions.FilesystemSessionStore, http.OpenERPSession, path, settings)
        application.setup_session = forgiving(application.setup_session)
    # Both versions compute the attribute lazily and keep it on the instance.
    application.session_store = store
    if getattr(http, "root", None) is not None:
        vars(http.root).pop("session_store", None)


def forgiving(setup_session: Any) -> Any:
    """Odoo 14 looks the session up twice: for the request, then again, outside its error handling, while the answer
    goes out. The second failure must not replace the clean answer to the first; Odoo takes None there.
    """
    from .store import SessionsUnavailable

    @functools.wraps(setup_session)
    def wrapped(root: Any, httprequest: Any) -> Any:
        again = httprequest.environ.get("erpops.session_asked", False)
        httprequest.environ["erpops.session_asked"] = True
        try:
            return setup_session(root, httprequest)
        except SessionsUnavailable:
            if not again:
                raise
            httprequest.session = None
            return False

    return wrapped
