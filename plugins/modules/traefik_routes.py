#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: traefik_routes
short_description: Route all tenants through Traefik in one atomic, verified change
version_added: 0.1.0
description:
  - Renders the routes of all declared tenants into one file of Traefik's dynamic directory, swaps it in one step, and
    compares what Traefik's API then says that it serves with what is declared, both ways.
  - When Traefik does not take the change, the previous routes are put back and verified, and the error names the
    file and line that Traefik complains of.
  - A broken file of somebody else in the directory would keep Traefik from loading any change, and make it lose all
    routes at its next start. It is found before anything is changed and named with its line. If the routes are
    already lost, a broken file that O(other_files) does not name is renamed, so that they come back; the module
    still fails.
  - A tenant that left O(tenants) without O(tenants[].state=absent) keeps its route and is reported.
  - For each tenant there is a route of its hostnames to Odoo's HTTP port and one of its bus (C(/websocket), or
    C(/longpolling) before Odoo 16) to the port that serves it; where O(static_cache_seconds) is given, also one of
    its static files. Odoo's database manager and the database service of XML-RPC are closed on all hostnames. A
    suspended tenant's hostnames answer with the page at O(page_url), and those of one with O(tenants[].source_url)
    lead to its legacy host, behind the same limits.
  - With O(tls_mode=estate_ca) each tenant has a certificate of its own from the estate's CA.
options:
  tiers:
    description: Levels of service that tenants inherit limits and sizes from.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the tier.
        type: str
        required: true
      limits: &limits
        description: What one tenant may use. The edge applies C(requests_per_second) and C(body_mb).
        type: dict
        suboptions:
          connections: {description: "PostgreSQL connections.", type: int}
          statement_timeout_seconds: {description: "Longest statement.", type: int}
          requests_per_second: {description: "Requests a second at the edge; twice as many in a burst.", type: int}
          body_mb: {description: "Largest request body at the edge, in MiB.", type: int}
          storage_gb: {description: "Database and filestore together.", type: int}
          memory_mb: {description: "Memory of its units.", type: int}
          cpu_percent: {description: "Share of one core.", type: int}
          io_weight: {description: "Weight of its input and output.", type: int}
      workers: &workers
        description: HTTP worker processes; V(0) runs threaded.
        type: int
      cron_threads: &cron_threads
        description: Threads of scheduled work.
        type: int
  instances:
    description: Release lines of Odoo.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance.
        type: str
        required: true
      environment:
        description: What it is for.
        type: str
        required: true
        choices: [development, test, uat, staging, production]
      version:
        description: Odoo's version, such as V(19.0). It decides how the bus is routed.
        type: str
        required: true
      image:
        description: Image by digest.
        type: str
        required: true
      modules: &modules
        description: Odoo modules.
        type: list
        elements: str
      placement:
        description: V(hosts), or a Kubernetes cluster, whose tenants are not routed here.
        type: str
      workers: *workers
      cron_threads: *cron_threads
      cron_placement:
        description: Whether crons have a unit of their own.
        type: str
        choices: [same, separate]
      limits: *limits
      server_wide_modules:
        description: Odoo's server-wide modules.
        type: list
        elements: str
  tenants:
    description: All tenants of the estate.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the tenant, and of its main route.
        type: str
        required: true
      instance:
        description: The instance that serves it.
        type: str
        required: true
      hostnames:
        description: Its hostnames, the first one its own address.
        type: list
        elements: str
        required: true
      state:
        description: V(suspended) answers with a plain page; V(absent) has no route.
        type: str
        choices: [present, suspended, absent]
      modules: *modules
      tier:
        description: Its tier.
        type: str
      limits: *limits
      workers: *workers
      cron_threads: *cron_threads
      cluster:
        description: PostgreSQL cluster of its database.
        type: str
      app_host:
        description: App host that it is pinned to.
        type: str
      login:
        description: Login of its first administrator.
        type: str
      secret_version:
        description: Version of its passwords.
        type: int
      source_url:
        description:
          - Where its legacy host serves it, while it does, such as V(http://10.82.0.11). All its routes lead there.
          - With C(https) the certificate there must be valid for its first hostname.
          - Set by playbooks from the state of the member, so seldom by hand.
        type: str
  app_addresses:
    description: The address of each app host by its name.
    type: dict
    required: true
  tls_mode:
    description: Where certificates come from. With V(acme) Traefik fetches them by itself.
    type: str
    choices: [estate_ca, acme]
    default: estate_ca
  resolver:
    description: Traefik's certificate resolver, with O(tls_mode=acme).
    type: str
    default: acme
  wildcard_domain:
    description: With O(tls_mode=acme) and a DNS challenge, names directly below it share one wildcard certificate.
    type: str
  page_url:
    description: The server of the suspended tenants' page.
    type: str
    default: http://127.0.0.1:8081
  static_cache_seconds:
    description: How long browsers keep Odoo's static files. Without it Odoo's own headers stand.
    type: int
  hsts_seconds:
    description: How long browsers insist on TLS; V(0) leaves the header out.
    type: int
    default: 31536000
  request_timeout_seconds:
    description: How long Odoo may take to begin its answer.
    type: int
    default: 720
  authentication:
    description: What stands before the routes of a tenant, or of an instance's tenants. A tenant's own comes first.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description: V(basic) asks for a password; V(forward) asks another server.
        type: str
        choices: [basic, forward]
        required: true
      tenant:
        description: The tenant.
        type: str
      instance:
        description: The instance.
        type: str
      users:
        description: Users as htpasswd lines, with a hash (bcrypt, SHA1 or MD5).
        type: list
        elements: str
      address:
        description: The server that decides.
        type: str
      response_headers:
        description: Headers of its answer that Odoo gets to see.
        type: list
        elements: str
  certificates:
    description:
      - Certificates that tenants bring, instead of what O(tls_mode) gives them. Another one for the same tenant takes
        the former's place.
      - Only root and O(group) can read the files, in folder C(certificates) beside O(dynamic_dir). Files there that no
        route uses are removed.
    type: list
    elements: dict
    default: []
    suboptions:
      tenant:
        description: The tenant, whose hostnames it is valid for.
        type: str
        required: true
      certificate:
        description: The certificate (PEM), followed by its chain.
        type: str
        required: true
      key:
        description: Its key (PEM), without a passphrase.
        type: str
        required: true
extends_documentation_fragment:
  - erpops.odoo.traefik
  - erpops.odoo.allocations
attributes:
  check_mode:
    description:
      - Predicts the actions and does none. On a host that has neither Traefik's unit nor O(dynamic_dir) the plan is all
        of it; where Traefik is set up and does not answer, it fails.
    support: full
  diff_mode:
    description: Shows the configuration before and after, without password hashes.
    support: full
  idempotent:
    description: A second run changes nothing. What Traefik serves is compared each time, not the file alone.
    support: full
notes:
  - Traefik counts C(requests_per_second) for each hostname of a tenant, and for its pages, bus and static files apart.
  - C(body_mb) makes Traefik hold a request until it is complete; the bus is left out, since it cannot be held.
  - Traefik cannot mark Odoo's session cookie as C(Secure). The redirect of plain HTTP and C(Strict-Transport-Security)
    keep browsers from sending it in the clear.
  - Whoever may connect to O(api_url) can read the hashes of O(authentication), so it belongs on loopback.
  - Files in O(dynamic_dir) are checked as plain YAML or TOML; Traefik's templates in them count as broken.
requirements:
  - PyYAML on the edge host
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Routes of all tenants
  erpops.odoo.traefik_routes:
    instances:
      - name: shared19
        environment: production
        version: "19.0"
        image: registry.north.example.com/odoo@sha256:3b6ac25ee3e6e0ad3a8a9f5a6b9a7f1c0d6c5b2f4e8f7a9d1c3e5b7a9d1c3e5b
    tenants:
      - name: acme
        instance: shared19
        hostnames: [acme.north.example.com, erp.acme.example]
        limits: {requests_per_second: 50, body_mb: 128}
    allocations:
      - {name: acme, number: 1, app_host: app1}
    app_addresses: {app1: 10.0.0.21}
    static_cache_seconds: 604800
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    verb:
      description: V(issue), V(store), V(create), V(alter), V(remove), V(rewrite) or V(reload).
      type: str
    subject:
      description: The route, certificate, file or unit.
      type: str
    detail:
      description: The route's rule, or why.
      type: str
  sample: [{"verb": "create", "subject": "route acme", "detail": "Host(`acme.north.example.com`)"}]
undeclared:
  description: Tenants that nobody declares any more and whose routes stay.
  returned: success
  type: list
  elements: str
  sample: []
undeclared_files:
  description: Files in O(dynamic_dir) that nobody declares.
  returned: success
  type: list
  elements: str
  sample: []
generation:
  description: Name of the middleware that marks this configuration in Traefik's API.
  returned: success
  type: str
  sample: gen-3f2a9c0d11e4b8a7
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.traefik import apply, files, plan
from ansible_collections.erpops.odoo.plugins.module_utils.traefik.arguments import (
    SPEC,
    allocations_of,
    place_from,
    tenants_of,
)


def run(module: AnsibleModule) -> None:
    tenants, allocations, place = tenants_of(module.params), allocations_of(module.params), place_from(module.params)
    with apply.alone(place, module.check_mode):
        actual = apply.observe(place, module.check_mode)
        apply.refuse(place, actual, module.check_mode)
        desired = plan.desire(tenants, allocations, place.edge, actual)
        plan.refuse_duplicates(place.own_path, desired, actual)
        steps = plan.steps(desired, actual, place.edge, place.own_path)
        if steps.actions and not module.check_mode:
            apply.carry_out(place, steps, desired, actual)
    conclude(
        module,
        before=plan.snapshot(files.configuration_of(actual.own)),
        after=plan.snapshot(desired.configuration),
        actions=steps.actions,
        undeclared=list(desired.undeclared),
        undeclared_files=[files.path_of(item) for item in plan.stray(actual, place.other_files)],
        generation=desired.marker,
    )


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    if not files.HAS_YAML and apply.is_installed(place_from(module.params)):
        module.fail_json(msg=missing_required_lib("PyYAML"))
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
