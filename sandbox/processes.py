"""Processes: who they are, started apart from us, signalled and stopped only while they are still who we started."""

import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from problem import Problem

TERM_PATIENCE = 60.0
KILL_PATIENCE = 30.0


@dataclass(frozen=True)
class Process:
    """A process by id and birth: an id alone may have been given to somebody else since."""

    pid: int
    born: str

    def alive(self) -> bool:
        return birth(self.pid) == self.born and condition(self.pid) != "Z"

    def frozen(self) -> bool:
        return self.alive() and condition(self.pid) == "T"

    def signal(self, number: int) -> None:
        """Sends a signal, unless the process is gone or its id is now somebody else's."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def document(self) -> dict:
        return asdict(self)


def start(command: list[str], log: Path, env: dict[str, str] | None = None) -> Process:
    """Starts a process in a session of its own, with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
        )
    CHILDREN.append(child)
    return identify(child.pid)


# Kept so that Python neither warns about them nor reaps them behind our back.
CHILDREN: list[subprocess.Popen] = []


def identify(pid: int) -> Process:
    """The process that has this id now."""
    born = birth(pid)
    if born is None:
        raise Problem(f"there is no process `{pid}`")
    return Process(pid, born)


def stop(processes: list[Process]) -> None:
    """Stops processes and waits until they are gone: asked first, killed when they don't listen."""
    for process in processes:
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
    if wait_gone(processes, TERM_PATIENCE):
        return
    for process in processes:
        process.signal(signal.SIGKILL)
    if not wait_gone(processes, KILL_PATIENCE):
        left = [str(process.pid) for process in processes if process.alive()]
        raise Problem(f"processes `{' '.join(left)}` do not end; end them by hand")


def wait_gone(processes: list[Process], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while any(process.alive() for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def birth(pid: int) -> str | None:
    """When a process was born, in the system's own words; nothing when there is none."""
    fields = stat(pid)
    if fields is not None:
        return f"{boot()}/{fields[19]}"
    return None if Path("/proc/self/stat").exists() else ps(pid, "lstart=")


def condition(pid: int) -> str:
    """One letter: `Z` ended but not yet collected by its parent, `T` frozen, others as in ps(1)."""
    fields = stat(pid)
    if fields is not None:
        return fields[0]
    return (ps(pid, "state=") or "Z")[:1]


def stat(pid: int) -> list[str] | None:
    """The fields of `/proc/PID/stat` after the name, which may itself hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def ps(pid: int, column: str) -> str | None:
    """One column of ps(1), for systems without `/proc`."""
    answer = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, text=True)
    return answer.stdout.strip() or None
