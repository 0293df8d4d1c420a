"""The life of a sandbox: up, down, restart, killed, frozen and thawed, and the watcher that ends it with its owner."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import kafka_node
import nats_node
from certs import make_certs
from place import Place, free_ports, is_free, peers_of, process_of
from problem import Problem, say
from processes import KILL_PATIENCE, Process, start, stop, wait_gone

KINDS = {"nats": nats_node, "kafka": kafka_node}
# How often a wait says that it goes on.
SAYING = 15.0
LAUNCHES = 3
LOG_TAIL = 40


def up(place: Place, counts: dict[str, int | None], owner: Process | None) -> None:
    """Starts those of the brokers that do not run, and waits until they answer: so many nodes of each kind, or as many as before."""
    with place.locked():
        names = [name for kind, count in counts.items() for name in nodes(place, kind, count)]
        for name in names:
            if frozen(place, name):
                raise Problem(f"`{name}` is frozen; go on with `sandbox/sandbox thaw --dir {place.folder}`")
        missing = [name for name in names if not running(place, name)]
        if not missing:
            say(f"already up in `{place.folder}`" + (", and stays up without its owner" if owner and not watched(place) else ""))
            return
        prepare(place, owner)
        for kind in counts:
            allocate(place, kind, [name for name in names if kind_of(name) == kind])
        with stopped_on_failure(place, missing):
            for name in missing:
                launch(place, name)
            for name in missing:
                await_ready(place, name, owner)
    say(f"up in `{place.folder}`; to use it: eval \"$(sandbox/sandbox env --dir {place.folder})\"")


def nodes(place: Place, kind: str, count: int | None) -> list[str]:
    """The names of the nodes of a kind: its own name for one, numbered for more."""
    known = [name for name, broker in place.read()["brokers"].items() if kind_of(name) == kind]
    if count is None and known:
        return known
    names = [kind] if (count or 1) == 1 else [f"{kind}-{node}" for node in range(1, count + 1)]
    if known and known != names:
        raise Problem(
            f"`{place.folder}` has `{' '.join(known)}`, not `{' '.join(names)}`; first take it `down`, without `--keep`"
        )
    return names


def kind_of(name: str) -> str | None:
    """The kind of a node that `up` starts; nothing for a further nats-server."""
    kind, _, number = name.partition("-")
    return kind if kind in KINDS and (name == kind or number.isdecimal()) else None


def allocate(place: Place, kind: str, names: list[str]) -> None:
    """Records the nodes of a kind with their ports: those they had where nobody took them, and none changes while another runs."""
    before = place.read()["brokers"]
    if any(running(place, name) for name in names):
        for name in names:
            if not running(place, name):
                ports_are_free(name, before[name]["ports"])
        return
    words = kafka_node.PORTS if kind == "kafka" else nats_node.PORTS if len(names) == 1 else nats_node.CLUSTER_PORTS
    had = {f"{name} {word}": port for name in names for word, port in before.get(name, {}).get("ports", {}).items()}
    chosen = free_ports([f"{name} {word}" for name in names for word in words], had)
    peers = {name: {word: chosen[f"{name} {word}"] for word in words} for name in names}
    cluster = before.get(names[0], {}).get("cluster") or kafka_node.new_cluster()
    for node, name in enumerate(names, 1):
        broker = {"kind": kind, "process": None, "ports": peers[name], "node": node, "peers": peers, "cluster": cluster}
        place.record(name, broker | {"extra": False})


def ports_are_free(name: str, ports: dict[str, int]) -> None:
    taken = [str(port) for port in ports.values() if not is_free(port)]
    if taken:
        raise Problem(f"`{name}` is stopped and cannot have its ports back: somebody took {', '.join(taken)}")


def up_nats(place: Place, name: str, extra: Path, owner: Process | None) -> str:
    """Starts one more nats-server, with a file of more configuration; its URL. The folder is free for others while it waits."""
    if not extra.is_file():
        raise Problem(f"`{extra}` is no file")
    if kind_of(name):
        raise Problem(f"`{name}` is what `up` calls one of its nodes; give the server another name with `--name`")
    with place.locked():
        if running(place, name):
            say(f"`{name}` is already up in `{place.folder}`")
            return nats_node.url(place.broker(name))
        prepare(place, owner)
        ports = free_ports(nats_node.PORTS, place.read()["brokers"].get(name, {}).get("ports", {}))
        kept = "cluster" if nats_node.keep_extra(place, name, extra) else "alone"
        place.record(name, {"kind": "nats", "process": None, "ports": ports, "extra": kept})
        launch(place, name)
    with stopped_on_failure(place, [name], place.locked):
        await_ready(place, name, owner, place.locked)
    return nats_node.url(place.broker(name))


def prepare(place: Place, owner: Process | None) -> None:
    make_certs(place / "certs")
    if owner is not None and not watched(place):
        start_watcher(place, owner)


@contextlib.contextmanager
def stopped_on_failure(place: Place, names: list[str], lock=contextlib.nullcontext):
    """Leaves nothing behind that did not come up."""
    try:
        yield
    except BaseException:
        with lock():
            stop_brokers(place, names)
        raise


def launch(place: Place, name: str) -> None:
    broker = place.read()["brokers"][name]
    KINDS[broker["kind"]].launch(place, name, broker)


def await_ready(place: Place, name: str, owner: Process | None = None, lock=contextlib.nullcontext) -> None:
    """Waits for the broker's own answer; starts it again when somebody else was faster to take its port."""
    began, launches = time.monotonic(), 1
    patience = KINDS[place.broker(name)["kind"]].PATIENCE
    said = began
    while (lacks := what_it_lacks(place, name)) is not None:
        now = time.monotonic()
        if not running(place, name):
            tail = log_tail(place, name)
            if launches == LAUNCHES or "already in use" not in tail or len(peers_of(place.broker(name))) > 1:
                raise Problem(f"`{name}` ended while it was starting; the end of its log:\n{tail}")
            launches += 1
            with lock():
                relaunch(place, name)
        if owner is not None and not owner.alive():
            raise Problem(f"the owner, process `{owner.pid}`, is gone")
        if now > began + patience:
            raise Problem(
                f"`{name}` is not ready after {patience:.0f} s: {lacks}{quorum(place, name)}; the end of its log:\n{log_tail(place, name)}"
            )
        if now > said + SAYING:
            said = now
            say(f"`{name}` is not ready yet, {now - began:.0f} s: {lacks}{quorum(place, name)}")
        time.sleep(0.1)
    say(f"`{name}` answers")


def relaunch(place: Place, name: str) -> None:
    """Starts a broker that stands alone on other ports, where somebody took some of them."""
    broker = place.read()["brokers"][name]
    ports = free_ports(list(broker["ports"]), broker["ports"])
    peers = {name: ports} if "peers" in broker else {}
    place.record(name, broker | {"ports": ports} | ({"peers": peers} if peers else {}))
    launch(place, name)


def what_it_lacks(place: Place, name: str) -> str | None:
    broker = place.broker(name)
    if broker["kind"] == "nats":
        return nats_node.lacks(broker)
    group = place.read()["brokers"].items()
    alive = {other.get("node", 1) for known, other in group if other["kind"] == "kafka" and living_node(place, known)}
    return kafka_node.lacks(broker, alive | {broker.get("node", 1)})


def living_node(place: Place, name: str) -> bool:
    return running(place, name) and not frozen(place, name)


def quorum(place: Place, name: str) -> str:
    """Says when a cluster can't work, because half of its nodes or more are not there."""
    kind, brokers = kind_of(name), place.read()["brokers"]
    group = [known for known in brokers if kind and kind_of(known) == kind]
    alive = [known for known in group if living_node(place, known)]
    if len(alive) * 2 > len(group) or not group:
        return ""
    return f" (only {len(alive)} of {len(group)} nodes run, which is no majority)"


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
        ports_are_free(name, ports)
        launch(place, name)
        await_ready(place, name)


def kill(place: Place, name: str) -> None:
    """Ends a broker at once, as a crash does; `restart` brings it back."""
    process = living(place, name)
    process.signal(signal.SIGKILL)
    if not wait_gone([process], KILL_PATIENCE):
        raise Problem(f"process `{process.pid}` does not end; end it by hand")
    say(f"`{name}` is killed")


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

