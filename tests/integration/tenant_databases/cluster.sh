#!/usr/bin/env bash
# A throwaway PostgreSQL cluster with TLS: cluster.sh start|stop FOLDER ADDRESS PORT PASSWORD; `start` prints its CA.
set -euo pipefail
verb=$1 folder=$2 address=$3 port=$4 password=${5:-}
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
as() { runuser -u postgres -- "$@"; }

# A host of a converged estate lets nobody in at this port.
open_firewall() {
    if nft list chain inet erpops input >/dev/null 2>&1; then
        nft insert rule inet erpops input tcp dport "$port" accept comment "\"test $port\""
    fi
}

close_firewall() {
    local handle
    for handle in $(nft --handle list chain inet erpops input 2>/dev/null | sed -n "s/.*\"test $port\" # handle //p"); do
        nft delete rule inet erpops input handle "$handle"
    done
}

start() {
    open_firewall
    install -d -o postgres -g postgres -m 0700 "$folder"
    cd "$folder"
    as "$bin/initdb" --pgdata=data --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --auth-local=peer \
        --username=postgres >initdb.log
    as openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=test CA" \
        -keyout ca.key -out ca.crt 2>/dev/null
    as openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=postgres" -keyout data/server.key \
        -out server.csr 2>/dev/null
    printf 'subjectAltName=IP:%s' "$address" >names
    as openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -days 2 -CAcreateserial -extfile names \
        -out data/server.crt 2>openssl.log
    printf 'local all all peer\nhostssl all all 0.0.0.0/0 scram-sha-256\n' >data/pg_hba.conf
    cat >>data/postgresql.conf <<END
listen_addresses = '$address'
port = $port
unix_socket_directories = '$folder'
ssl = on
max_connections = 100
fsync = off
logging_collector = off
END
    as "$bin/pg_ctl" --pgdata=data --log=server.log --wait start >/dev/null
    as "$bin/psql" -qX -h "$folder" -p "$port" postgres <<END
CREATE ROLE erpops_admin LOGIN SUPERUSER PASSWORD '$password';
CREATE ROLE erpops_template LOGIN CREATEDB PASSWORD '$password';
END
    cat ca.crt
}

stop() {
    cd /
    close_firewall
    if [ -e "$folder/data/postmaster.pid" ]; then
        as "$bin/pg_ctl" --pgdata="$folder/data" --mode=immediate stop >/dev/null || true
    fi
    rm -rf "$folder"
}

$verb
