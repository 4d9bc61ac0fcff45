"""Installs the Debian packages that are missing; asks the registry only if one is."""

import os
import shutil
import subprocess

from .errors import BootstrapError
from .run import run

HINT = "is the package registry reached? try: apt-get update"


def missing(names: list[str]) -> list[str]:
    if not names or not shutil.which("dpkg-query"):
        return []
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    present = {line.split()[0] for line in query.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in present]


def install(names: list[str], report, offline: bool) -> bool:
    """True if something had to be installed."""
    wanted = missing(names)
    if not wanted:
        return False
    if offline:
        raise BootstrapError(f"offline, and these Debian packages are missing: {' '.join(wanted)}",
                             f"apt-get install {' '.join(wanted)}")
    command = [] if os.geteuid() == 0 else ["sudo"]
    if command and not shutil.which("sudo"):
        raise BootstrapError("Debian packages are missing and neither root nor sudo is at hand",
                             f"as root: apt-get update && apt-get install {' '.join(wanted)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with report.step("apt", f"installing {len(wanted)} Debian packages: {' '.join(wanted)}") as step:
        run([*command, "apt-get", "-q", "update"], env=quiet, hint=HINT)
        seen = [0, 1]

        def progress(line: str) -> None:
            if "newly installed" in line:
                seen[1] = 2 * int(line.split(" upgraded, ")[1].split()[0])
            elif line.startswith(("Unpacking ", "Setting up ")):
                seen[0] += 1
                step.advance(min(seen), seen[1])

        run([*command, "apt-get", "-q", "install", "-y", "--no-install-recommends",
             "-o", "Dpkg::Lock::Timeout=300", *wanted],
            env=quiet, on_line=progress, hint=HINT)
    return True
