"""One nats-server with JetStream."""

import json
import os
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path

import cache
from place import Place, free_ports
from processes import start

# `max_file_store` is said so that a manifest's `max_bytes` never depends on the free disk of the machine.
CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{store}", max_memory_store: 4GB, max_file_store: 4TB }}
"""


def launch(place: Place, name: str, extra: Path | None = None) -> dict:
    """Starts the server and records it; with `extra`, a file of more configuration (it may use `$SANDBOX_CERTS/...`)."""
    before = place.read()["brokers"].get(name, {})
    binary = cache.nats_server()
    ports = free_ports(["client", "monitor"], before.get("ports", {}))
    config = write_config(place, name, ports, extra)
    process = start([str(binary), "-c", str(config)], place.log(name))
    broker = {
        "kind": "nats",
        "process": process.document(),
        "ports": ports,
        "extra": bool(extra) or before.get("extra", False),
        "binary": str(binary),
    }
    place.record(name, broker)
    return broker


def write_config(place: Place, name: str, ports: dict[str, int], extra: Path | None) -> Path:
    folder = place / "nats" / name
    (folder / "jetstream").mkdir(parents=True, exist_ok=True)
    kept = folder / "extra.conf"
    if extra is not None:
        certs = str(place / "certs")
        kept.write_text(extra.read_text().replace("$SANDBOX_CERTS", certs))
    text = CONFIG.format(name=name, store=folder / "jetstream", **ports)
    if kept.exists():
        text += 'include "extra.conf"\n'
    config = folder / "nats-server.conf"
    config.write_text(text)
    return config


def ready(broker: dict) -> bool:
    """Whether the server says that it is healthy, JetStream included, and answers a client."""
    return healthy(broker["ports"]["monitor"]) and (broker["extra"] or answers(broker["ports"]["client"]))


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return json.load(answer).get("status") == "ok"
    except (OSError, ValueError, urllib.error.URLError):
        return False


def answers(port: int) -> bool:
    """Asks for the account's JetStream state, in the client protocol."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
            wire.sendall(b'CONNECT {"verbose":false}\r\nSUB inbox 1\r\nPUB $JS.API.INFO inbox 0\r\n\r\n')
            heard = b""
            while b"account_info_response" not in heard:
                more = wire.recv(65536)
                if not more or b"-ERR" in heard:
                    return False
                heard += more
            return True
    except OSError:
        return False


def url(broker: dict) -> str:
    return f"nats://127.0.0.1:{broker['ports']['client']}"


def run_cli(place: Place, broker: dict, arguments: list[str]) -> None:
    """Becomes the `nats` command-line tool, aimed at the sandbox; the user's own contexts are not read."""
    tool = str(cache.nats_cli())
    home = place / "nats-cli"
    home.mkdir(exist_ok=True)
    os.execve(tool, [tool, "--server", url(broker), *arguments], os.environ | {"XDG_CONFIG_HOME": str(home)})


def forget_data(place: Place, name: str) -> None:
    shutil.rmtree(place / "nats" / name, ignore_errors=True)
