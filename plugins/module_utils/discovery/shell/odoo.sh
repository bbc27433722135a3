# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
# Odoo: what runs, how it is configured, where its code and its files are.

# What runs: the command lines of Odoo's processes, NUL as newline, each with its pid and user.
processes() {
    for folder in /proc/[0-9]*; do
        line=$(tr '\000\n' '\n ' <"$folder/cmdline" 2>/dev/null) || continue
        case $line in
        *odoo-bin* | */odoo | */odoo"
"* | *openerp-server* | *openerp-gevent*) ;;
        *) continue ;;
        esac
        if grep -qE 'docker|libpod|containerd|kubepods' "$folder/cgroup" 2>/dev/null; then
            problem odoo "process ${folder#/proc/} is an Odoo in a container: its files and its configuration are not read."
        fi
        record process
        printf '%s\n%s\n' "${folder#/proc/}" "$(stat -c %U "$folder" 2>/dev/null)"
        printf '%s\n' "$line" | sed -E 's/^(--?(db_)?(w|password|db_password|admin_passwd)=?).*/\1***/' | awk 'hide { print "***"; hide = 0; next } { print } /^(-w|--db_password|--database-password)$/ { hide = 1 }' | mask
    done
}

configs() {
    find /etc /opt /home /srv /root /usr/local /var/lib/odoo -xdev -maxdepth 6 -name filestore -prune -o -type f \( -name 'odoo*.conf' -o -name '.odoorc' -o -name 'openerp*.conf' -o -name '.openerp_serverrc' \) -print 2>/dev/null
    for folder in /proc/[0-9]*; do
        case $(readlink "$folder/exe" 2>/dev/null) in *python*) ;; *) continue ;; esac
        tr '\000' '\n' <"$folder/cmdline" 2>/dev/null | awk 'named { print; exit } /^(-c|--config)$/ { named = 1 } /^--config=/ { sub(/^--config=/, ""); print }' | grep '^/'
    done
}

# option FILE KEY: a value may go on over lines that begin with a blank
option() {
    awk -v key="$2" '
        /^[^[:space:];#]/ { on = ($0 ~ "^" key "[[:space:]]*[=:]"); if (on) { sub(/^[^=:]*[=:][[:space:]]*/, ""); value = $0 } next }
        on && /^[[:space:]]+[^[:space:];#]/ { sub(/^[[:space:]]+/, ""); value = value $0 }
        END { print value }' "$1" 2>/dev/null
}

odoo() {
    for file in /etc/systemd/system/*odoo*.service /etc/systemd/system/*openerp*.service /lib/systemd/system/*odoo*.service /etc/init.d/*odoo* /etc/init.d/*openerp*; do
        if [ -f "$file" ]; then text unit "$file"; fi
    done
    processes
    printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do text config "$file"; done
    record packages; have dpkg-query && dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' 'odoo*' 'openerp*' 2>/dev/null
    have rpm && rpm -qa 'odoo*' --qf 'ii %{NAME} %{VERSION}\n' 2>/dev/null
    if have dpkg; then
        for package in $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'odoo*' 2>/dev/null | sed -n 's/^ii *//p'); do
            record patched; dpkg --verify "$package" 2>/dev/null | grep -v ' c /' | head -n 500
        done
    fi
    for folder in /usr/lib/python3*/dist-packages/odoo /usr/lib/python2*/dist-packages/openerp /opt/*/odoo /opt/odoo /opt/*/*/odoo /home/*/odoo /home/*/odoo/odoo /srv/*/odoo /usr/local/lib/python3*/*-packages/odoo; do
        if [ -f "$folder/release.py" ]; then checkout "$folder"; fi
    done
    record wkhtmltopdf; have wkhtmltopdf && wkhtmltopdf --version 2>/dev/null
    record python; ls -d /usr/lib/python3/dist-packages/*-info /usr/local/lib/python3*/dist-packages/*-info /opt/*/venv/lib/python3*/site-packages/*-info /home/*/venv/lib/python3*/site-packages/*-info 2>/dev/null
}

checkout() { # checkout FOLDER: an installation of Odoo, by its release.py
    record release
    printf '%s' "$1"
    record text
    head -c 8192 "$1/release.py"
    have git || return 0
    top=$(git -c safe.directory='*' -C "$1" rev-parse --show-toplevel 2>/dev/null) || return 0
    record git
    printf '%s\n' "$top"
    git -c safe.directory='*' -C "$top" rev-parse HEAD 2>/dev/null
    git -c safe.directory='*' -C "$top" status --porcelain 2>/dev/null | head -n 500
}

addon_folders() {
    {
        printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do option "$file" addons_path | tr ',' '\n'; done
        ls -d /usr/lib/python3*/dist-packages/odoo/addons /usr/lib/python2*/dist-packages/openerp/addons 2>/dev/null
        printf '%s\n' "$DATA_FOLDERS" | grep . | while IFS= read -r folder; do ls -d "$folder"/addons/*/ 2>/dev/null; done
    } | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e 's#\(.\)/$#\1#' | grep . | sort -u
}

data_folders() {
    {
        printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do option "$file" data_dir; done
        ls -d /var/lib/odoo/.local/share/Odoo /var/lib/odoo /home/*/.local/share/Odoo /opt/*/.local/share/Odoo /root/.local/share/Odoo 2>/dev/null
    } | grep '^/' | sort -u | while IFS= read -r folder; do if [ -d "$folder/filestore" ] || [ -d "$folder/addons" ]; then printf '%s\n' "$folder"; fi; done
}

addons() {
    addon_folders | while IFS= read -r folder; do
        record addons
        printf '%s' "$folder"
        if [ ! -d "$folder" ]; then problem modules_on_disk "$folder is in addons_path, but is no folder that $(id -un) can read."; continue; fi
        record kind
        # Odoo's own are told by modules that nobody else has.
        if [ -d "$folder/base" ] || { [ -d "$folder/web" ] && [ -d "$folder/account" ]; }; then
            echo core
            for manifest in "$folder"/*/__manifest__.py "$folder"/*/__openerp__.py; do [ ! -f "$manifest" ] || printf '%s\0' "$manifest"; done |
                xargs -0 awk -v nonce="$NONCE" 'FNR == 1 { printf "\n@%s manifest\n%s\n@%s text\n", nonce, FILENAME, nonce } { print }' /dev/null
            continue
        fi
        echo other
        for manifest in "$folder"/*/__manifest__.py "$folder"/*/__openerp__.py; do
            [ -f "$manifest" ] || continue
            if [ -r "$manifest" ]; then addon "$manifest"; else problem modules_on_disk "$manifest cannot be read by $(id -un)."; fi
        done
    done
}

addon() { # addon MANIFEST: one that is not Odoo's own: what it says, how large it is, whom it speaks to
    folder=${1%/*}
    record manifest; printf '%s' "$1"
    record text; head -c 65536 "$1"
    record lines; find "$folder" -type f -name '*.py' -exec cat {} + 2>/dev/null | wc -l
    record mentions
    find "$folder" -type f \( -name '*.py' -o -name '*.xml' \) -exec grep -ohE "(https?|ftps?|sftp|smtps?|imaps?|ldaps?|amqp|redis)://[A-Za-z0-9_.:@%-]+|[\"']/(srv|opt|home|mnt|media|data|var|tmp|etc|usr/local)/[^\"'[:space:]]*" {} + 2>/dev/null |
        grep -vE '(www\.)?(odoo\.com|w3\.org|openerp\.com|gnu\.org|github\.com|example\.org/schema)' | tr -d "\"'" | mask | sort -u | head -n 100
}
