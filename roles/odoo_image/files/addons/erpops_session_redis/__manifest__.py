# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
{
    "name": "Sessions in Redis",
    "summary": "Keeps HTTP sessions in Redis, for Odoo 14 and 19; loaded through server_wide_modules.",
    "version": "1.0",
    "author": "erpops maintainers",
    "license": "GPL-3",
    "category": "Hidden",
    "depends": ["base"],
    "installable": True,
    "post_load": "post_load",
}
