"""Running a program in a process of its own, with switches and a cache directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program; the switches of this process are not handed on, and nothing is cached unless asked."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LITHOGRAPH_")}
    inherited |= {"LITHOGRAPH_CACHE": "off"}
    inherited |= {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**inherited, **environment},
    )


def output_of(code: str, **environment: str) -> str:
    """What a program prints; it must end well."""
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
