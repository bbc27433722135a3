#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: patroni_evidence
short_description: Say what one host knows of its PostgreSQL cluster without asking PostgreSQL
version_added: 0.1.0
description:
  - Looks for the data directory, asks etcd for the cluster's key, and reads memory, processors and the device.
  - Runs on every host of a cluster. M(erpops.odoo.patroni_cluster) takes all findings, and only where every member
    has none, is a cluster taken as one that does not exist yet.
  - Refuses where encryption at rest is declared and the data directory is not on a dm-crypt device.
  - Changes nothing.
author:
  - erpops maintainers (@erpops)
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  idempotent:
    description: Only reads.
    support: full
options:
  member:
    description: The host's name in the cluster.
    type: str
    required: true
  cluster:
    description: The cluster that it carries.
    type: str
    required: true
  data_directory:
    description: PostgreSQL's data directory.
    type: path
    required: true
  configuration_file:
    description: Patroni's configuration file.
    type: path
    default: /etc/patroni/config.yml
  etcd_urls:
    description: The client URLs of all etcd members.
    type: list
    elements: str
    required: true
  namespace:
    description: The folder of clusters in etcd.
    type: str
    default: /service/
  ca_file:
    description: The authority that etcd's certificates are verified with.
    type: path
    default: /etc/erpops/pki/ca.crt
  certificate_file:
    description: The client certificate for etcd.
    type: path
    default: /etc/erpops/pki/postgres/tls.crt
  key_file:
    description: Its key.
    type: path
    default: /etc/erpops/pki/postgres/tls.key
  encrypted_at_rest:
    description:
      - What is declared of the data directory's volume. V(true) is refused where it cannot be seen to be so, V(false)
        warns where it is encrypted. Unset, it is only reported.
    type: bool
"""

EXAMPLES = r"""
- name: Evidence of the cluster on this host
  erpops.odoo.patroni_evidence:
    member: "{{ inventory_hostname }}"
    cluster: main
    data_directory: /var/lib/postgresql/17/main
    etcd_urls: ["https://192.0.2.11:2379"]
  register: postgres_evidence
"""

RETURN = r"""
evidence:
  description: The findings, as O(erpops.odoo.patroni_cluster#module:evidence) takes them.
  returned: success
  type: dict
  contains:
    member:
      description: The host.
      type: str
    cluster:
      description: The cluster.
      type: str
    data_directory:
      description: The data directory.
      type: str
    data_directory_exists:
      description: Whether there is anything in it.
      type: bool
    installed:
      description: Whether Patroni is configured.
      type: bool
    initialize:
      description: >-
        The cluster's key in etcd: V(present), V(absent), V(unreachable) where nobody listens, V(unknown) where
        somebody does but gives no answer.
      type: str
    initialize_detail:
      description: How that is known.
      type: str
    memory_mb:
      description: The host's memory.
      type: int
    cpus:
      description: The host's processors.
      type: int
    device:
      description: What is mounted where the data directory lies.
      type: str
    device_encrypted:
      description: Whether that is encrypted. Null where there is no block device to be seen.
      type: bool
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.patroni import host, rest
from ansible_collections.erpops.odoo.plugins.module_utils.patroni.evidence import Evidence, check_encryption


def run(module: AnsibleModule) -> None:
    given = module.params
    directory = Path(given["data_directory"])
    device, number = host.device_of(directory)
    initialize, detail = rest.initialize_key(
        given["etcd_urls"],
        f"{given['namespace'].rstrip('/')}/{given['cluster']}/initialize",
        given["ca_file"],
        given["certificate_file"],
        given["key_file"],
    )
    found = Evidence(
        member=given["member"],
        cluster=given["cluster"],
        data_directory=str(directory),
        data_directory_exists=host.has_data(directory),
        installed=Path(given["configuration_file"]).exists(),
        initialize=initialize,
        initialize_detail=detail,
        memory_mb=host.memory_mb(),
        cpus=host.cpus(),
        device=device,
        device_encrypted=host.encrypted(number),
    )
    warning = check_encryption(found, given["encrypted_at_rest"])
    if warning:
        module.warn(warning)
    conclude(module, before={}, after={}, actions=(), evidence=found.as_dict())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "member": {"type": "str", "required": True},
            "cluster": {"type": "str", "required": True},
            "data_directory": {"type": "path", "required": True},
            "configuration_file": {"type": "path", "default": "/etc/patroni/config.yml"},
            "etcd_urls": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "default": "/service/"},
            "ca_file": {"type": "path", "default": "/etc/erpops/pki/ca.crt"},
            "certificate_file": {"type": "path", "default": "/etc/erpops/pki/postgres/tls.crt"},
            "key_file": {"type": "path", "default": "/etc/erpops/pki/postgres/tls.key"},
            "encrypted_at_rest": {"type": "bool"},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
