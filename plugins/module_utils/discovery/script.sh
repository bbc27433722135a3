# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # NONCE and the settings are written above this text (see script.py)
# Reads a legacy host. It writes nothing there: output goes to the connection alone, here-documents are avoided since
# some shells keep them in temporary files, psql's sessions are read-only. What may hold a secret goes through `mask`.
#
# The output is a row of records. Each begins with a line "@NONCE part", whose number nobody could know before; what
# follows up to the next such line is its body, whatever bytes it holds.
set -u
unset PGSERVICE PGPASSWORD PGDATABASE PGHOST PGPORT PGUSER 2>/dev/null
export LC_ALL=C GIT_OPTIONAL_LOCKS=0 PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10
export PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout=$STATEMENT_SECONDS_s -c lock_timeout=1s -c application_name=erpops-discovery"

record() { printf '\n@%s %s\n' "$NONCE" "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }
problem() { record problem; printf '%s\n%s\n' "$1" "$2" | mask; }
is_root() { [ "$(id -u)" = 0 ]; }

# Values of keys that sound secret, passwords within URLs, and the options that take one.
mask() {
    word='([Pp][Aa][Ss][Ss]([Ww][Oo]?[Rr]?[Dd])?|[Pp][Ww][Dd]?|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn]|[Aa][Pp][Ii]_?-?[Kk][Ee][Yy]|[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll][Ss]?|[Aa][Cc][Cc][Ee][Ss][Ss]_[Kk][Ee][Yy])'
    sed -E \
        -e "s/([A-Za-z0-9_.-]*$word[A-Za-z0-9_.]*[\"']?[[:space:]]*[=:][[:space:]]*)('[^']*'|\"[^\"]*\"|[^[:space:],;&\"']+)/\1***/g" \
        -e "s/(--?[A-Za-z0-9_-]*$word[A-Za-z0-9_-]*[[:space:]]+)('[^']*'|\"[^\"]*\"|[^[:space:]-][^[:space:]]*)/\1***/g" \
        -e "s#([A-Za-z][A-Za-z0-9+.-]*://[^:/@[:space:]\"']*):[^/@[:space:]\"']*@#\1:***@#g" \
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

system() {
    record system.os; cat /etc/os-release 2>/dev/null
    record system.kernel; uname -r
    record system.cpus; grep -c '^processor' /proc/cpuinfo
    record system.memory; cat /proc/meminfo
    record system.timezone; cat /etc/timezone 2>/dev/null || readlink /etc/localtime
    record system.load; cat /proc/loadavg
    record system.uptime; cat /proc/uptime
    record system.disks; df -Pk 2>/dev/null
    is_root || problem system "the connection is user $(id -un), not root: other users' files cannot be read. Set ansible_become: true."
}

# What runs: the command lines of Odoo's processes, NUL as newline, each with its pid and user.
processes() {
    for folder in /proc/[0-9]*; do
        line=$(tr '\000\n' '\n ' <"$folder/cmdline" 2>/dev/null) || continue
        case $line in
        *odoo-bin* | */odoo | */odoo"
"* | *openerp-server* | *openerp-gevent*) ;;
        *) continue ;;
        esac
        case $line in *psql* | *"sh
-s"*) continue ;; esac
        record process
        printf '%s\n%s\n' "${folder#/proc/}" "$(ls -ld "$folder" | awk '{ print $3 }')"
        printf '%s\n' "$line" | sed -E 's/^(--?(db_)?(w|password|db_password|admin_passwd)=?).*/\1***/' | awk 'hide { print "***"; hide = 0; next } { print } /^(-w|--db_password|--database-password)$/ { hide = 1 }' | mask
    done
}

configs() {
    find /etc /opt /home /srv /root /usr/local /var/lib/odoo -xdev -type f \( -name 'odoo*.conf' -o -name '.odoorc' -o -name 'openerp*.conf' -o -name '.openerp_serverrc' \) 2>/dev/null
    for folder in /proc/[0-9]*; do
        case $(readlink "$folder/exe" 2>/dev/null) in *python*) ;; *) continue ;; esac
        tr '\000' '\n' <"$folder/cmdline" 2>/dev/null | awk 'named { print; exit } /^(-c|--config)$/ { named = 1 } /^--config=/ { sub(/^--config=/, ""); print }' | grep '^/'
    done
}

# option FILE KEY
option() { sed -nE "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*//p" "$1" 2>/dev/null | tail -n 1; }

odoo() {
    for file in /etc/systemd/system/*odoo*.service /etc/systemd/system/*openerp*.service /lib/systemd/system/*odoo*.service /etc/init.d/*odoo* /etc/init.d/*openerp*; do
        if [ -f "$file" ]; then text unit "$file"; fi
    done
    processes
    configs | sort -u | while IFS= read -r file; do text config "$file"; done
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
        configs | sort -u | while IFS= read -r file; do option "$file" addons_path | tr ',' '\n'; done
        ls -d /usr/lib/python3*/dist-packages/odoo/addons /usr/lib/python2*/dist-packages/openerp/addons 2>/dev/null
        data_folders | while IFS= read -r folder; do ls -d "$folder"/addons/*/ 2>/dev/null; done
    } | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e 's#\(.\)/$#\1#' | grep . | sort -u
}

data_folders() {
    {
        configs | sort -u | while IFS= read -r file; do option "$file" data_dir; done
        ls -d /var/lib/odoo/.local/share/Odoo /var/lib/odoo /home/*/.local/share/Odoo /opt/*/.local/share/Odoo /root/.local/share/Odoo 2>/dev/null
    } | grep '^/' | sort -u | while IFS= read -r folder; do if [ -d "$folder/filestore" ] || [ -d "$folder/addons" ]; then printf '%s\n' "$folder"; fi; done
}

addons() {
    addon_folders | while IFS= read -r folder; do
        record addons
        printf '%s' "$folder"
        if [ ! -d "$folder" ]; then problem modules_on_disk "$folder is in addons_path, but is no folder that $(id -un) can read."; continue; fi
        # Odoo's own are told by a module that only it has.
        if [ -d "$folder/base" ] || { [ -d "$folder/web" ] && [ -d "$folder/account" ]; }; then kind=core; else kind=other; fi
        for manifest in "$folder"/*/__manifest__.py "$folder"/*/__openerp__.py; do
            [ -f "$manifest" ] || continue
            if [ ! -r "$manifest" ]; then problem modules_on_disk "$manifest cannot be read by $(id -un)."; continue; fi
            if [ $kind = core ]; then printf '%s\0' "$manifest"; else addon "$manifest"; fi
        done | { if [ $kind = core ]; then xargs -0 awk -v nonce="$NONCE" 'FNR == 1 { printf "\n@%s manifest\n%s\n@%s text\n", nonce, FILENAME, nonce } { print }' /dev/null; else cat; fi; }
    done
}

addon() { # addon MANIFEST: one that is not Odoo's own: what it says, how large it is, whom it speaks to
    folder=${1%/*}
    record manifest; printf '%s' "$1"
    record text; head -c 65536 "$1"
    record lines; find "$folder" -type f -name '*.py' -exec cat {} + 2>/dev/null | wc -l
    record mentions
    find "$folder" -type f \( -name '*.py' -o -name '*.xml' \) -exec grep -ohE "(https?|ftps?|sftp|smtps?|imaps?|ldaps?|amqp|redis)://[A-Za-z0-9_.:@%-]+(/[^][:space:]\"'<>)]*)?|[\"']/(srv|opt|home|mnt|media|data|var|tmp|etc|usr/local)/[^\"'[:space:]]*" {} + 2>/dev/null |
        grep -vE '(www\.)?(odoo\.com|w3\.org|openerp\.com|gnu\.org|github\.com|example\.org/schema)' | tr -d "\"'" | mask | sort -u | head -n 100
}

as_postgres() {
    if ! is_root; then "$@"
    elif have setpriv && setpriv --reuid="$(id -u postgres)" --regid="$(id -g postgres)" --clear-groups true 2>/dev/null; then
        setpriv --reuid="$(id -u postgres)" --regid="$(id -g postgres)" --init-groups -- env HOME=/ "$@"
    else runuser -u postgres -- "$@"; fi
}

sql() { # sql FOLDER PORT DATABASE STATEMENT; psql never asks, reads no rc file and keeps no history
    printf '%s\n' "$4" | (cd / && as_postgres psql -X -w -q -A -t -v ON_ERROR_STOP=1 -h "$1" -p "$2" -d "$(conninfo "$3")" -f - 2>&1)
}

# A database's name as psql takes it without reading it as a connection string.
conninfo() { printf "dbname='%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")"; }

# ask FOLDER PORT DATABASE PART STATEMENT: one JSON line, or what psql said instead.
ask() {
    if answer=$(sql "$1" "$2" "$3" "$5"); then
        record "rows $4"
        printf '%s\n' "$answer" | sed -E 's#([A-Za-z][A-Za-z0-9+.-]*://[^:/@[:space:]"]*):[^/@[:space:]"]*@#\1:***@#g'
    else
        record "failed $4"
        printf '%s\n' "$answer" | mask
    fi
}

# Every PostgreSQL server that listens on a socket of this host.
postgres() {
    found=false
    for socket in /var/run/postgresql/.s.PGSQL.* /tmp/.s.PGSQL.*; do
        [ -S "$socket" ] || continue
        case $socket in *.lock) continue ;; esac
        found=true
        folder=${socket%/.s.PGSQL.*} port=${socket##*.}
        record cluster; printf '%s\n%s' "$folder" "$port"
        cluster "$folder" "$port"
    done
    $found || problem postgres "no PostgreSQL server listens on a socket here. If it is on another host, add that host to group legacy."
}

cluster() {
    cluster_parts "$1" "$2"
    directory=$(sql "$1" "$2" postgres 'SHOW data_directory') || { problem postgres "port $2: $directory"; return; }
    record directory; printf '%s' "$directory"
    record disk; df -Pk "$directory" "$directory/pg_wal" 2>&1
    count=$(sql "$1" "$2" postgres 'SELECT count(*) FROM pg_database WHERE datallowconn AND NOT datistemplate') || count=0
    number=0
    while [ "$number" -lt "$count" ]; do
        # Names may hold anything, so each is asked for by its place.
        name=$(sql "$1" "$2" postgres "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY oid OFFSET $number LIMIT 1"; printf x)
        name=${name%?x}
        number=$((number + 1))
        record database; printf '%s' "$name"
        database "$1" "$2" "$name"
    done
}

database() {
    ask "$1" "$2" "$3" about "$SQL_about"
    tables=$(sql "$1" "$2" "$3" "SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace('public') AND relname ~ '^[a-z0-9_]+\$'") || {
        problem databases "database $3: $tables"
        return
    }
    database_parts "$1" "$2" "$3"
    case " $tables " in *" ir_attachment "*) filestore "$1" "$2" "$3" ;; esac
}

# Both sides as lines of "kind, name, size, checksum" into one awk, which keeps the database's side in memory and prints
# what differs: a million attachments stay on the host.
filestore() {
    folder=
    for candidate in $(data_folders | tr ' ' '\001'); do
        candidate=$(printf '%s' "$candidate" | tr '\001' ' ')
        if [ -d "$candidate/filestore/$3" ]; then folder=$candidate/filestore/$3; break; fi
    done
    record filestore; printf '%s' "$folder"
    [ -n "$folder" ] || return 0
    if [ ! -r "$folder" ]; then problem filestore "$folder cannot be read by $(id -un)."; return; fi
    hash=
    if have sha1sum; then hash=sha1sum; else problem filestore "no sha1sum here: contents are not compared."; fi
    record compared
    {
        sql "$1" "$2" "$3" "SELECT 'a ' || store_fname || ' ' || coalesce(max(file_size), -1) FROM ir_attachment WHERE store_fname IS NOT NULL GROUP BY store_fname" || echo "x the list of attachments could not be read"
        (cd "$folder" && find . -path ./checklist -prune -o -type f -exec ls -ln {} + 2>&1 | awk '$1 ~ /^-/ { size = $5; sub(/^.* \.\//, ""); print "f " $0 " " size; next } { print "x " $0 }')
        if [ -n "$hash" ] && [ "$CHECKSUMS" = true ]; then
            (cd "$folder" && find . -path ./checklist -prune -o -type f -exec nice -n 19 $hash {} + 2>&1 | awk '/^[0-9a-f]+  \.\// { sum = $1; sub(/^[0-9a-f]*  \.\//, ""); print "s " $0 " " sum; next } { print "x " $0 }')
        fi
    } | awk '
        function name() { line = $0; sub(/^. /, "", line); sub(/ [^ ]*$/, "", line); return line }
        function show(kind, what) { if (++shown[kind] <= 200) print kind " " what }
        /^a / { wanted[name()] = $NF; next }
        /^f / { files++; bytes += $NF; n = name(); there[n] = 1
                if (!(n in wanted)) { orphans++; orphan_bytes += $NF; show("orphan", n) }
                else if (wanted[n] > 0 && wanted[n] != $NF) { bad[n] = 1; show("size", n) }
                next }
        /^s / { n = name(); base = n; sub(/^.*\//, "", base); hashed++
                if ((n in wanted) && length(base) == 40 && base != $NF && !(n in bad)) show("checksum", n)
                next }
        /^x / { show("unreadable", substr($0, 3)) }
        END { for (n in wanted) { referenced++; if (!(n in there)) { missing++; show("missing", n) } }
              printf "files %d\nbytes %.0f\nreferenced %d\nmissing_count %d\norphans %d\norphan_bytes %.0f\nhashed %d\n", files, bytes, referenced, missing, orphans, orphan_bytes, hashed }'
}

crons() {
    for file in /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/*; do
        [ -f "$file" ] || continue
        text cron "$file"
        packaged "$file"
    done
    for file in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do
        if [ -f "$file" ]; then record script; printf '%s' "$file"; packaged "$file"; fi
    done
    for file in /etc/systemd/system/*.timer; do
        [ -f "$file" ] || continue
        text timer "$file"
        packaged "$file"
        service=${file%.timer}.service
        if [ -f "$service" ]; then text service "$service"; fi
    done
}

packaged() { # the package that brought a file, so that a cron of a package is told from one that somebody wrote
    record package
    if have dpkg-query; then dpkg-query -S "$1" 2>/dev/null | sed 's/:.*//' | head -n 1; elif have rpm; then rpm -qf "$1" --qf '%{NAME}' 2>/dev/null | grep -v ' '; fi
}

routes() {
    for file in /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do if [ -f "$file" ]; then text nginx "$file"; fi; done
    for file in /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf; do if [ -f "$file" ]; then text apache "$file"; fi; done
    for file in /etc/haproxy/haproxy.cfg; do if [ -f "$file" ]; then text haproxy "$file"; fi; done
}

# Certificates that a route names, and Let's Encrypt's: only what stands between the certificate's own lines, since a
# file may hold its key too.
certificates() {
    {
        cat /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf 2>/dev/null | sed -nE 's/^[[:space:]]*ssl_certificate[[:space:]]+"?([^";]+)"?;.*/\1/p' | sed -E 's#^([^/])#/etc/nginx/\1#'
        cat /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf 2>/dev/null | sed -nE 's/^[[:space:]]*SSLCertificateFile[[:space:]]+"?([^"]+)"?[[:space:]]*$/\1/p'
        sed -nE 's/.*[[:space:]]crt[[:space:]]+([^[:space:]]+).*/\1/p' /etc/haproxy/haproxy.cfg 2>/dev/null
        ls /etc/letsencrypt/live/*/fullchain.pem 2>/dev/null
    } | sort -u | while IFS= read -r file; do
        case $file in *'$'*) problem certificates "$file is made from a variable: its certificates are not read."; continue ;; esac
        if [ ! -r "$file" ]; then problem certificates "$file cannot be read by $(id -un)."; continue; fi
        record certificate; printf '%s' "$file"
        record text; sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$file"
    done
}

mail() {
    record relay
    if have postconf; then postconf -h relayhost 2>/dev/null | mask
    elif [ -r /etc/postfix/main.cf ]; then sed -nE 's/^relayhost[[:space:]]*=[[:space:]]*//p' /etc/postfix/main.cf | mask
    elif [ -r /etc/exim4/update-exim4.conf.conf ]; then sed -nE "s/^dc_smarthost='(.*)'/\1/p" /etc/exim4/update-exim4.conf.conf | mask; fi
    record mail_queue; find /var/spool/postfix/deferred /var/spool/postfix/active /var/spool/exim4/input -type f 2>/dev/null | wc -l
}

connections() {
    have ss || { problem connections "ss is not here: connections are not listed."; return; }
    record listeners; ss -tlnp 2>&1
    record established; ss -tnp 2>&1
}

# The end of Odoo's log, summed up here: only paths without their query leave the host, numbers in them as N.
performance() {
    configs | sort -u | while IFS= read -r file; do option "$file" logfile; done | grep '^/' | sort -u | while IFS= read -r log; do
        record log; printf '%s' "$log"
        if [ ! -r "$log" ]; then problem performance "$log cannot be read by $(id -un)."; continue; fi
        record requests
        tail -n "$LOG_LINES" "$log" | awk '
            $4 == "ERROR" || $4 == "CRITICAL" { errors[$5]++ }
            match($0, /"[A-Z]+ [^ "]+ HTTP\/[0-9.]+" [0-9]+ [^ ]+ [0-9]+ [0-9.]+ [0-9.]+$/) {
                split(substr($0, RSTART + 1, RLENGTH - 1), part, " ")
                path = part[2]; sub(/[?#].*/, "", path); gsub(/[0-9]+/, "N", path)
                if (path !~ /^[A-Za-z0-9_.\/%:@+-]+$/ || length(path) > 120) path = "(other)"
                gsub(/[A-Za-z0-9_+-]*[0-9A-Fa-f]{32}[A-Za-z0-9_+-]*/, "X", path)
                key = $5 " " part[1] " " path; seconds = part[7] + part[8]
                count[key]++; total[key] += seconds; queries[key] += part[6]
                if (seconds > most[key]) most[key] = seconds
                if (first == "") first = $1 " " $2
                last = $1 " " $2
            }
            END { for (key in count) printf "request %s %d %.3f %.3f %d\n", key, count[key], total[key], most[key], queries[key]
                  for (name in errors) printf "errors %s %d\n", name, errors[name]
                  printf "span %s %s\n", first, last }' | sort | head -n 2000
    done
}

discover() {
    record begin; date -u +%Y-%m-%dT%H:%M:%SZ
    for part in system odoo addons postgres crons routes certificates mail connections performance; do
        record "part $part"
        $part
    done
    record end
}

discover </dev/null 2>/dev/null
