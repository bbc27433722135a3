# shellcheck shell=bash
# What the fixtures of the legacy layers share. They run inside the layer, where no systemd is.
# shellcheck disable=SC2034 # the fixtures use what this one sets
set -euo pipefail

DATA=/var/lib/odoo/.local/share/Odoo
ADDONS=/usr/lib/python3/dist-packages/odoo/addons

as() { # as USER COMMAND…
    local user=$1 home
    shift
    home=$(getent passwd "$user" | cut -d: -f6)
    (cd / && HOME=$home exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@")
}

postgres_up() { # durability is the layer's, which is only kept when it is finished
    install -d -o postgres -g postgres -m 2775 /run/postgresql
    ip link set lo up
    pg_ctlcluster 13 main start --skip-systemctl-redirect -- -o "-c listen_addresses='' -c fsync=off -c full_page_writes=off"
}

postgres_down() { pg_ctlcluster 13 main stop --skip-systemctl-redirect -m fast; }

sql() { as postgres psql -X -q -v ON_ERROR_STOP=1 -d "$@"; } # sql DATABASE [ARGUMENT…]

odoo_once() { # odoo_once DATABASE ARGUMENT…
    local database=$1
    shift
    as odoo odoo --config /etc/odoo/odoo.conf -d "$database" --no-http --max-cron-threads=0 --log-level=warn --logfile= \
        "$@" --stop-after-init
}

odoo_shell() { # odoo_shell DATABASE <SCRIPT
    as odoo odoo shell --config /etc/odoo/odoo.conf -d "$1" --no-http --log-level=warn --logfile= --shell-interface=python
}

own() { # own MASTER DATABASE: a master database and its filestore become a customer's
    sql postgres -c "ALTER DATABASE $1 RENAME TO $2"
    mv "$DATA/filestore/$1" "$DATA/filestore/$2"
    sql "$2" -c "UPDATE ir_config_parameter SET value = gen_random_uuid()::text WHERE key IN ('database.uuid', 'database.secret')"
}

forget() { # forget MASTER
    sql postgres -c "DROP DATABASE $1"
    rm -rf "${DATA:?}/filestore/$1"
}

enable() { for unit; do systemctl enable --quiet "$unit"; done; }
