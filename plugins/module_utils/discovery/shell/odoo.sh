# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
# Odoo: what runs, how it is configured, where its code and its files are.

# The folders in /proc of whatever may be an Odoo or its Python, found by one process.
candidates() { grep -laE 'odoo|openerp|python' /proc/[0-9]*/cmdline 2>/dev/null | sed 's#/cmdline$##'; }

# Those that are an Odoo.
odoo_processes() {
    for folder in $CANDIDATES; do
        case $(words "$folder") in
        *odoo-bin* | */odoo | */odoo"
"* | *openerp-server* | *openerp-gevent*) printf '%s\n' "$folder" ;;
        esac
    done
}

words() { tr '\000\n' '\n ' <"$1/cmdline" 2>/dev/null; }

# given FOLDER LONG [SHORT]: the value of an option in a process's command line; a path is made absolute.
given() {
    value=$(words "$1" | awk -v long="$2" -v short="${3-}" 'named { print; exit } $0 == long || (short != "" && $0 == short) { named = 1 }
        index($0, long "=") == 1 { print substr($0, length(long) + 2); exit }')
    case $value in '') ;; /* | *,*) printf '%s\n' "$value" ;; *) printf '%s/%s\n' "$(readlink "$1/cwd" 2>/dev/null)" "$value" ;; esac
}

# The homes of the users that Odoo runs as, or that its units name.
homes() {
    {
        for folder in $PROCESSES; do stat -c %U "$folder" 2>/dev/null; done
        # shellcheck disable=SC2086 # a list of files without blanks
        [ -z "$UNIT_FILES" ] || sed -n 's/^User=//p' $UNIT_FILES 2>/dev/null
    } | sort -u | while IFS= read -r user; do awk -F : -v user="$user" '$1 == user { print $6 }' /etc/passwd; done | grep '^/.' | sort -u
}

unit_files() { # systemd's go before scripts of init
    for file in /etc/systemd/system/*odoo*.service /etc/systemd/system/*openerp*.service /lib/systemd/system/*odoo*.service /etc/init.d/*odoo* /etc/init.d/*openerp*; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}

# What runs: the command lines of Odoo's processes, NUL as newline, each with its pid and user.
processes() {
    for folder in $PROCESSES; do
        if grep -qE 'docker|libpod|containerd|kubepods' "$folder/cgroup" 2>/dev/null; then
            problem odoo "process ${folder#/proc/} is an Odoo in a container: its files and its configuration are not read."
        fi
        record process
        printf '%s\n%s\n' "${folder#/proc/}" "$(stat -c %U "$folder" 2>/dev/null)"
        words "$folder" | sed -E 's/^(--?(db_)?(w|password|db_password|admin_passwd)=?).*/\1***/' | awk 'hide { print "***"; hide = 0; next } { print } /^(-w|--db_password|--database-password)$/ { hide = 1 }' | mask
    done
}

configs() {
    find /etc /opt /home /srv /root /usr/local /var/lib/odoo -xdev -maxdepth 6 -name filestore -prune -o -type f \( -name 'odoo*.conf' -o -name '.odoorc' -o -name 'openerp*.conf' -o -name '.openerp_serverrc' \) -print 2>/dev/null
    for folder in $CANDIDATES; do
        case $(readlink "$folder/exe" 2>/dev/null) in *python*) ;; *) continue ;; esac
        if [ "$(words "$folder" | sed -n 2p)" != -c ]; then given "$folder" --config -c; fi # Python's own is a program
    done
    printf '%s\n' "$HOMES" | grep . | while IFS= read -r home; do ls -d "$home/.odoorc" "$home/.openerp_serverrc" 2>/dev/null; done
}

# option FILE KEY: a value may go on over lines that begin with a blank
option() {
    awk -v key="$2" '
        /^[^[:space:];#]/ { on = ($0 ~ "^" key "[[:space:]]*[=:]"); if (on) { sub(/^[^=:]*[=:][[:space:]]*/, ""); value = $0 } next }
        on && /^[[:space:]]+[^[:space:];#]/ { sub(/^[[:space:]]+/, ""); value = value $0 }
        END { print value }' "$1" 2>/dev/null
}

odoo() {
    for file in $UNIT_FILES; do
        if [ -f "$file" ]; then text unit "$file"; fi
    done
    processes
    printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do text config "$file"; done
    record packages; have dpkg-query && dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' 'odoo*' 'openerp*' 2>/dev/null
    have rpm && rpm -qa 'odoo*' --qf 'ii %{NAME} %{VERSION}\n' 2>/dev/null
    if have rpm; then
        for package in $(rpm -qa 'odoo*' --qf '%{NAME}\n' 2>/dev/null); do
            record patched; rpm -V "$package" 2>/dev/null | grep -v ' c /' | head -n 500
        done
    fi
    if have dpkg; then
        for package in $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'odoo*' 2>/dev/null | sed -n 's/^ii *//p'); do
            record patched; dpkg --verify "$package" 2>/dev/null | grep -v ' c /' | head -n 500
        done
    fi
    releases | while IFS= read -r folder; do checkout "$folder"; done
    record data; printf '%s\n' "$DATA_FOLDERS"
    record wkhtmltopdf; have wkhtmltopdf && wkhtmltopdf --version 2>/dev/null
    record python; ls -d /usr/lib/python3/dist-packages/*-info /usr/local/lib/python3*/dist-packages/*-info /opt/*/venv/lib/python3*/site-packages/*-info /home/*/venv/lib/python3*/site-packages/*-info 2>/dev/null
}

# Folders with a release.py: usual places, and those that what runs and what is configured leads to.
releases() {
    {
        ls -d /usr/lib/python3*/dist-packages/odoo /usr/lib/python2*/dist-packages/openerp /opt/*/odoo /opt/odoo /opt/*/*/odoo /home/*/odoo /home/*/odoo/odoo /srv/*/odoo /usr/local/lib/python3*/*-packages/odoo 2>/dev/null
        printf '%s\n' "$HOMES" | grep . | while IFS= read -r home; do ls -d "$home/odoo" "$home/odoo/odoo" "$home"/*/odoo 2>/dev/null; done
        addon_folders | while IFS= read -r folder; do printf '%s\n' "${folder%/*}" "${folder%/*}/odoo" "${folder%/*}/openerp"; done
        for folder in $PROCESSES; do
            place=$(readlink "$folder/cwd" 2>/dev/null) && printf '%s\n' "$place/odoo" "$place/openerp"
            words "$folder" | head -n 2 | grep '^/' | while IFS= read -r word; do
                place=${word%/*}
                printf '%s\n' "$place/odoo" "$place/openerp"
                ls -d "${place%/bin}"/lib/python3*/site-packages/odoo 2>/dev/null
            done
        done
    } | awk '!seen[$0]++' | while IFS= read -r folder; do
        if [ -f "$folder/release.py" ]; then (cd -P "$folder" && pwd); fi
    done | sort -u
}

# git as it was when somebody looked: nothing of the repository's own configuration is run.
in_git() { folder=$1; shift; git -c safe.directory='*' -c core.fsmonitor=false -c core.hooksPath=/dev/null -C "$folder" "$@" 2>/dev/null; }

checkout() { # checkout FOLDER: an installation of Odoo, by its release.py
    record release
    printf '%s' "$1"
    record text
    head -c 8192 "$1/release.py"
    case $1 in /usr/lib/python*/dist-packages/*) return 0 ;; esac # dpkg's own, and nobody else's
    have rpm && rpm -qf "$1/release.py" >/dev/null 2>&1 && return 0
    if ! have git || ! top=$(in_git "$1" rev-parse --show-toplevel); then
        problem odoo "$1 was installed by no package and is no git checkout: whether Odoo itself was patched cannot be told. Compare it with the sources of its release."
        return 0
    fi
    record git
    printf '%s\n' "$top"
    in_git "$top" rev-parse HEAD
    in_git "$top" status --porcelain | head -n 500
    series=$(sed -nE 's/^version_info *= *\( *([0-9]+), *([0-9]+).*/\1.\2/p' "$1/release.py")
    base=
    for ref in '@{upstream}' "origin/$series" "upstream/$series" "odoo/$series" "refs/tags/$series"; do
        if base=$(in_git "$top" merge-base "$ref" HEAD); then break; else base=; fi
    done
    if [ -z "$base" ]; then
        problem odoo "$top has no branch of Odoo's own to compare with: whether commits in it are patches cannot be told."
        return 0
    fi
    record commits; in_git "$top" log --format='%h %s' "$base..HEAD" | head -n 200 | mask
    record ahead; in_git "$top" diff --no-ext-diff --name-only "$base" HEAD | head -n 500
}

addon_folders() {
    {
        printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do option "$file" addons_path | tr ',' '\n'; done
        for folder in $PROCESSES; do given "$folder" --addons-path | tr ',' '\n'; done
        ls -d /usr/lib/python3*/dist-packages/odoo/addons /usr/lib/python2*/dist-packages/openerp/addons 2>/dev/null
        printf '%s\n' "$DATA_FOLDERS" | grep . | while IFS= read -r folder; do ls -d "$folder"/addons/*/ 2>/dev/null; done
    } | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e 's#\(.\)/$#\1#' | grep . | sort -u
}

data_folders() {
    {
        printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do option "$file" data_dir; done
        for folder in $PROCESSES; do given "$folder" --data-dir -D; done
        printf '%s\n' "$HOMES" | grep . | sed 's#$#/.local/share/Odoo#'
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
