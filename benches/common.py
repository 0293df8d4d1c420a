"""What both benches measure with."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SANDBOX = ROOT / "sandbox" / "sandbox"


def say(text: str) -> None:
    print(f"benches: {text}", file=sys.stderr, flush=True)


def build() -> dict[str, str]:
    say("building trueup, bare and hello, optimised")
    command = ["cargo", "build", "--release", "--locked", "--message-format", "json", "--bin", "trueup"]
    command += ["--example", "bare", "--example", "hello"]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    made = (json.loads(line) for line in told.splitlines())
    return {m["target"]["name"]: m["executable"] for m in made if m.get("executable")}


class Measured:
    """What one run of a command took."""

    def __init__(self, wall: float, cpu: float, peak: int, code: int):
        self.wall, self.cpu, self.peak, self.code = wall, cpu, peak, code


def measure(command: list[str], env: dict[str, str] | None = None, expect: int = 0) -> Measured:
    """Runs a command; wall and CPU seconds (of its children, too) and peak memory in MiB."""
    log = tempfile.TemporaryFile()
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code != expect:
        log.seek(0)
        sys.exit(f"benches: {' '.join(command)} ended with {code}:\n{log.read().decode()[-2000:]}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, code)


@contextmanager
def sandbox(only: str | None = None):
    """A broker of its own, or one of each, started fresh; the environment to reach it."""
    folder = tempfile.mkdtemp(prefix="trueup-bench.")
    try:
        which = ["--only", only] if only else []
        subprocess.run([SANDBOX, "up", "--dir", folder, *which, "--owner-pid", str(os.getpid())], check=True, stdout=sys.stderr)
        told = subprocess.run([SANDBOX, "env", "--dir", folder], check=True, stdout=subprocess.PIPE, text=True).stdout
        env = dict(os.environ)
        env.update(re.findall(r"^export (\w+)=(.*)$", told, re.MULTILINE))
        yield env
    finally:
        subprocess.run([SANDBOX, "down", "--dir", folder], stdout=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


def write_between(file: Path, mark: str, text: str) -> None:
    """Replaces what is between two marks of a Markdown file."""
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
    before, rest = file.read_text().split(begin)
    file.write_text(before + begin + text + end + rest.split(end)[1])
