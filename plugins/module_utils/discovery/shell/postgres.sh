# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317,SC2329 # the settings and the other files are put together by script.py
# PostgreSQL's servers and databases, and the filestores beside them.

# The words that make a command run as PostgreSQL's own user.
as_postgres() {
    is_root || return 0
    as="setpriv --reuid=$(id -u postgres) --regid=$(id -g postgres)"
    if $as --clear-groups true 2>/dev/null; then printf '%s' "$as --init-groups -- env HOME=/"; else printf 'runuser -u postgres --'; fi
}

psql_on() ( # psql_on FOLDER PORT DATABASE [OPTION…]; psql never asks, reads no rc file and keeps no history
    cd / || return
    folder=$1 port=$2 name=$3
    shift 3
    # shellcheck disable=SC2086 # it is a row of words
    $AS_POSTGRES psql -X -w -q -A -t -h "$folder" -p "$port" -d "$(conninfo "$name")" "$@" -f - 2>&1
)

sql() { # sql FOLDER PORT DATABASE STATEMENT
    printf '%s\n' "$4" | psql_on "$1" "$2" "$3" -v ON_ERROR_STOP=1
}

# A database's name as psql takes it without reading it as a connection string.
conninfo() { printf "dbname='%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")"; }

# Statements for one session, each announced by the line that begins its record.
question() { printf '\\echo @%s rows %s\n%s;\n' "$NONCE" "$1" "$2"; }
absent() { printf '\\echo @%s absent %s\n' "$NONCE" "$1"; }

# session FOLDER PORT DATABASE <questions: a record for each, of one JSON line, or of what psql said instead. psql puts
# out what it has answered before it says that something failed.
session() {
    { cat; printf '\\echo @%s answered\n' "$NONCE"; } | psql_on "$1" "$2" "$3" |
        mask_but '/^\[/{s#([A-Za-z][A-Za-z0-9+.-]*://[^:/@[:space:]"]*):[^/@[:space:]"]*@#\1:***@#g;b
}' | awk -F '\001' -v begin="@$NONCE " '
        function ask() { if (asked != "") { print "\n" begin "failed " asked; asked = "" } }
        index($0, begin) == 1 {
            ask(); open = 1; part = substr($0, length(begin) + 1)
            if (part == "answered") { whole = 1; next }
            if (part ~ /^rows /) asked = substr(part, 6); else print "\n" begin part
            next
        }
        asked != "" && /^\[/ { print "\n" begin "rows " asked; asked = "" }
        asked != "" { ask() }
        !open { print "\n" begin "failed session"; open = 1 }
        { print }
        END { ask(); if (!whole) print "\n" begin "failed session\nIt ended before the last answer." }'
}

# Every PostgreSQL server that listens on a socket of this host.
postgres() {
    found=false
    AS_POSTGRES=$(as_postgres)
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
    cluster_questions | session "$1" "$2" postgres
    # Names may hold anything, so they come packed, a line each after that of the directory.
    told=$(sql "$1" "$2" postgres "SHOW data_directory; SELECT translate(encode(convert_to(datname, 'UTF8'), 'base64'), E'\\n', '') FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY oid") || { problem postgres "port $2: $told"; return; }
    directory=$(printf '%s\n' "$told" | head -n 1)
    record directory; printf '%s' "$directory"
    record disk; df -Pk "$directory" "$directory/pg_wal" 2>&1
    for name in $(printf '%s\n' "$told" | sed 1d); do
        name=$(printf '%s' "$name" | base64 -d; printf x)
        name=${name%x}
        record database; printf '%s' "$name"
        database "$1" "$2" "$name"
    done
}

needs() { # needs TABLE…: that the database has them all
    for table; do case " $tables " in *" $table "*) ;; *) return 1 ;; esac; done
}

database() {
    tables=$(sql "$1" "$2" "$3" "SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace('public') AND relname ~ '^[a-z0-9_]+\$'") || {
        problem databases "database $3: $tables"
        return
    }
    database_questions | session "$1" "$2" "$3"
    case " $tables " in *" ir_attachment "*) filestore "$1" "$2" "$3" ;; esac
}

filestores() { # filestores DATABASE: its folders, first where somebody declared that it is
    {
        printf '%s\n' "$FILESTORES"
        printf '%s\n' "$DATA_FOLDERS" | sed 's#$#/filestore#'
    } | awk 'NF && !seen[$0]++' | while IFS= read -r candidate; do
        if [ -d "$candidate/$1" ]; then printf '%s\n' "$candidate/$1"; fi
    done
}

# Both sides as lines of "kind, name, size, checksum" into one awk, which keeps the database's side in memory and prints
# what differs: a million attachments stay on the host.
filestore() {
    everywhere=$(filestores "$3")
    folder=$(printf '%s\n' "$everywhere" | head -n 1)
    if [ "$folder" != "$everywhere" ] && ! printf '%s\n' "$FILESTORES" | grep -qxF -- "${folder%/*}"; then
        problem filestore "database $3: $(printf '%s\n' "$everywhere" | tr '\n' ' ')are all there, and the first was read. Say which it is: filestores of its member in wave_members."
    fi
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
