# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
# The host itself: system, crons, routes, certificates, mail, connections, and how fast Odoo answers.

system() {
    record system.os; cat /etc/os-release 2>/dev/null
    record system.kernel; uname -r
    record system.cpus; grep -c '^processor' /proc/cpuinfo
    record system.memory; cat /proc/meminfo
    record system.timezone; cat /etc/timezone 2>/dev/null || readlink /etc/localtime
    record system.load; cat /proc/loadavg
    record system.uptime; cat /proc/uptime
    record system.disks; df -Pk 2>/dev/null
    record system.names
    own=$({ uname -n; hostname -I; } 2>/dev/null | tr '\n' ' ')
    printf '%s\n' "$own"
    awk -v own="$own" 'BEGIN { number = split(own, name, " "); for (i = 1; i <= number; i++) here[name[i]] = 1 }
        { sub(/#.*/, "") }
        $1 in here || $1 ~ /^127\./ || $1 == "::1" { for (i = 2; i <= NF; i++) print $i }' /etc/hosts 2>/dev/null
    record system.lacking
    for tool in tar find xargs base64 psql; do have "$tool" || echo "$tool"; done
    have sha1sum || have openssl || echo sha1sum
    is_root || problem system "the connection is user $(id -un), not root: other users' files cannot be read. Set ansible_become: true."
}

crons() {
    for place in /etc/cron.d /var/spool/cron /var/spool/cron/crontabs; do folder crons "$place"; done
    owners /etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/* /etc/systemd/system/*.timer
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
    cron_programs
}

# The texts of the scripts that crons run: the first 8 kB of at most 30 that somebody wrote.
cron_programs() {
    {
        cat /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/* 2>/dev/null | grep -v '^[[:space:]]*#'
        for file in /etc/systemd/system/*.timer; do sed -n 's/^ExecStart=[-@+!]*//p' "${file%.timer}.service" 2>/dev/null; done
        for file in /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/*; do
            printf '%s\n' "$OWNERS" | grep -qF -- ": $file" || printf '%s\n' "$file"
        done
    } | tr ' \t;&|"()'"'" '\n' | grep -E '^/' | grep -vE '^/(usr/)?(s?bin|lib[0-9a-z]*)/' | sort -u | while IFS= read -r file; do
        [ -f "$file" ] && [ -r "$file" ] && [ "$(head -c 2 "$file")" = '#!' ] && printf '%s\n' "$file"
    done | head -n 30 | while IFS= read -r file; do
        record program; printf '%s' "$file"
        record text; head -c 8192 "$file" | mask
    done
}

# owners FILE…: asks dpkg once for all of them, since each question reads the lists of all packages.
owners() {
    OWNERS='' SUMS=''
    have dpkg-query || return 0
    OWNERS=$(dpkg-query -S "$@" 2>/dev/null)
    # shellcheck disable=SC2046 # names of packages
    set -- $(printf '%s\n' "$OWNERS" | sed -n 's/[,:].*//p' | sort -u)
    [ $# = 0 ] || SUMS=$(dpkg-query -W -f '${Conffiles}\n' "$@" 2>/dev/null)
}

# The package that brought a file, so that a cron of a package is told from one that somebody wrote; "changed" where
# somebody wrote into it. After `owners`.
packaged() {
    record package
    if have dpkg-query; then
        package=$(printf '%s\n' "$OWNERS" | awk -v file="$1" '!/^diversion by / && substr($0, length($0) - length(file) - 1) == ": " file { sub(/[,:].*/, ""); print; exit }')
        [ -n "$package" ] || return 0
        echo "$package"
        sum=$(printf '%s\n' "$SUMS" | awk -v file="$1" '$1 == file { print $2; exit }')
        [ -z "$sum" ] || [ "$sum" = "$(md5sum <"$1" | cut -d ' ' -f 1)" ] || echo changed
    elif have rpm; then rpm -qf "$1" --qf '%{NAME}' 2>/dev/null | grep -v ' '; fi
}

routes() {
    for place in /etc/nginx/sites-enabled /etc/nginx/conf.d /etc/apache2/sites-enabled /etc/httpd/conf.d; do folder routes "$place"; done
    for file in /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do if [ -f "$file" ]; then text nginx "$file"; fi; done
    for file in /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf; do if [ -f "$file" ]; then text apache "$file"; fi; done
    if [ -f /etc/haproxy/haproxy.cfg ]; then text haproxy /etc/haproxy/haproxy.cfg; fi
}

# Certificates that a route names, and Let's Encrypt's: only what stands between the certificate's own lines, since a
# file may hold its key too.
certificates() {
    folder certificates /etc/letsencrypt/live
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

# The end of each of Odoo's logs, and of its units' journals where a unit logs there.
performance() {
    {
        printf '%s\n' "$CONFIGS" | grep . | while IFS= read -r file; do option "$file" logfile; done
        for folder in $PROCESSES; do given "$folder" --logfile; done
    } | grep '^/' | sort -u | while IFS= read -r log; do
        record log; printf '%s' "$log"
        if [ ! -r "$log" ]; then problem performance "$log cannot be read by $(id -un)."; continue; fi
        record requests
        log_lines "$log" | requests
    done
    have journalctl || return 0
    for file in $UNIT_FILES; do
        case $file in *.service) ;; *) continue ;; esac
        unit=${file##*/}
        record log; printf 'journal of %s' "$unit"
        record requests
        timeout "$STATEMENT_SECONDS" journalctl --unit "$unit" --lines "$LOG_LINES" --output cat --no-pager --quiet | requests
    done
}

# log_lines LOG: its last lines, and those of the one before it where it was rotated a while ago.
log_lines() {
    there=$(tail -n "$LOG_LINES" "$1" | wc -l)
    # shellcheck disable=SC2012 # logs have plain names, and their times decide
    before=$(ls -t "$1".1 "$1".1.gz "$1"-*[0-9] "$1"-*[0-9].gz "$1".*[0-9] 2>/dev/null | head -n 1)
    if [ "$there" -lt "$LOG_LINES" ] && [ -r "$before" ]; then
        case $before in *.gz) gzip -dc "$before" ;; *) cat "$before" ;; esac | tail -n $((LOG_LINES - there))
    fi
    tail -n "$LOG_LINES" "$1"
}

# journal UNIT SECONDS: the same of what a unit of the estate wrote since then (Unix time), without its own health probe,
# which asks from inside the container; users come through the edge.
journal() {
    record log; printf '%s' "$1"
    record requests
    timeout "$STATEMENT_SECONDS" journalctl --unit "$1" --since "@$2" --lines "$LOG_LINES" --output cat --no-pager --quiet | grep -av ' werkzeug: 127\.0\.0\.1 - - ' | requests
}

# Lines of Odoo's log, summed up here: only paths without their query leave the host, numbers in them as N. Seconds are
# those of the database and of the rest. Of a path and of a whole database: how many, their sum, the longest, the
# queries, and the durations that half and 95 of 100 do not exceed, which are exact since the log has milliseconds.
# Who waits for messages (the bus) waits on purpose, and is in no database's sum.
requests() {
    awk '
        function add(key) {
            count[key]++; total[key] += seconds; queries[key] += part[6]; tally[key, int(seconds * 1000 + 0.5)]++
            if (seconds > most[key]) most[key] = seconds
        }
        function longest(key, share,   ms, seen) {
            for (ms = 0; seen < count[key] * share; ms++) if ((key, ms) in tally) seen += tally[key, ms]
            return (ms - 1) / 1000
        }
        $4 == "ERROR" || $4 == "CRITICAL" { errors[$5]++ }
        match($0, /"[A-Z]+ [^ "]+ HTTP\/[0-9.]+" [0-9]+ [^ ]+ [0-9]+ [0-9.]+ [0-9.]+( [a-z>-]+)?$/) {
            split(substr($0, RSTART + 1, RLENGTH - 1), part, " ")
            path = part[2]; sub(/[?#].*/, "", path); gsub(/[0-9]+/, "N", path)
            if (path !~ /^[A-Za-z0-9_.\/%:@+-]+$/ || length(path) > 120) path = "(other)"
            gsub(/[A-Za-z0-9_+-]*[0-9A-Fa-f]{32}[A-Za-z0-9_+-]*/, "X", path)
            seconds = part[7] + part[8]
            add("request " $5 " " part[1] " " path)
            if (path !~ /^\/(longpolling|websocket|bus\/)/) add("database " $5)
            if (first == "") first = $1 " " $2
            last = $1 " " $2
        }
        END { for (key in count) printf "%s %d %.3f %.3f %d %.3f %.3f\n", key, count[key], total[key], most[key], queries[key], longest(key, 0.5), longest(key, 0.95)
              for (name in errors) printf "errors %s %d\n", name, errors[name]
              printf "span %s %s\n", first, last }' | sort | head -n 2000
}
