#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: wave_plan
short_description: Assign members to waves, or check the plan that people edited
version_added: 0.1.0
description:
  - Without a plan in O(file), or with O(replace), it finds the plan with the fewest waves, and of these the one in
    which low criticality comes first, under all constraints. The plan is proved to be the best, or says what none can
    beat. The same input gives the same plan. Each member's place is explained.
  - With a plan in O(file) it checks that plan, reports every constraint that it does not keep, and writes nothing.
  - Input that no plan can keep is answered with constraints that contradict each other, of which none is to spare.
  - It runs on the controller.
options:
  file:
    description: The plan, a YAML file that people edit and commit.
    type: path
    required: true
  replace:
    description: Plan anew although there is a plan. Members that are under way keep their date.
    type: bool
    default: false
  first:
    description: The first date of the plan.
    type: str
    required: true
  last:
    description: The last date of the plan, at most two years later.
    type: str
    required: true
  window:
    description: The estate's weekly hours for cutovers.
    type: dict
    required: true
    suboptions: &window
      days:
        description: Days on which the hours begin.
        type: list
        elements: str
        required: true
        choices: [mon, tue, wed, thu, fri, sat, sun]
      start:
        description: When they begin, such as V(20:00), in quotes.
        type: str
        required: true
      end:
        description: When they end; at or before O(window.start) it is on the next day.
        type: str
        required: true
      timezone:
        description: Their time zone, such as V(Europe/Berlin).
        type: str
        required: true
  freezes:
    description: Dates without cutovers.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name, such as payroll.
        type: str
        required: true
      first:
        description: The first date.
        type: str
      last:
        description: The last date; O(freezes[].first) by default.
        type: str
      month_end:
        description: Days around each end of a month.
        type: dict
        suboptions:
          days_before:
            description: The last days of the month.
            type: int
            required: true
          days_after:
            description: The first days of the next one.
            type: int
            required: true
      month_days:
        description: The same days of each month; -1 is its last one.
        type: list
        elements: int
      members:
        description: Whom it holds; everybody by default.
        type: list
        elements: str
  parallel:
    description: How many cutovers may run at a time.
    type: int
    default: 2
  members_per_wave:
    description: How many members a wave may have.
    type: int
    default: 10
  copy_hours_per_wave:
    description: How many hours of copying there may be before a wave.
    type: int
    default: 24
  settle_days:
    description: How many days lie between two waves, at least; 1 allows waves on consecutive days.
    type: int
    default: 1
  settings:
    description: What single members ask for.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The member.
        type: str
        required: true
      criticality:
        description: Instead of what discovery found.
        type: str
        choices: [low, medium, high]
      pilot:
        description: It moves before everybody who is no pilot.
        type: bool
      window:
        description: Its own hours, within the estate's.
        type: dict
        suboptions: *window
      not_before:
        description: Its first date.
        type: str
      not_after:
        description: Its last date.
        type: str
      cutover_minutes:
        description: How long its cutover takes, instead of the estimate.
        type: int
      copy_minutes:
        description: How long its copy takes, instead of the estimate.
        type: int
  states:
    description:
      - Members as M(erpops.odoo.wave_members) returns them. Those that are under way keep their date, those that are
        live are left out, and times that were measured take the place of estimates.
    type: list
    elements: dict
    default: []
  estate:
    description:
      - The estate's variables that M(erpops.odoo.estate_validate) takes; tenants' limits and tiers come from it.
    type: dict
    required: true
  postgres_clusters:
    description: The estate's PostgreSQL clusters.
    type: list
    elements: dict
    default: []
  app_hosts:
    description: App hosts and what they have for tenants. Without any, no member is assigned to a host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The host.
        type: str
        required: true
      memory_mb:
        description: Memory for tenants' units.
        type: int
        required: true
      storage_gb:
        description: Storage for the members' filestores.
        type: int
        required: true
      available:
        description: The date from which on it is there.
        type: str
  placements:
    description: The app host of tenants that live on the estate already, by their names.
    type: dict
    default: {}
  cluster_storage_gb:
    description: Storage for the members' databases by the name of the PostgreSQL cluster.
    type: dict
    default: {}
  rates:
    description: What estimates are made of.
    type: dict
    suboptions:
      copy_mb_per_second:
        description: Copying from the source.
        type: int
        default: 20
      compare_mb_per_second:
        description: Comparing the databases' content.
        type: int
        default: 40
      files_per_second:
        description: Comparing filestores.
        type: int
        default: 2000
      fixed_minutes:
        description: What a cutover costs whatever the size.
        type: int
        default: 5
      margin_percent:
        description: What is added to estimates and measured times.
        type: int
        default: 50
  effort_seconds:
    description:
      - How long each of the two aims may be worked on, in deterministic seconds (about those of one core), so that the
        same input ends at the same plan on any machine.
    type: int
    default: 30
extends_documentation_fragment:
  - erpops.odoo.discovered
  - erpops.odoo.waves
attributes:
  check_mode:
    description: Plans and checks in the same way, and does not write the file.
    support: full
  diff_mode:
    description: Shows each member's wave, start and app host.
    support: full
  idempotent:
    description: A plan that is there is not planned again, and the same input gives the same plan.
    support: full
requirements:
  - ortools >= 9.12
  - PyYAML
seealso:
  - module: erpops.odoo.wave_map
author:
  - erpops maintainers (@erpops)
"""

EXAMPLES = r"""
- name: Plan the waves
  erpops.odoo.wave_plan:
    discovery: "{{ inventory_dir }}/discovery"
    members:
      - {name: acme, host: legacy1, database: acme_prod}
      - {name: birch, host: legacy1, database: birch_prod}
    file: "{{ inventory_dir }}/wave_plan.yml"
    first: "2027-01-11"
    last: "2027-03-31"
    window: {days: [tue, wed, thu], start: "20:00", end: "02:00", timezone: Europe/Berlin}
    freezes:
      - {name: month end, month_end: {days_before: 2, days_after: 3}}
      - {name: payroll of birch, month_days: [15, 16], members: [birch]}
    settings:
      - {name: acme, pilot: true}
    estate:
      odoo_instances: "{{ odoo_instances }}"
      odoo_tenants: "{{ odoo_tenants }}"
  delegate_to: localhost
"""

RETURN = r"""
waves:
  description: The waves in order.
  returned: success
  type: list
  elements: dict
  contains:
    wave: {description: "Its number, from 1.", type: int}
    date: {description: Its date., type: str}
    on_failure:
      description: Whom a failed cutover keeps from beginning theirs, V(stop_group), V(stop_wave) or V(go_on).
      type: str
    members:
      description:
        - "Its members in the order of their starts: name, start, app host, why it is in this wave, sizes."
        - "C(stopped_by): the members whose failure keeps it from beginning its cutover."
      type: list
      elements: dict
bounds:
  description: For each aim the value reached and what no plan can be better than. Empty for a plan that was checked.
  returned: success
  type: list
  elements: dict
  sample: [{name: waves, value: 4, at_least: 4, proved: true}]
groups:
  description: Members that move together, and why.
  returned: success
  type: list
  elements: dict
capacity:
  description: What members take of each app host and PostgreSQL cluster in the end.
  returned: success
  type: list
  elements: dict
  sample: [{subject: app host app1, resource: memory MB, used: 4096, room: 8192, percent: 50}]
calendar:
  description: The dates of the plan, each with what holds on it.
  returned: success
  type: list
  elements: dict
problems:
  description: Every constraint that an edited plan does not keep, or those that contradict each other.
  returned: failure
  type: list
  elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import Action, conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.planning import make
from ansible_collections.erpops.odoo.plugins.module_utils.planning.arguments import PLAN
from ansible_collections.erpops.odoo.plugins.module_utils.planning.cp import ORTOOLS_ERROR
from ansible_collections.erpops.odoo.plugins.module_utils.planning.plan_file import YAML_ERROR, write

ARGUMENTS: dict[str, Any] = PLAN


def run(module: AnsibleModule) -> None:
    for library, error in (("ortools", ORTOOLS_ERROR), ("PyYAML", YAML_ERROR)):
        if error is not None:
            module.fail_json(msg=missing_required_lib(library, reason="on the controller"), exception=error)
    parameters = module.params
    outcome = make.planned(parameters)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.made and not module.check_mode:
        write(Path(parameters["file"]), outcome.text)
    count = f"{len(outcome.after)} members in {len({each['date'] for each in outcome.after.values()})} waves"
    conclude(
        module,
        before=outcome.before,
        after=outcome.after,
        actions=[Action("write", f"plan {parameters['file']}", count)] if outcome.made else [],
        **make.page(outcome),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
