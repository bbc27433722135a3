# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
# Reads a legacy host. It writes nothing there: output goes to the connection alone, here-documents are avoided since
# some shells keep them in temporary files, psql's sessions are read-only. What may hold a secret goes through `mask`.
#
# The output is a row of records. Each begins with a line "@NONCE part", whose number nobody could know before; what
# follows up to the next such line is its body, whatever bytes it holds.
set -u
unset PGSERVICE PGPASSWORD PGDATABASE PGHOST PGPORT PGUSER 2>/dev/null
export LC_ALL=C GIT_OPTIONAL_LOCKS=0 PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10
export PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout=${STATEMENT_SECONDS}s -c lock_timeout=1s -c client_min_messages=error -c application_name=erpops-discovery"

record() { printf '\n@%s %s\n' "$NONCE" "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }
problem() { record problem; printf '%s\n%s\n' "$1" "$2" | mask; }
is_root() { [ "$(id -u)" = 0 ]; }

# Values of keys that sound secret, passwords and long random parts within URLs, and the options that take a secret.
mask() { mask_but ''; }

mask_but() { # mask_but SCRIPT: of sed, which goes before
    word='([Pp][Aa][Ss][Ss]([Ww][Oo]?[Rr]?[Dd])?|[Pp][Ww][Dd]?|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn]|[Aa][Pp][Ii]_?-?[Kk][Ee][Yy]|[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll][Ss]?|[Aa][Cc][Cc][Ee][Ss][Ss]_[Kk][Ee][Yy])'
    sed -E -e "$1" \
        -e "s/^([[:space:];#]*(export[[:space:]]+)?[A-Za-z0-9_.-]*${word}[A-Za-z0-9_.-]*[[:space:]]*=[[:space:]]*).+/\1***/" \
        -e "s/((proxy_set_header|add_header|more_set_headers|fastcgi_param|uwsgi_param|set|env|[Rr]equest[Hh]eader[[:space:]]+set)[[:space:]]+[^[:space:];]*${word}[^[:space:];]*[[:space:]]+)(\"[^\"]*\"|'[^']*'|[^[:space:];]+)/\1***/g" \
        -e "s/([A-Za-z0-9_.-]*${word}[A-Za-z0-9_.]*[\"']?[[:space:]]*[=:][[:space:]]*)('[^']*'|\"[^\"]*\"|[^[:space:]&\"']+)/\1***/g" \
        -e "s/((^|[[:space:]\"'])--?[A-Za-z0-9_-]*${word}[A-Za-z0-9_-]*[[:space:]]+)('[^']*'|\"[^\"]*\"|[^[:space:]-][^[:space:]]*)/\1***/g" \
        -e "s#([A-Za-z][A-Za-z0-9+.-]*://[^:/@[:space:]\"']*):[^/@[:space:]\"']*@#\1:***@#g" \
        -e "s#(://[^[:space:]\"']*[/=])[A-Za-z0-9_-]{24,}#\1***#g" \
        -e "s/([[:space:]](-u|--user|--proxy-user|-U)[[:space:]]*=?[\"']?[^:[:space:]\"'-][^:[:space:]\"']*):[^[:space:]\"']+/\1:***/g" \
        -e "s/(sshpass[[:space:]]+-p[[:space:]]*)('[^']*'|\"[^\"]*\"|[^[:space:]]+)/\1***/g" \
        -e "s/(([Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]:|[Bb][Ee][Aa][Rr][Ee][Rr]|[Bb][Aa][Ss][Ii][Cc])[[:space:]]+([Bb][Ee][Aa][Rr][Ee][Rr][[:space:]]+|[Bb][Aa][Ss][Ii][Cc][[:space:]]+)?)[A-Za-z0-9+/=._~-]{6,}/\1***/g"
}

# text PART FILE: the file's path, then its text. A configuration is small; what is larger than 256 kB is not one.
text() {
    if [ -r "$2" ]; then
        record "$1"
        printf '%s' "$2"
        record text
        head -c 262144 "$2" 2>&1 | mask
    else
        problem "$1" "$2 cannot be read by $(id -un)."
    fi
}

# folder PART FOLDER: an empty folder is told from one that hides what it holds.
folder() {
    if [ -d "$2" ] && { [ ! -r "$2" ] || [ ! -x "$2" ]; }; then problem "$1" "$2 cannot be read by $(id -un)."; fi
}
