# Copyright: (c) erpops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for pip's bootstrap script: Python brings a pip along, which installs the version that is asked for."""

from __future__ import annotations

import ensurepip
import subprocess
import sys
from pathlib import Path

DISTRIBUTION_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

ensurepip.bootstrap()
packages = [argument for argument in sys.argv[1:] if "==" in argument]
# The caller passes no environment on, so a CA that is only set by variable would be lost.
certificates = ["--cert", str(DISTRIBUTION_CERTIFICATES)] if DISTRIBUTION_CERTIFICATES.exists() else []
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *certificates, *packages], check=True)
