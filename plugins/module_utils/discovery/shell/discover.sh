# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
discover() {
    CONFIGS=$(configs | sort -u) DATA_FOLDERS=$(data_folders)
    record begin; date -u +%Y-%m-%dT%H:%M:%SZ
    for part in system odoo addons postgres crons routes certificates mail connections performance; do
        record "part $part"
        $part
    done
    record end
}

discover </dev/null 2>/dev/null
