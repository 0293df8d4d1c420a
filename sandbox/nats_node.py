"""nats-servers with JetStream: one, or a cluster."""

import json
import os
import re
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path

import cache
from place import Place, peers_of
from processes import start

PORTS = ["client", "monitor"]
# A server of a cluster has one more, on which the others find it.
CLUSTER_PORTS = [*PORTS, "route"]
PATIENCE = 180.0

# `max_file_store` is said so that a manifest's `max_bytes` never depends on the free disk of the machine.
CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{store}", max_memory_store: 4GB, max_file_store: 4TB }}
"""


# Every server carries the tags that a placement may ask for: one that all have, and one of its own.
CLUSTER = """\
server_tags: ["disk:ssd", "node:{name}"]
cluster {{ name: "sandbox", listen: "127.0.0.1:{route}", routes: [{routes}] }}
"""


def launch(place: Place, name: str, broker: dict) -> None:
    """Starts the server and records its process."""
    binary = cache.nats_server()
    config = write_config(place, name, broker)
    process = start([str(binary), "-c", str(config)], place.log(name))
    place.record(name, broker | {"process": process.document(), "binary": str(binary)})


def keep_extra(place: Place, name: str, extra: Path) -> bool:
    """Keeps a file of more configuration for the server (it may use `$SANDBOX_CERTS/...`); whether it makes a cluster of it."""
    folder = place / "nats" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = extra.read_text().replace("$SANDBOX_CERTS", str(place / "certs"))
    (folder / "extra.conf").write_text(text)
    return bool(re.search(r"^\s*[\"']?cluster[\"']?\s*[:={]", text, re.MULTILINE))


def write_config(place: Place, name: str, broker: dict) -> Path:
    folder = place / "nats" / name
    (folder / "jetstream").mkdir(parents=True, exist_ok=True)
    ports = broker["ports"]
    text = CONFIG.format(name=name, store=folder / "jetstream", client=ports["client"], monitor=ports["monitor"])
    if len(peers_of(broker)) > 1:
        routes = ", ".join(f'"nats-route://127.0.0.1:{peer["route"]}"' for peer in peers_of(broker))
        text += CLUSTER.format(name=name, route=ports["route"], routes=routes)
    if (folder / "extra.conf").exists():
        text += 'include "extra.conf"\n'
    config = folder / "nats-server.conf"
    config.write_text(text)
    return config


def lacks(broker: dict) -> str | None:
    """What the server still lacks; nothing when it says that it is healthy, JetStream included, and answers a client.

    A server that its own configuration puts into a cluster is waited for only until JetStream is enabled: the cluster is
    healthy when enough of its servers are there, and somebody has to start them.
    """
    extra = broker["extra"]
    query = "?js-enabled-only=true" if extra == "cluster" else ""
    unwell = illness(broker["ports"]["monitor"], query)
    if unwell:
        return unwell
    return None if extra or answers(broker["ports"]["client"]) else "no answer from JetStream"


def illness(port: int, query: str) -> str | None:
    """What the server says of its health; nothing when it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz{query}", timeout=5) as answer:
            return None if json.load(answer).get("status") == "ok" else "it does not say that it is healthy"
    except urllib.error.HTTPError as unwell:
        return f"it says: {unwell.read(300).decode(errors='replace').strip()}"
    except (OSError, ValueError):
        return "its monitoring port does not answer"


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
    """Where the server is; all servers, where it is of the sandbox's cluster."""
    return ",".join(f"nats://127.0.0.1:{ports['client']}" for ports in peers_of(broker))


def run_cli(place: Place, broker: dict, arguments: list[str]) -> None:
    """Becomes the `nats` command-line tool, aimed at the sandbox; the user's own contexts are not read."""
    tool = str(cache.nats_cli())
    home = place / "nats-cli"
    home.mkdir(exist_ok=True)
    os.execve(tool, [tool, "--server", url(broker), *arguments], os.environ | {"XDG_CONFIG_HOME": str(home)})

