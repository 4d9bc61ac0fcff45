"""Every benchmark and evaluation starts and explains itself; what they measure is nobody's test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(p for folder in ("bench", "tests/eval") for p in (ROOT / folder).glob("*.py")
                  if not p.name.startswith("_"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_bench__explains_itself(program):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/tests:{program.parent}"}
    done = subprocess.run([sys.executable, str(program), "--help"], capture_output=True, text=True, cwd=ROOT,
                          env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()
