#!/usr/bin/python
# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: odoo_image
short_description: Build OCI images of Odoo reproducibly, push them, and tell their digests
version_added: 0.1.0
description:
  - Builds images from Debian's packages, with addons from Python wheels and from folders on top, into a cache of OCI
    layouts. No clock and no name of a host or mirror gets into an image, so that the same inputs give the same digest.
  - Odoo 14 comes from Debian 11; Odoo 19 from Debian unstable, on Debian 13.
  - An image runs as any user, with a read-only root file system. Addons lie in C(/opt/erpops/addons), and
    C(/opt/erpops/modules.json) tells the version of every module in the image.
  - A cached image is built again when its declaration, an addon folder's content, or the way in which images are made
    changes. That the archive has newer packages is no such change; O(refresh) asks for them.
  - Runs on a host of the C(builder) group, as root. It needs mmdebstrap, zstd, skopeo and, for wheels, pip.
author:
  - erpops maintainers (@erpops)
options:
  images:
    description: The images.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the image, by which its reference is returned.
        type: str
        required: true
      version:
        description: Version of Odoo.
        type: str
        required: true
        choices: ["14.0", "19.0"]
      repository:
        description: Repository in the registry. Defaults to the name.
        type: str
      packages:
        description: Further Debian packages, of the image's own Debian release; C(NAME=VERSION) pins one.
        type: list
        elements: str
        default: []
      languages:
        description:
          - Translations to keep, such as V(fr); V(fr_CA) comes with V(fr). All of them where it is not given; they are
            two thirds of Odoo's size.
        type: list
        elements: str
      addons:
        description:
          - Wheels to take addons, or Python libraries that they need, from; each pinned as C(NAME==VERSION). What they
            depend on is not added by itself, but missed.
        type: list
        elements: str
        default: []
      addon_folders:
        description: Folders on the builder, each of which is an addon.
        type: list
        elements: path
        default: []
  common_addon_folders:
    description: Folders on the builder, each of which is an addon, for all images.
    type: list
    elements: path
    default: []
  cache:
    description: Where images and their parts are kept.
    type: path
    default: /var/cache/erpops/images
  mirror:
    description: Address of the Debian mirror. Defaults to the one that the builder's own apt uses.
    type: str
  refresh:
    description:
      - Build the base layers again, from what the archive has now. The same packages give the same digest, which is
        then no change.
      - Check mode cannot tell what would come of it, and does not try.
    type: bool
    default: false
  registry:
    description: Host and port of the registry to push to. Without it images stay in the cache.
    type: str
  registry_tls:
    description: Whether the registry speaks TLS, with a certificate that the builder trusts.
    type: bool
    default: true
  registry_username:
    description: User of the registry.
    type: str
  registry_password:
    description: Password of O(registry_username).
    type: str
  store:
    description:
      - A podman image store (graph root) to unpack the images into as well, for hosts that share it read-only.
    type: path
attributes:
  check_mode:
    support: full
    description: Reports what a run would do and changes nothing.
  diff_mode:
    support: full
    description: Shows the images' digests before and after, and where they lie.
  idempotent:
    support: full
    description: A second run with the same declaration changes nothing.
seealso:
  - name: OCI image specification
    description: The format of the images.
    link: https://github.com/opencontainers/image-spec
"""

EXAMPLES = r"""
- name: Images of the estate, in its registry
  erpops.odoo.odoo_image:
    images:
      - name: odoo19
        version: "19.0"
        languages: [de, fr]
        addons:
          - odoo-addon-queue-job==19.0.1.0.0
      - name: odoo14
        version: "14.0"
    registry: registry.example.com
  register: images
"""

RETURN = r"""
images:
  description: The images, as declared.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the image.
      type: str
    version:
      description: Version of Odoo.
      type: str
    digest:
      description: Digest of its manifest; empty where check mode cannot know it.
      type: str
    reference:
      description: The reference by digest that an instance's C(image) takes; empty where check mode cannot know it.
      type: str
    labels:
      description: Where it comes from, with versions.
      type: dict
    layout:
      description: The OCI layout on the builder; empty where check mode cannot know it.
      type: str
references:
  description: References by the images' names, of those that are known.
  returned: success
  type: dict
  sample: {odoo19: "registry.example.com/odoo19@sha256:…"}
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.erpops.odoo.plugins.module_utils.common.contract import conclude, guarded
from ansible_collections.erpops.odoo.plugins.module_utils.image.converge import Wish, converge
from ansible_collections.erpops.odoo.plugins.module_utils.image.model import RELEASES, images_from

IMAGE = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True, "choices": sorted(RELEASES)},
    "repository": {"type": "str"},
    "packages": {"type": "list", "elements": "str", "default": []},
    "languages": {"type": "list", "elements": "str"},
    "addons": {"type": "list", "elements": "str", "default": []},
    "addon_folders": {"type": "list", "elements": "path", "default": []},
}

ARGUMENTS = {
    "images": {"type": "list", "elements": "dict", "required": True, "options": IMAGE},
    "common_addon_folders": {"type": "list", "elements": "path", "default": []},
    "cache": {"type": "path", "default": "/var/cache/erpops/images"},
    "mirror": {"type": "str"},
    "refresh": {"type": "bool", "default": False},
    "registry": {"type": "str"},
    "registry_tls": {"type": "bool", "default": True},
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "store": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_together=[("registry_username", "registry_password")],
        required_by={"registry_username": "registry"},
        supports_check_mode=True,
    )

    def work() -> None:
        given = {key: value for key, value in module.params.items() if key not in ("images", "common_addon_folders")}
        wish = Wish.of(images_from(module.params["images"], module.params["common_addon_folders"]), given)
        outcome = converge(wish, check_mode=module.check_mode)
        conclude(
            module,
            before=outcome.before,
            after=outcome.after,
            actions=outcome.actions,
            images=outcome.images,
            references=outcome.references,
        )

    guarded(module, work)


if __name__ == "__main__":
    main()
