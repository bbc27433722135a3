# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions in Redis, for Odoo 14 and 19, as a server-wide module. See ``settings.py`` for its configuration."""

from __future__ import annotations

from .patch import post_load

__all__ = ["post_load"]
