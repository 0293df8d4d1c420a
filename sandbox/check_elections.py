#!/usr/bin/env python3
"""trueup on clusters: a node down, leaders killed in the middle of an apply, no majority.

Usage: sandbox/check_elections.py FOLDER TRUEUP, where FOLDER is a sandbox of three nodes of each broker that run.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Whose words they are: the check that runs.
NAME = Path(sys.argv[0]).stem
SANDBOX = Path(__file__).with_name("sandbox")
NODES = ["nats-1", "nats-2", "nats-3", "kafka-1", "kafka-2", "kafka-3"]
# How long a command may take where a majority runs: some elections, on a slow machine.
PATIENCE = 240
# How long until "there is no majority" is said: 10 s to connect, 15 s for an election, and a slow machine.
NO_MAJORITY = 60

MANIFEST = """\
stack: {name}
nats:
  defaults: {{ stream: {{ num_replicas: 3, placement: {{ cluster: sandbox, tags: [disk:ssd] }} }} }}
  streams:
{streams}
kafka:
  defaults: {{ topic: {{ partitions: 1, replication_factor: 3, config: {{ min.insync.replicas: 2 }} }} }}
  topics:
{topics}
"""


def main() -> None:
    folder, trueup = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    cluster = Cluster(folder, trueup)
    small = cluster.manifest("few", 20)
    expect(cluster.run("apply", small, "--auto-approve"), 0)
    a_node_down(cluster, small)
    leaders_killed(cluster, cluster.manifest("many", 200))
    new = cluster.manifest("new", 3)
    no_majority(cluster, small, new, ["nats-1", "nats-3"], "leader", "+ stream/")
    no_majority(cluster, small, new, ["kafka-1", "kafka-3"], "hears nothing from the cluster's controller", "All is as it should be")
    a_stream_down(cluster)
    a_ledger_without_its_leader(cluster)


def a_node_down(cluster: "Cluster", manifest: Path) -> None:
    """With a node of each broker down, any, plan and drift say what they say when all are up."""
    whole = {command: expect(cluster.run(command, manifest), 0) for command in ["plan", "drift"]}
    for nodes in zip(NODES[:3], NODES[3:]):
        for node in nodes:
            cluster.sandbox("kill", node)
        for command, said in whole.items():
            now = expect(cluster.run(command, manifest), 0)
            check(now == said, f"`{command}` without {nodes} says otherwise:\n{now}\ninstead of:\n{said}")
        cluster.back(nodes)
    say("plan and drift are the same with any node down")


def leaders_killed(cluster: "Cluster", manifest: Path) -> None:
    """Both leaders are killed in the middle of an apply: it ends honestly, the next finishes, the third has nothing to do."""
    leaders = [cluster.meta_leader(), cluster.active_controller()]
    with ThreadPoolExecutor() as aside:
        running = aside.submit(cluster.run, "apply", manifest, "--auto-approve")
        cluster.await_stream("many-20")
        for node in leaders:
            cluster.sandbox("kill", node)
        ended = running.result()
    output, errors = ended.stdout, ended.stderr
    check(ended.returncode in (0, 6), f"`apply` ended with {ended.returncode}:\n{output[-2000:]}\n{errors[-2000:]}")
    if ended.returncode == 6:
        check("unknown" in output, f"`apply` ended with 6 and no word of what is unknown:\n{output[-2000:]}")
    say(f"{' and '.join(leaders)} killed in the middle of an apply, which ended with {ended.returncode}")
    cluster.back(leaders)
    expect(cluster.run("apply", manifest, "--auto-approve"), 0)
    said = expect(cluster.run("plan", manifest), 0)
    check("No changes." in said, f"the third run has something to do:\n{said}")


def no_majority(cluster: "Cluster", manifest: Path, new: Path, lost: list[str], word: str, never: str) -> None:
    """With two of three nodes down nothing is taken to be absent, the end comes soon, and the reason is told."""
    for node in lost:
        cluster.sandbox("kill", node)
    # what is left answers for a while as if the others were there
    await_(lambda: cluster.run("doctor", manifest).returncode == 1, "`doctor` takes no notice")
    for command, wanted in [("doctor", manifest), ("drift", manifest), ("plan", new)]:
        said = in_time(cluster, command, wanted)
        check(word in said, f"`{command}` does not say `{word}`:\n{said}")
        check(never not in said, f"`{command}` says `{never}`, which it can't know:\n{said}")
    cluster.back(lost)
    say(f"without {' and '.join(lost)}: a clear end, and nothing is absent")


def a_stream_down(cluster: "Cluster") -> None:
    """A stream whose only server is down is not absent, and no election is to blame."""
    manifest = cluster.folder / "one.yaml"
    manifest.write_text("stack: one\nnats: { streams: { ONE: { subjects: [one], consumers: { c: {} } } } }\n")
    expect(cluster.run("apply", manifest, "--auto-approve"), 0)
    server = cluster.server_of("ONE")
    cluster.sandbox("kill", server)
    for command in ["doctor", "drift", "plan"]:
        said = in_time(cluster, command, manifest)
        check("the servers that hold it" in said, f"`{command}` does not say what is down:\n{said}")
        check("no leader to answer" not in said, f"`{command}` blames an election:\n{said}")
    cluster.back([server])
    expect(cluster.run("drift", manifest), 0)
    say(f"without {server}, which has the only copy of a stream: so it is told")


def a_ledger_without_its_leader(cluster: "Cluster") -> None:
    """The ledger's topic is on three brokers: any may go, the one that leads it too, also while an apply holds the lock."""
    ledger = ("--ledger", "kafka")
    few, fewer = cluster.topics("owned", 12), cluster.topics("fewer", 6)
    expect(cluster.run("apply", few, "--auto-approve", *ledger), 0)
    check(cluster.replicas_of("__trueup") == 3, "the ledger is not on three brokers")
    for manifest in [fewer, few]:
        leader = cluster.leader_of("__trueup")
        with ThreadPoolExecutor() as aside:
            running = aside.submit(cluster.run, "apply", manifest, "--auto-approve", *ledger)
            cluster.sandbox("kill", leader)
            ended = running.result()
        said = f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
        check(ended.returncode in (0, 1, 4, 6), f"`apply` ended with {ended.returncode}:\n{said}")
        # one that gave up leaves a lock that ends by itself
        expect(cluster.run("apply", manifest, "--auto-approve", "--lock-timeout", "1m", *ledger), 0)
        said = expect(cluster.run("plan", manifest, *ledger), 0)
        check("No changes." in said, f"the third run has something to do:\n{said}")
        say(f"{leader}, which leads the ledger, killed during an apply, which ended with {ended.returncode}")
        cluster.back([leader])


def in_time(cluster: "Cluster", command: str, manifest: Path) -> str:
    """What a command says that has to end with 1, soon; in one line."""
    begin = time.monotonic()
    ended = cluster.run(command, manifest)
    took = time.monotonic() - begin
    said = " ".join((ended.stdout + ended.stderr).split())
    check(ended.returncode == 1, f"`{command}` ended with {ended.returncode}:\n{said}")
    check(took < NO_MAJORITY, f"`{command}` took {took:.0f} s")
    return said


class Cluster:
    """The sandbox's nodes, and trueup on them."""

    def __init__(self, folder: Path, trueup: Path) -> None:
        self.folder, self.trueup = folder, trueup
        said = subprocess.run([SANDBOX, "env", "--dir", folder], check=True, capture_output=True, text=True).stdout
        self.environment = os.environ | dict(re.findall(r"^export (\w+)=(.*)$", said, re.MULTILINE))

    def sandbox(self, *arguments: str) -> None:
        subprocess.run([SANDBOX, arguments[0], "--dir", self.folder, *arguments[1:]], check=True, capture_output=True)

    def back(self, nodes: Iterable[str]) -> None:
        """Started at once: two nodes without a majority come up only together."""
        starts = [subprocess.Popen([SANDBOX, "restart", "--dir", self.folder, node], stderr=subprocess.DEVNULL) for node in nodes]
        check(not any([start.wait() for start in starts]), "the nodes do not come back")

    def run(self, command: str, manifest: Path, *options: str) -> subprocess.CompletedProcess:
        return self.call(command, "-f", manifest, *options)

    def call(self, command: str, *arguments: object) -> subprocess.CompletedProcess:
        ended = subprocess.run(
            [self.trueup, command, *arguments], env=self.environment, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=PATIENCE
        )
        return subprocess.CompletedProcess([command], ended.returncode, ended.stdout, ended.stderr)

    def manifest(self, name: str, count: int) -> Path:
        consumer = "consumers: { worker: { ack_wait: 10s } }"
        streams = [f"    {name}-{i}: {{ subjects: [{name}-{i}.>], max_age: 1d, {consumer} }}" for i in range(count)]
        topics = [f"    {name}-{i}: {{ retention: 7d }}" for i in range(count)]
        file = self.folder / f"{name}.yaml"
        file.write_text(MANIFEST.format(name=name, streams="\n".join(streams), topics="\n".join(topics)))
        return file

    def topics(self, name: str, count: int) -> Path:
        """A stack of topics whose names begin alike, whatever the file."""
        file = self.folder / f"{name}.yaml"
        topics = [f"    owned-{i}: {{ partitions: 1, replication_factor: 3 }}" for i in range(count)]
        file.write_text("stack: owned\nkafka:\n  topics:\n" + "\n".join(topics) + "\n")
        return file

    def wire(self) -> "Wire":
        """A client's connection to the first NATS server."""
        return Wire(self.environment["NATS_URL"].split(",")[0])

    def monitor(self, query: str) -> list[dict]:
        """What each NATS server that runs says of itself."""
        brokers = json.loads((self.folder / "state.json").read_text())["brokers"]
        answers = []
        for node in NODES[:3]:
            try:
                port = brokers[node]["ports"]["monitor"]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{query}", timeout=10) as answer:
                    answers.append(json.load(answer))
            except OSError:
                continue
        return answers

    def meta_leader(self) -> str:
        def elected() -> str | None:
            told = [answer.get("meta_cluster", {}).get("leader") for answer in self.monitor("jsz")]
            return next(filter(None, told), None)

        return await_(elected, "NATS elects no leader")

    def active_controller(self) -> str:
        command = [SANDBOX, "kafka-tool", "--dir", self.folder, "quorum", "describe", "--status"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        leader = re.search(r"LeaderId:\s+(\d+)", said)
        check(leader is not None, f"Kafka does not tell its controller:\n{said}")
        return f"kafka-{leader.group(1)}"

    def described(self, topic: str) -> str:
        command = [SANDBOX, "kafka-tool", "--dir", self.folder, "topics", "--describe", "--topic", topic]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def leader_of(self, topic: str) -> str:
        leader = re.search(r"Leader: (\d+)", self.described(topic))
        check(leader is not None, f"`{topic}` has no leader")
        return f"kafka-{leader.group(1)}"

    def replicas_of(self, topic: str) -> int:
        replicas = re.search(r"Replicas: ([\d,]+)", self.described(topic))
        return len(replicas.group(1).split(",")) if replicas else 0

    def server_of(self, stream: str) -> str:
        """The NATS server that has the only copy of a stream."""
        accounts = [a for answer in self.monitor("jsz?accounts=true&streams=true&config=true") for a in answer.get("account_details", [])]
        leaders = [s["cluster"]["leader"] for a in accounts for s in a.get("stream_detail", []) if s["name"] == stream]
        check(leaders != [], f"no server has the stream `{stream}`")
        return leaders[0]

    def await_stream(self, name: str) -> None:
        def is_there() -> bool:
            accounts = [account for answer in self.monitor("jsz?accounts=true&streams=true") for account in answer.get("account_details", [])]
            return any(stream["name"] == name for account in accounts for stream in account.get("stream_detail", []))

        await_(is_there, f"the stream `{name}` is not created")


class Wire:
    """Requests in NATS's own protocol."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("nats://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.heard = self.socket.makefile("rb")
        self.count = 0
        self.socket.sendall(b'CONNECT {"verbose":false}\r\nSUB reply.* 1\r\n')

    def ask(self, subject: str, body: bytes = b"") -> dict:
        self.count += 1
        self.socket.sendall(b"PUB %s reply.%d %d\r\n%s\r\n" % (subject.encode(), self.count, len(body), body))
        while line := self.heard.readline():
            match line.split():
                case [b"PING"]:
                    self.socket.sendall(b"PONG\r\n")
                case [b"MSG", reply, b"1", size]:
                    answer = self.heard.read(int(size) + 2)
                    if reply == b"reply.%d" % self.count:
                        return json.loads(answer)
        sys.exit(f"{NAME}: the connection is gone")


def await_(looked, otherwise: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = looked()
        if found:
            return found
        time.sleep(0.02)
    sys.exit(f"{NAME}: {otherwise}")


def expect(ended: subprocess.CompletedProcess, code: int) -> str:
    said = f"`{ended.args[0]}` ended with {ended.returncode}, not {code}:\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    check(ended.returncode == code, said)
    return ended.stdout


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"{NAME}: {otherwise}")


def say(text: str) -> None:
    print(f"{NAME}: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
