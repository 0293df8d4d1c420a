#!/usr/bin/env python3
"""trueup changes a topic's replication factor while somebody produces, and is killed in the middle.

Usage: sandbox/check_replicas.py FOLDER TRUEUP, where FOLDER is a sandbox of three nodes of each broker that run.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from check_elections import NAME, PATIENCE, SANDBOX, Cluster, await_, check, expect, say

TOPIC = "moved"
PARTITIONS = 4
RECORDS = 60_000
LOWER = ("--approve", f"topic-replicas-lowered@topic/{TOPIC}")


def main() -> None:
    topic = Topic(Cluster(Path(sys.argv[1]), Path(sys.argv[2]).resolve()))
    expect(topic.run("apply", 1, "--auto-approve"), 0)
    with topic.producing():
        raised_and_killed(topic)
        lowered_and_stopped(topic)
    check(topic.records() == RECORDS, f"{topic.records()} records are there, and {RECORDS} were written")
    say(f"a topic went from 1 to 3 and to 2 replicas, killed and stopped on the way, and all {RECORDS} records are there")


def raised_and_killed(topic: "Topic") -> None:
    """The plan says how much is copied; killed in the middle, the next plan knows what is under way, and the next run waits for it."""
    with topic.held_up():
        running = topic.start("apply", 3, "--auto-approve")
        topic.await_progress(running)
        running.send_signal(signal.SIGKILL)
        running.wait()
        said = expect(topic.run("plan", 3), 0)
        check("being moved already" in said and "replication_factor  1 -> 3" in said, f"the plan knows of no move:\n{said}")
        again = topic.start("apply", 3, "--auto-approve")
        topic.await_progress(again)
        moving = topic.replicas()
    said, _ = again.communicate(timeout=PATIENCE)
    check(again.returncode == 0 and "applied" in said, f"the second run ended with {again.returncode}:\n{said}")
    check(topic.replicas() == moving, f"the second run moved the replicas elsewhere: {moving}, then {topic.replicas()}")
    topic.settled(3)


def lowered_and_stopped(topic: "Topic") -> None:
    """Fewer need consent; what has no throttle is done before anybody could stop it."""
    said = expect(topic.run("plan", 2), 3)
    check("topic-replicas-lowered" in said and "in sync" in said, f"the plan tells no risk:\n{said}")
    expect(topic.run("apply", 2, "--auto-approve"), 3)
    leaders = topic.leaders()
    expect(topic.run("apply", 2, "--auto-approve", *LOWER), 0)
    check(topic.leaders() == leaders, f"the leaders were {leaders} and are {topic.leaders()}")
    topic.settled(2)
    with topic.held_up():
        running = topic.start("apply", 3, "--auto-approve")
        topic.await_progress(running)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=PATIENCE)
        check(running.returncode == 130 and "the brokers go on by themselves" in " ".join(said.split()), f"it ended with {running.returncode}:\n{said}")
        # back to where it was: what is under way takes the new direction
        expect(topic.run("apply", 2, "--auto-approve", *LOWER), 0)
    topic.settled(2)


class Topic:
    """The topic on its way, and trueup on it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.ledger = cluster, cluster.folder / f"{TOPIC}.ledger"

    def arguments(self, command: str, factor: int, *options: str) -> list[str]:
        """A command with the manifest that wants so many replicas."""
        manifest = self.cluster.folder / f"replicas-{factor}.yaml"
        manifest.write_text(f"stack: {TOPIC}\nkafka: {{ topics: {{ {TOPIC}: {{ partitions: {PARTITIONS}, replication_factor: {factor} }} }} }}\n")
        return [command, manifest, "--ledger", f"file:{self.ledger}", *options]

    def run(self, command: str, factor: int, *options: str) -> subprocess.CompletedProcess:
        return self.cluster.run(*self.arguments(command, factor, *options))

    def start(self, command: str, factor: int, *options: str) -> subprocess.Popen:
        """The same on its way, with all that it says in one stream."""
        command, manifest, *options = self.arguments(command, factor, "--lock-timeout", "1m", *options)
        return subprocess.Popen(
            [self.cluster.trueup, command, "-f", manifest, *options],
            env=self.cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def await_progress(self, running: subprocess.Popen) -> None:
        """Reads until it says how far the brokers are."""
        said = []
        for line in running.stdout:
            said.append(line)
            if "waiting for replicas on their way" in line:
                return
        sys.exit(f"{NAME}: no word of progress:\n{''.join(said)}")

    def tool(self, name: str, *arguments: str) -> list[str]:
        return [SANDBOX, "kafka-tool", "--dir", self.cluster.folder, name, *arguments]

    def ask(self, name: str, *arguments: str) -> str:
        return subprocess.run(self.tool(name, *arguments), check=True, capture_output=True, text=True).stdout

    def configure(self, *change: str) -> None:
        self.ask("configs", "--alter", *change)

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """While it lasts, nearly nothing is copied to new replicas: Kafka's own throttles, set by somebody else."""
        rate, topic = "follower.replication.throttled.rate", "follower.replication.throttled.replicas"
        self.configure("--entity-type", "brokers", "--entity-default", "--add-config", f"{rate}=1")
        self.configure("--entity-type", "topics", "--entity-name", TOPIC, "--add-config", f"{topic}=*")
        try:
            yield
        finally:
            self.configure("--entity-type", "topics", "--entity-name", TOPIC, "--delete-config", topic)
            self.configure("--entity-type", "brokers", "--entity-default", "--delete-config", rate)

    @contextmanager
    def producing(self) -> Iterator[None]:
        """Somebody writes all the while, and every write has its answer."""
        properties = f"bootstrap.servers={self.cluster.environment['KAFKA_BROKERS']}"
        options = ["--num-records", str(RECORDS), "--record-size", "1000", "--throughput", "2000", "--producer-props", properties, "acks=all"]
        producer = subprocess.Popen(
            self.tool("producer-perf-test", "--topic", TOPIC, *options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        await_(lambda: self.records() > 1000, "nothing is produced")
        yield
        said, _ = producer.communicate(timeout=PATIENCE)
        check(producer.returncode == 0 and f"\n{RECORDS} records sent" in said, f"the producer ended with {producer.returncode}:\n{said}")

    def records(self) -> int:
        return sum(int(line.rsplit(":", 1)[1]) for line in self.ask("get-offsets", "--topic", TOPIC).split())

    def replicas(self) -> list[set[str]]:
        return [set(ids.split(",")) for ids in re.findall(r"\tReplicas: ([\d,]+)", self.cluster.described(TOPIC))]

    def leaders(self) -> list[str]:
        return re.findall(r"Leader: (\d+)", self.cluster.described(TOPIC))

    def settled(self, factor: int) -> None:
        """Every partition has so many replicas, and the plan has nothing to do."""
        replicas = self.replicas()
        check([len(ids) for ids in replicas] == [factor] * PARTITIONS, f"the replicas are {replicas}")
        said = expect(self.run("plan", factor), 0)
        check("No changes." in said, f"the plan has something to do:\n{said}")


if __name__ == "__main__":
    main()
