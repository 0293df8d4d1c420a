"""One sandbox is one folder: its lock, its record of processes and ports, its data and logs."""

import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
from pathlib import Path

from problem import Problem, say
from processes import Process

STATE = "state.json"
LOCK = ".lock"
# What this program makes in the folder; `down` removes these and nothing else.
OURS = ["certs", "kafka", "logs", "nats", "nats-cli", STATE]
# Below the range from which Linux takes ports for outgoing connections, so that nobody borrows one during a restart.
PORTS = range(15000, 30000)


class Place:
    """The folder of one sandbox."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def log(self, name: str) -> Path:
        return self / "logs" / f"{name}.log"

    def read(self) -> dict:
        """The record: `brokers` by name and `watcher`; empty when there is no sandbox here."""
        try:
            return json.loads((self / STATE).read_text())
        except FileNotFoundError:
            return {"brokers": {}}

    def write(self, state: dict) -> None:
        fresh = self / f"{STATE}.new"
        fresh.write_text(json.dumps(state, indent=2) + "\n")
        fresh.rename(self / STATE)

    def record(self, name: str, broker: dict) -> None:
        """Notes one broker, at once, so that a command that is killed leaves nothing unknown behind."""
        state = self.read()
        state["brokers"][name] = broker
        self.write(state)

    def broker(self, name: str) -> dict:
        """The record of one broker that has a process."""
        brokers = self.read()["brokers"]
        if name not in brokers or process_of(brokers[name]) is None:
            known = ", ".join(f"`{known}`" for known in brokers) or "none"
            raise Problem(f"there is no broker `{name}` in `{self.folder}` (there: {known}); start it with `sandbox/sandbox up`")
        return brokers[name]

    @contextlib.contextmanager
    def locked(self):
        """Holds the folder for one command; waits for the one that holds it now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked_file(self / LOCK):
            yield

    def remove(self) -> None:
        """Removes what the sandbox made, and the folder itself when nothing else is in it."""
        for name in OURS:
            path = self / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        (self / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def peers_of(broker: dict) -> list[dict[str, int]]:
    """The ports of every node of the broker's cluster; its own when it is alone."""
    return list((broker.get("peers") or {"": broker["ports"]}).values())


def process_of(broker: dict) -> Process | None:
    document = broker.get("process")
    return Process(**document) if document else None


@contextlib.contextmanager
def locked_file(path: Path):
    """An exclusive lock that ends with its holder, also when the holder is killed."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another command, which holds `{path}`")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not same_file(lock.fileno(), path):
                continue  # somebody removed the file while we waited for it
            yield
            return


def same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def free_ports(names: list[str], taken: dict[str, int]) -> dict[str, int]:
    """A port for each name: the one it had before when that is still free, otherwise a new one."""
    chosen: dict[str, int] = {}
    for name in names:
        before = taken.get(name)
        chosen[name] = before if before and is_free(before) else free_port(set(chosen.values()))
    return chosen


def free_port(besides: set[int]) -> int:
    dice = random.SystemRandom()
    for _ in range(1000):
        port = dice.choice(PORTS)
        if port not in besides and is_free(port):
            return port
    raise Problem(f"no free port on 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
