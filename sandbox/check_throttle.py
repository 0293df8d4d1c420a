#!/usr/bin/env python3
"""trueup throttles the replicas that it moves, and takes back what it set, and nothing else.

Usage: sandbox/check_throttle.py FOLDER TRUEUP, where FOLDER is a sandbox of three nodes of each broker that run.
"""

import re
import signal
import sys
from pathlib import Path

import check_replicas
from check_elections import Cluster, await_, check, expect, say

RATE = "leader.replication.throttled.rate"
LIST = "leader.replication.throttled.replicas"
BROKERS = ("1", "2", "3")
SLOW = ("--auto-approve", "--throttle", "1kB")


def main() -> None:
    check_replicas.TOPIC, check_replicas.RECORDS = "throttled", 20_000
    topic = check_replicas.Topic(Cluster(Path(sys.argv[1]), Path(sys.argv[2]).resolve()))
    expect(topic.run("apply", 1, "--auto-approve"), 0)
    with topic.producing():
        pass
    killed_and_taken_back(topic)
    left_alone(topic)
    say("a topic was moved under a throttle, killed on the way, and what was set was taken back, and nothing else")


def killed_and_taken_back(topic: check_replicas.Topic) -> None:
    """Killed while the brokers copy, it leaves the throttle; the run after the copying takes it back."""
    said = expect(topic.run("plan", 2, "--throttle", "1kB"), 0)
    check("each broker copies at most 1.0 kB a second" in " ".join(said.split()), f"the plan tells no throttle:\n{said}")
    running = topic.start("apply", 2, *SLOW)
    topic.await_progress(running)
    check(rates(topic), "no broker has a rate")
    check("0:" in configs(topic, "topics", topic_name()), "the topic has no list")
    running.send_signal(signal.SIGKILL)
    running.wait()
    said = topic.run("forget", 2, f"topic/{topic_name()}", "--lock-timeout", "1m")
    check(said.returncode == 1 and "throttled by trueup" in said.stderr, f"it can be forgotten:\n{said}")
    faster(topic)
    await_(lambda: "being moved" not in topic.run("plan", 2).stdout, "the brokers do not come to an end")
    said = expect(topic.run("plan", 2), 0)
    check("the throttle that an earlier run left is taken back" in " ".join(said.split()), f"the plan knows of no throttle:\n{said}")
    expect(topic.run("apply", 2, "--auto-approve", "--lock-timeout", "1m"), 0)
    clean(topic)
    topic.settled(2)


def left_alone(topic: check_replicas.Topic) -> None:
    """A rate that somebody else set stays as it is; so do the lists of another topic."""
    topic.configure("--entity-type", "brokers", "--entity-name", "1", "--add-config", f"{RATE}=50000000")
    said = expect(topic.run("apply", 3, "--auto-approve", "--throttle", "50MB"), 0)
    check("applied" in said, f"it was not applied:\n{said}")
    held = configs(topic, "brokers", "1")
    check(f"{RATE}=50000000" in held and "trueup" not in held, f"broker 1 has {held}")
    check(not any(RATE in configs(topic, "brokers", id) for id in BROKERS[1:]), "a rate of trueup's is left")
    topic.configure("--entity-type", "brokers", "--entity-name", "1", "--delete-config", RATE)
    clean(topic)
    topic.settled(3)


def faster(topic: check_replicas.Topic) -> None:
    """Lets the brokers come to their end: the rates that trueup set, raised by hand."""
    for id in BROKERS:
        rate = f"{RATE}=100000000,follower.replication.throttled.rate=100000000"
        topic.configure("--entity-type", "brokers", "--entity-name", id, "--add-config", rate)


def clean(topic: check_replicas.Topic) -> None:
    for id in BROKERS:
        held = configs(topic, "brokers", id)
        check("throttle" not in held, f"broker {id} has {held}")
    held = configs(topic, "topics", topic_name())
    check("replication.throttled" not in held, f"the topic has {held}")


def rates(topic: check_replicas.Topic) -> bool:
    return any(f"{RATE}=1000" in configs(topic, "brokers", id) for id in BROKERS)


def topic_name() -> str:
    return check_replicas.TOPIC


def configs(topic: check_replicas.Topic, kind: str, name: str) -> str:
    """What is set there, without what is inherited."""
    return topic.ask("configs", "--describe", "--entity-type", kind, "--entity-name", name)


if __name__ == "__main__":
    main()
