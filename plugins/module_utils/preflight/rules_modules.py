# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the database and their code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ansible_collections.erpops.odoo.plugins.module_utils.preflight.model import Area, Facts, Subject, named

AREA = Area("Modules and custom code")
MUCH_CODE = 3000
WITH_ODOO = (  # what Odoo itself depends on, in some version from 12 to 19; names as manifests write them, lower case
    "asn1crypto", "babel", "chardet", "cbor2", "cryptography", "dateutil", "decorator", "docutils", "ebaysdk",
    "freezegun", "geoip2", "gevent", "greenlet", "html2text", "idna", "jinja2", "libsass", "lxml", "mako",
    "markupsafe", "mock", "num2words", "ofxparse", "openpyxl", "openssl", "ldap", "passlib", "pil", "pillow", "polib",
    "psutil", "psycopg2", "pydot", "pyparsing", "pypdf2", "pyserial", "python-dateutil", "python-ldap",
    "python-stdnum", "pytz", "pyusb", "qrcode", "reportlab", "requests", "rjsmin", "serial", "stdnum", "suds",
    "suds-jurko", "urllib3", "usb", "vatnumber", "vobject", "werkzeug", "xlrd", "xlsxwriter", "xlwt", "zeep",
)  # fmt: skip


def of_origin(its: Subject, *origins: str) -> list[str]:
    return [each["name"] for each in its.database["modules"] if each["origin"] in origins]


def own_code(its: Subject) -> list[Facts]:
    """The code of the database's modules that are not Odoo's own."""
    return [each for each in its.host["modules_on_disk"] if each["name"] in its.installed]


@AREA.rule("high", "Operations on modules were not finished", "Finish or cancel them in Odoo first.", blocker=True)
def pending_modules(its: Subject) -> str:
    pending = [f"{each['name']} ({each['state']})" for each in its.database["modules"]
               if each["state"].startswith("to ")]  # fmt: skip
    return named(pending, "Operations that were not finished: {}.")


@AREA.rule(
    "high", "The code of installed modules is nowhere",
    "Find the code, or uninstall them and clean up what they left; or say that nobody needs them any more "
    "(wave_move_dropped_modules).", blocker=True,
)  # fmt: skip
def missing_modules(its: Subject) -> str:
    dropped: Sequence[str] = its.target.dropped_modules if its.target else ()
    missing = [name for name in of_origin(its, "missing") if name not in dropped]
    return named(missing, "Installed, but their code is nowhere: {}.")


@AREA.rule(
    "low", "Modules are left behind on purpose", "The rehearsal shows what of them remains in views and menus.",
)  # fmt: skip
def dropped_modules(its: Subject) -> str:
    dropped = its.target.dropped_modules if its.target else ()
    return named([name for name in dropped if name in its.installed], "wave_move_dropped_modules names {}.")


@AREA.rule(
    "medium", "Modules that are not Odoo's own are not declared",
    "Declare them as modules of the tenant or its instance, and see that the instance's image has their code.",
)  # fmt: skip
def undeclared_modules(its: Subject) -> str:
    declared = {*its.tenant.modules, *its.tenant.instance.modules}
    return named([name for name in of_origin(its, "custom", "community") if name not in declared], "Not declared: {}.")


@AREA.rule(
    "medium", "Declared modules are not in the database",
    "Install them on the source before the move, or take them out of the declaration of the tenant or its instance.",
)  # fmt: skip
def declared_not_installed(its: Subject) -> str:
    declared = [*its.tenant.instance.modules, *its.tenant.modules]
    return named([name for name in declared if name not in its.installed], "Declared, but not installed: {}.")


@AREA.rule(
    "medium", "The code of a module is there more than once",
    "Odoo takes the first in addons_path: put that one into the image, and look what the others differ in.",
)  # fmt: skip
def modules_twice(its: Subject) -> str:
    names = [each["name"] for each in own_code(its)]
    return named(sorted({name for name in names if names.count(name) > 1}), "Twice on the disk: {}.")


@AREA.rule(
    "medium", "The code of modules is newer than the database",
    "Update them on the source before seeding, or let the cutover do it (wave_move_update, gate update).",
)  # fmt: skip
def modules_to_update(its: Subject) -> str:
    series = its.database["odoo_version"] or ""
    found = []
    for each in own_code(its):
        wanted, there = each["version"], its.installed[each["name"]]["version"] or ""
        full = wanted if wanted.startswith(f"{series}.") else f"{series}.{wanted}"
        if wanted and full != there:
            found.append(f"{each['name']} ({there} installed, {full} on the disk)")
    return named(found, "{}.")


@AREA.rule(
    "medium", "Modules are installed in the version of another Odoo",
    "An upgrade left them behind: update or uninstall them on the source.",
)  # fmt: skip
def modules_of_other_series(its: Subject) -> str:
    series = its.database["odoo_version"] or ""
    found = [f"{each['name']} ({each['version']})" for each in its.database["modules"]
             if series and each["version"] and each["version"].count(".") >= 3
             and not each["version"].startswith(f"{series}.") and each["origin"] != "missing"]  # fmt: skip
    return named(found, f"Not of {series}: {{}}.")


@AREA.rule(
    "medium", "Modules need Python packages that Odoo does not bring",
    "Add them to the instance's image (python of odoo_images).",
)  # fmt: skip
def python_packages(its: Subject) -> str:
    wanted = {name for each in own_code(its) for name in each.get("python", ())}
    return named(sorted(name for name in wanted if name.lower() not in WITH_ODOO), "They need {}.")


@AREA.rule(
    "medium", "Modules use folders of the host",
    "Those folders are not in the container: keep the files in the filestore, or fetch them over the network.",
)  # fmt: skip
def folders_in_code(its: Subject) -> str:
    found = [f"{each['name']} ({mention})" for each in own_code(its) for mention in each["mentions"]
             if mention.startswith("/")]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "medium", "Modules name addresses in their code",
    "Open them to the tenant's unit on the target, and tell their owners the address that it comes from.",
)  # fmt: skip
def addresses_in_code(its: Subject) -> str:
    found = [f"{each['name']} ({mention})" for each in own_code(its) for mention in each["mentions"]
             if "://" in mention]  # fmt: skip
    return named(found, "{}.")


@AREA.rule(
    "low", "There is much custom code", "Give the customer an instance with an image of its own, and rehearse longer.",
)  # fmt: skip
def much_code(its: Subject) -> str:
    lines = sum(each["python_lines"] for each in own_code(its) if each["origin"] == "custom")
    return f"{lines} lines of Python." if lines > MUCH_CODE else ""


@AREA.rule(
    "low", "Custom modules state no licence", "Ask their author whether they may run on the estate's hosts.",
)  # fmt: skip
def no_licence(its: Subject) -> str:
    return named([each["name"] for each in own_code(its) if not each["license"]], "{}.")


@AREA.rule(
    "low", "Models, fields or actions were made by hand",
    "They move with the database, and no module has them: note them for the next upgrade.",
)  # fmt: skip
def made_by_hand(its: Subject) -> str:
    by_hand = its.database["by_hand"]
    found = [f"{by_hand[kind]} {kind}" for kind in ("models", "fields", "actions") if by_hand.get(kind)]
    return named(found, "{}.")


@AREA.rule(
    "low", "Views were edited in the database",
    "They move with it; an update of their module may overwrite or break them: look at them in the rehearsal.",
)  # fmt: skip
def edited_views(its: Subject) -> str:
    number = its.database["by_hand"].get("views") or 0
    return f"{number} views were edited." if number else ""


@AREA.rule(
    "medium", "The database is of Odoo Enterprise",
    "The instance's image needs Enterprise's code, and the customer's contract must cover it there.",
)  # fmt: skip
def enterprise(its: Subject) -> str:
    found = [name for name, each in its.installed.items() if str(each.get("license")).startswith("OEEL")]
    return f"{len(found)} modules, such as {found[0]}." if found else ""


@AREA.rule(
    "medium", "The Enterprise contract is over or ends soon",
    "Renew it first: an expired database locks its users out.",
)  # fmt: skip
def subscription_ends(its: Subject) -> str:
    text = str(its.database["parameters"].get("database.expiration_date") or "")
    soon = str(its.today + timedelta(days=30))
    return f"It ends on {text[:10]}." if text and text[:10] < soon else ""
