#!/usr/bin/env python3
"""trueup on a cluster of NATS: streams scaled and moved in two updates, stopped on the way, and what else takes an order.

Usage: sandbox/check_streams.py FOLDER TRUEUP, where FOLDER is a sandbox of three nodes of NATS that run.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

from check_elections import NAME, NODES, PATIENCE, Cluster, await_, check, expect, say

MESSAGES = 5_000
LOWER = ["--approve", "stream-replicas-lowered@stream/MOVED"]


def main() -> None:
    streams = Streams(Cluster(Path(sys.argv[1]), Path(sys.argv[2]).resolve()))
    grown(streams)
    shrunk_and_stopped(streams)
    kept_by_interest(streams)
    filters_swapped(streams)


def placed(replicas: int, tag: str) -> dict:
    return {"num_replicas": replicas, "placement": {"tags": [tag]}}


def everything(replicas: int, tag: str) -> dict:
    """A stream, a bucket and an object store with so many replicas where the tag is."""
    return {
        "streams": {"MOVED": {"subjects": ["moved"], **placed(replicas, tag)}},
        "key_value": {"moved": placed(replicas, tag)},
        "object_store": {"moved": placed(replicas, tag)},
    }


def grown(streams: "Streams") -> None:
    """From one server to three others: two updates, and each is waited for."""
    streams.apply(everything(1, "node:nats-1"))
    streams.publish("moved", MESSAGES)
    said = streams.plan(everything(3, "disk:ssd"))
    check(said.count("in two updates") == 3, f"the plan tells no two updates of each:\n{said}")
    streams.apply(everything(3, "disk:ssd"))
    for stream in ["MOVED", "KV_moved", "OBJ_moved"]:
        streams.settled(stream, 3)
    check(streams.held("MOVED") == MESSAGES, f"{streams.held('MOVED')} messages are there, and {MESSAGES} were written")
    say("a stream, a bucket and an object store were moved and scaled, and all messages are there")


def shrunk_and_stopped(streams: "Streams") -> None:
    """Stopped between both updates, the cluster goes on with the first, and the next run finds its way."""
    keep = {streams.cluster.meta_leader(), streams.leader("MOVED")}
    target = next(node for node in NODES[:3] if node not in keep)
    wanted = {"streams": everything(1, f"node:{target}")["streams"]}
    streams.cluster.sandbox("freeze", target)
    running = streams.start(wanted, *LOWER)
    heard = []
    for line in running.stdout:
        heard.append(line)
        if "Ctrl-C leaves it to the cluster" in line:
            break
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE)
    said = " ".join(("".join(heard) + said).split())
    check(running.returncode == 130 and "the cluster goes on by itself" in said, f"it ended with {running.returncode}:\n{said}")
    streams.cluster.sandbox("thaw", target)
    streams.apply(wanted, *LOWER)
    # where both updates were sent before it was stopped, nothing was left to do but for the cluster
    await_(lambda: streams.is_done("MOVED", 1) and streams.leader("MOVED") == target, f"`MOVED` does not come to {target}")
    check(streams.held("MOVED") == MESSAGES, f"{streams.held('MOVED')} messages are there, and {MESSAGES} were written")
    say(f"stopped while {target} was frozen, the next run moved the stream there, and all messages are there")


def kept_by_interest(streams: "Streams") -> None:
    """A consumer gets the stream's replicas before its stream keeps by interest; and a stream that grows takes its consumers along."""

    def stream(replicas: int, retention: str, own: int) -> dict:
        consumers = {"c": {"num_replicas": own}}
        return {"streams": {"KEPT": {"subjects": ["kept"], "num_replicas": replicas, "retention": retention, "consumers": consumers}}}

    consent = ["--approve", "stream-retention-changed@stream/KEPT"]
    streams.apply(stream(3, "limits", 1))
    streams.publish("kept", 10)
    streams.apply(stream(3, "interest", 3), *consent)
    check(streams.held("KEPT") == 10, "messages are gone")
    streams.destroy()
    streams.apply(stream(1, "limits", 1))
    streams.publish("kept", 10)
    streams.apply(stream(3, "interest", 3), *consent)
    check(streams.held("KEPT") == 10, "messages are gone")
    streams.settled("KEPT", 3)
    say("a stream came to keep by interest after its consumer got as many replicas as it")


def filters_swapped(streams: "Streams") -> None:
    """A cluster takes filters that overlap, and then delivers twice: so they must not."""

    def queue(a: str, b: str) -> dict:
        consumers = {"a": {"filter_subject": a}, "b": {"filter_subject": b}}
        return {"streams": {"SWAP": {"subjects": ["swap.>"], "retention": "workqueue", "num_replicas": 3, "consumers": consumers}}}

    streams.apply(queue("swap.x", "swap.y"))
    said = streams.plan(queue("swap.y", "swap.x"))
    check("in two updates" in said and "$trueup.parked.a" in said, f"the plan tells no two updates:\n{said}")
    streams.apply(queue("swap.y", "swap.x"))
    say("two consumers of a work queue swapped their filters")


class Streams:
    """Streams of one stack, without a ledger."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def file(self, nats: dict) -> Path:
        manifest = self.cluster.folder / "streams.yaml"
        manifest.write_text(json.dumps({"stack": "streams", "nats": nats}))
        return manifest

    def plan(self, nats: dict) -> str:
        ended = self.cluster.run("plan", self.file(nats), "--ledger", "none")
        check(ended.returncode in (0, 3), f"`plan` ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
        return " ".join(ended.stdout.split())

    def apply(self, nats: dict, *options: str) -> None:
        """Applies, and demands that nothing is left to do."""
        expect(self.cluster.run("apply", self.file(nats), "--ledger", "none", "--auto-approve", *options), 0)
        said = self.plan(nats)
        check("No changes." in said, f"the second plan has something to do:\n{said}")

    def start(self, nats: dict, *options: str) -> subprocess.Popen:
        command = [self.cluster.trueup, "apply", "-f", self.file(nats), "--ledger", "none", "--auto-approve", *options]
        return subprocess.Popen(
            command, env=self.cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def destroy(self) -> None:
        self.ask("STREAM.DELETE.KEPT")

    def ask(self, call: str) -> dict:
        return self.cluster.wire().ask(f"$JS.API.{call}")

    def publish(self, subject: str, count: int) -> None:
        wire = self.cluster.wire()
        for _ in range(count):
            said = wire.ask(subject, b"x" * 1000)
            check("error" not in said, f"`{subject}` was not stored: {said}")

    def info(self, stream: str) -> dict:
        return self.ask(f"STREAM.INFO.{stream}")

    def held(self, stream: str) -> int:
        return self.info(stream)["state"]["messages"]

    def leader(self, stream: str) -> str:
        return await_(lambda: self.info(stream).get("cluster", {}).get("leader"), f"`{stream}` has no leader")

    def settled(self, stream: str, replicas: int) -> None:
        """Right after the apply the cluster is done."""
        check(self.is_done(stream, replicas), f"`{stream}` is not done: {self.info(stream).get('cluster')}")

    def is_done(self, stream: str, replicas: int) -> bool:
        cluster = self.info(stream).get("cluster", {})
        others = cluster.get("replicas", [])
        return "desired" not in cluster and len(others) == replicas - 1 and all(it["current"] for it in others)


if __name__ == "__main__":
    main()
