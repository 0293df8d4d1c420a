"""The life of a sandbox: up, down, restart, frozen and thawed, and the watcher that ends it with its owner."""

import os
import signal
import sys
import time
from pathlib import Path

import kafka_node
import nats_node
from certs import make_certs
from place import Place, is_free, process_of
from problem import Problem, say
from processes import Process, start, stop

BROKERS = ["nats", "kafka"]
# A slow machine that also compiles needs over a minute for Kafka.
PATIENCE = 600.0
LAUNCHES = 3
LOG_TAIL = 40


def up(place: Place, names: list[str], owner: Process | None) -> None:
    """Starts those of the brokers that do not run, and waits until they answer."""
    with place.locked():
        for name in names:
            if frozen(place, name):
                raise Problem(f"`{name}` is frozen; go on with `sandbox/sandbox thaw --dir {place.folder}`")
        missing = [name for name in names if not running(place, name)]
        if not missing:
            say(f"already up in `{place.folder}`" + (", and stays up without its owner" if owner and not watched(place) else ""))
            return
        bring_up(place, {name: None for name in missing}, owner)
    say(f"up in `{place.folder}`; to use it: eval \"$(sandbox/sandbox env --dir {place.folder})\"")


def up_nats(place: Place, name: str, extra: Path, owner: Process | None) -> str:
    """Starts one more nats-server, with a file of more configuration; its URL."""
    if not extra.is_file():
        raise Problem(f"`{extra}` is no file")
    with place.locked():
        if running(place, name):
            say(f"`{name}` is already up in `{place.folder}`")
        else:
            bring_up(place, {name: extra}, owner)
        return nats_node.url(place.broker(name))


def bring_up(place: Place, extras: dict[str, Path | None], owner: Process | None) -> None:
    make_certs(place / "certs")
    if owner is not None and not watched(place):
        start_watcher(place, owner)
    try:
        for name, extra in extras.items():
            launch(place, name, extra)
        for name in extras:
            await_ready(place, name, owner)
    except BaseException:
        stop_brokers(place, list(extras))
        raise


def launch(place: Place, name: str, extra: Path | None = None) -> None:
    if name == "kafka":
        kafka_node.launch(place, name)
    else:
        nats_node.launch(place, name, extra)


def await_ready(place: Place, name: str, owner: Process | None = None) -> None:
    """Waits for the broker's own answer; starts it again when somebody else was faster to take its port."""
    deadline = time.monotonic() + PATIENCE
    launches = 1
    while not ready(place, name):
        if not running(place, name):
            tail = log_tail(place, name)
            if launches == LAUNCHES or "already in use" not in tail:
                raise Problem(f"`{name}` ended while it was starting; the end of its log:\n{tail}")
            launches += 1
            launch(place, name)
        if owner is not None and not owner.alive():
            raise Problem(f"the owner, process `{owner.pid}`, is gone")
        if time.monotonic() > deadline:
            raise Problem(f"`{name}` does not answer after {PATIENCE:.0f} s; the end of its log:\n{log_tail(place, name)}")
        time.sleep(0.1)
    say(f"`{name}` answers")


def ready(place: Place, name: str) -> bool:
    broker = place.broker(name)
    node = kafka_node if broker["kind"] == "kafka" else nats_node
    return node.ready(broker)


def running(place: Place, name: str) -> bool:
    process = process_of(place.read()["brokers"].get(name, {}))
    return process is not None and process.alive()


def frozen(place: Place, name: str) -> bool:
    process = process_of(place.read()["brokers"].get(name, {}))
    return process is not None and process.frozen()


def log_tail(place: Place, name: str) -> str:
    lines = place.log(name).read_text(errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL:]) or "(empty)"


def down(place: Place, keep: bool) -> None:
    """Stops what was started here and waits until it is gone; removes its data unless told to keep it."""
    if not place.folder.is_dir():
        say(f"nothing is up in `{place.folder}`")
        return
    with place.locked():
        state = place.read()
        watcher = watched(place)
        if watcher is not None and watcher.pid != os.getpid():
            stop([watcher])
        stop_brokers(place, list(state["brokers"]))
        if not keep:
            place.remove()
    say(f"down in `{place.folder}`" + (", data kept" if keep else ""))


def stop_brokers(place: Place, names: list[str]) -> None:
    state = place.read()
    brokers = [state["brokers"][name] for name in names if name in state["brokers"]]
    stop([process for process in map(process_of, brokers) if process is not None])
    for broker in brokers:
        broker["process"] = None
    if place.folder.is_dir():
        place.write(state)


def restart(place: Place, name: str) -> None:
    """Stops one broker and starts it again, with its ports and its data."""
    with place.locked():
        ports = place.broker(name)["ports"]
        stop_brokers(place, [name])
        taken = [str(port) for port in ports.values() if not is_free(port)]
        if taken:
            raise Problem(f"`{name}` is stopped and cannot have its ports back: somebody took {', '.join(taken)}")
        launch(place, name)
        await_ready(place, name)


def freeze(place: Place, name: str) -> None:
    """Stops a broker's clock: its connections stay open and nobody answers."""
    process = living(place, name)
    process.signal(signal.SIGSTOP)
    while process.alive() and not process.frozen():
        time.sleep(0.01)
    say(f"`{name}` is frozen")


def thaw(place: Place, names: list[str]) -> None:
    for name in names:
        living(place, name).signal(signal.SIGCONT)
        say(f"`{name}` is thawed")


def living(place: Place, name: str) -> Process:
    process = process_of(place.broker(name))
    if process is None or not process.alive():
        raise Problem(f"`{name}` is not running in `{place.folder}`; its log is `{place.log(name)}`")
    return process


def start_watcher(place: Place, owner: Process) -> None:
    """Starts the process that takes the sandbox down when its owner is gone, however the owner ended."""
    command = [sys.executable, str(Path(__file__).with_name("sandbox")), "watch", "--dir", str(place.folder)]
    watcher = start([*command, "--owner-pid", str(owner.pid), "--owner-born", owner.born], place.log("watcher"))
    state = place.read()
    state["watcher"] = watcher.document()
    place.write(state)


def watch(place: Place, owner: Process) -> None:
    """Waits for the end of the owner, or of the sandbox; a folder that was removed by hand takes its brokers with it."""
    brokers: list[Process] = []
    while owner.alive():
        if not place.folder.is_dir():
            stop(brokers)
            return
        brokers = [process for process in map(process_of, place.read()["brokers"].values()) if process is not None]
        time.sleep(0.5)
    down(place, keep=False)


def watched(place: Place) -> Process | None:
    """The watcher, while there is one."""
    document = place.read().get("watcher")
    watcher = Process(**document) if document else None
    return watcher if watcher is not None and watcher.alive() else None

