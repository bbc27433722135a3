# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
discover() {
    CANDIDATES=$(candidates) UNIT_FILES=$(unit_files)
    PROCESSES=$(odoo_processes)
    HOMES=$(homes)
    CONFIGS=$(configs | sort -u)
    DATA_FOLDERS=$(data_folders)
    record begin; date -u +%Y-%m-%dT%H:%M:%SZ
    # Two at a time: what is on the left waits in the pipe for its turn. Nothing lies in a file meanwhile.
    parts postgres crons | { parts system odoo addons; cat; }
    parts routes certificates mail connections performance
    record end
}

parts() {
    for part; do
        record "part $part"
        $part
    done
}

discover </dev/null 2>/dev/null
