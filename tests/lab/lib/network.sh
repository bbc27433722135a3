# shellcheck shell=bash
# The lab's network: one bridge with the machine as gateway, a cable for each host, NAT so that apt and pip work inside.

cable() { # cable HOST: the bridge's end of the host's cable
    local address
    address=$(address_of "$1")
    echo "$BRIDGE-${address##*.}"
}

network_up() {
    ip link show "$BRIDGE" >/dev/null 2>&1 || ip link add "$BRIDGE" type bridge
    ip addr replace "$NET.1/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
    forward "$BRIDGE"
    forward "$(ip -o -4 route show default | awk '{ print $5; exit }')"
    nft -f - <<END
table ip $BRIDGE
delete table ip $BRIDGE
table ip $BRIDGE {
    chain post {
        type nat hook postrouting priority 100
        ip saddr $NET.0/24 ip daddr != $NET.0/24 masquerade
    }
}
END
}

# forward INTERFACE: let it forward, and remember what it did before. Labs share the uplink, so the value of before
# belongs to the machine (in /run, gone with a reboot as the setting is), and goes back when the last lab goes.
forward() {
    local name=$1 setting=/proc/sys/net/ipv4/conf/$1/forwarding before=/run/erpops-lab/forwarding-$1
    mkdir -p /run/erpops-lab
    [ -e "$before" ] || cat "$setting" >"$before"
    echo 1 >"$setting"
}

unforward() {
    local before name
    for before in /run/erpops-lab/forwarding-*; do
        name=${before##*/forwarding-}
        [ "$name" = "$BRIDGE" ] || [ -z "$(other_labs)" ] || continue
        [ ! -d "/proc/sys/net/ipv4/conf/$name" ] || cat "$before" >"/proc/sys/net/ipv4/conf/$name/forwarding"
        rm -f "$before"
    done
}

# Other labs that are up on this machine: their bridges.
other_labs() {
    local state
    for state in /run/erpops-lab/forwarding-*; do
        state=${state##*/forwarding-}
        [ "$state" = "$BRIDGE" ] || [ ! -d "/sys/class/net/$state/bridge" ] || echo "$state"
    done
}

network_down() {
    nft delete table ip "$BRIDGE" 2>/dev/null || true
    nft delete table bridge "$BRIDGE" 2>/dev/null || true
    unforward
    ip link del "$BRIDGE" 2>/dev/null || true
}

unplug() {
    ip link del "$(cable "$1")" 2>/dev/null || true
    ip netns del "$BRIDGE-$1" 2>/dev/null || true
}

# A fresh network namespace for every boot: no socket, address, firewall rule or sysctl of the last one survives.
plug() {
    local host=$1 cable address namespace=$BRIDGE-$1
    cable=$(cable "$host")
    address=$(address_of "$host")
    unplug "$host"
    ip netns add "$namespace"
    # shellcheck disable=SC2086
    ip link add "$cable" type veth peer name eth0 netns "$namespace" \
        address "$(printf '02:4c:%02x:%02x:%02x:%02x' ${address//./ })"
    ip link set "$cable" master "$BRIDGE" up
    ip -n "$namespace" link set lo up
    ip -n "$namespace" link set eth0 up
    ip -n "$namespace" addr add "$address/24" dev eth0
    ip -n "$namespace" route add default via "$NET.1"
}

# Two hosts lose each other, and only each other.
split() {
    local one other
    one=$(cable "$1")
    other=$(cable "$2")
    nft -f - <<END
table bridge $BRIDGE {
    chain cut {
        type filter hook forward priority 0
        iifname $one oifname $other drop
        iifname $other oifname $one drop
    }
}
END
}
