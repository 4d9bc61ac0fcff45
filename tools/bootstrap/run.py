"""Runs one external command; its output is kept and shown only when it fails."""

import os
import shutil
import subprocess
from collections import deque

from .errors import BootstrapError

TAIL_LINES = 25


def need_tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise BootstrapError(f"the program '{name}' is missing",
                             "run script/bootstrap without --only, so that apt installs it")
    return found


def run(command: list, cwd=None, env=None, on_line=None, hint: str = "") -> str:
    """Returns the output; raises with its last lines when the command fails."""
    environment = {**os.environ, **(env or {})}
    try:
        child = subprocess.Popen([str(c) for c in command], cwd=cwd, env=environment, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, errors="replace")
    except FileNotFoundError:
        raise BootstrapError(f"the program '{command[0]}' is missing") from None
    lines, tail = [], deque(maxlen=TAIL_LINES)
    for line in child.stdout:
        lines.append(line)
        tail.append(line)
        if on_line:
            on_line(line)
    if child.wait() != 0:
        shown = " ".join(str(c) for c in command[:6])
        raise BootstrapError(f"'{shown} ...' failed with {child.returncode}:\n{''.join(tail)}", hint)
    return "".join(lines)
