#!/usr/bin/env python3
"""Routes under load while workers are killed and frozen, their connections cut and both brokers restarted: nothing is lost,
nothing comes out of its order, and with `exactly_once` nothing comes twice.

Usage: sandbox/chaos.py FOLDER TRUEUP [--seconds 450] [--only out-exactly_once] [--workers 2], where FOLDER is a sandbox that runs.

The payloads carry a key and a number for each key. A publisher in Go and a producer in Python put them in, readers of the same
programs count what came out (`sandbox/clients`).
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cache
from check_elections import SANDBOX, await_, check, expect, say
from gate import Gate

RECORDS = Path(__file__).parent / "clients" / "records.py"
KEYS = 20
DIRECTIONS = ["out", "in"]
DELIVERIES = ["at_least_once", "exactly_once"]
# How long each key waits between two messages, in seconds.
PAUSE = 0.02
# How long a worker may take to end.
DRAIN = 60
BEYOND_A_LEASE = 12


def main() -> None:
    arguments = parser().parse_args()
    random.seed(arguments.seed)
    world = World(arguments)
    wanted = [f"{direction}-{delivery}" for direction in DIRECTIONS for delivery in DELIVERIES]
    rows = [trial(world, name) for name in wanted if arguments.only in (None, name)]
    head = ["| route | messages | killed | frozen | cut | NATS restarted | Kafka restarted | lost | inverted | doubled |", "|" + "---|" * 10]
    table = [*head, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]
    print("\n".join(table))
    if arguments.write:
        write(arguments.write, table)


def write(file: Path, table: list[str]) -> None:
    """Replaces what is between the marks of a Markdown file."""
    begin, end = "<!-- chaos: begin -->\n", "<!-- chaos: end -->"
    before, rest = file.read_text().split(begin)
    file.write_text(before + begin + "\n".join(table) + "\n" + end + rest.split(end)[1])


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trueup", type=Path)
    parser.add_argument("--seconds", type=float, default=450, help="how long the load and the trouble last, of each route")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", help="one route alone: out-at_least_once, out-exactly_once, in-at_least_once, in-exactly_once")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a Markdown file whose part between the two marks is replaced")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what happens when")
    return parser


def trial(world: "World", name: str) -> list:
    """One route: load and trouble, then peace; what came out."""
    direction, delivery = name.split("-")
    route = Route(world, f"chaos-{direction}-{delivery.replace('_', '-')}-{os.getpid()}", direction, delivery)
    expect(world.trueup("apply", "-f", str(route.manifest), "--auto-approve"), 0)
    happened = dict.fromkeys(TROUBLES, 0)
    environment = world.environment
    gate = Gate(environment["NATS_URL"].removeprefix("nats://"), environment["KAFKA_BROKERS"], is_counting=False)
    with gate:
        workers = Workers(world, route, gate)
        under_trouble(world, route, workers, happened)
    found = route.came_out()
    say(f"{name}: {route.messages} messages; {happened}; {found}")
    check(found["lost"] == found["inverted"] == 0, f"{name}: {found}")
    check(delivery == "at_least_once" or found["doubled"] == 0, f"{name}: {found}")
    return [name, route.messages, *happened.values(), found["lost"], found["inverted"], found["doubled"]]


def under_trouble(world: "World", route: "Route", workers: "Workers", happened: dict[str, int]) -> None:
    try:
        load = route.load()
        while load.poll() is None:
            time.sleep(random.uniform(2, 5))
            trouble = random.choices(list(TROUBLES), weights=[5, 2, 3, 1, 1])[0]
            TROUBLES[trouble](world, workers)
            happened[trouble] += 1
        check(load.returncode == 0, f"{route.name}: the load ended with {load.returncode}")
        await_(lambda: route.came_out()["lost"] == 0, f"{route.name}: not all came out: {route.came_out()}")
    finally:
        workers.end()


class World:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.folder, self.binary = arguments.folder, arguments.trueup.resolve()
        self.seconds, self.workers = arguments.seconds, arguments.workers
        said = subprocess.run([SANDBOX, "env", "--dir", self.folder], check=True, capture_output=True, text=True).stdout
        told = dict(line.removeprefix("export ").split("=", 1) for line in said.splitlines() if line.startswith("export "))
        self.environment = os.environ | {key: value.strip("'\"") for key, value in told.items()}
        self.events, packages = cache.clients()
        self.environment["PYTHONPATH"] = str(packages)

    def trueup(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.binary, *arguments], env=self.environment, capture_output=True, text=True)

    def sandbox(self, *arguments: str) -> None:
        subprocess.run([SANDBOX, *arguments, "--dir", self.folder], check=True, capture_output=True)


class Route:
    """A route with what is before and behind it."""

    def __init__(self, world: World, name: str, direction: str, delivery: str) -> None:
        self.world, self.name, self.is_out = world, name, direction == "out"
        self.stream = name.upper()
        stream = {"stream": self.stream}
        topic = {"topic": name}
        ends = (stream, topic) if self.is_out else (topic, stream | {"subject": f"{name}.{{key}}"})
        route = {"from": ends[0], "to": ends[1], "delivery": delivery}
        if self.is_out:
            route["key"] = "subject(2)"
        manifest = {
            "stack": name,
            "nats": {"streams": {self.stream: {"subjects": [f"{name}.>"], "duplicate_window": "10m", "max_age": "1h"}}},
            "kafka": {"topics": {name: {"partitions": 4, "replication_factor": 1}}},
            "bridge": {"routes": {name: route}},
        }
        self.manifest = world.folder / f"{name}.json"
        self.manifest.write_text(json.dumps(manifest))
        # each key waits between two messages, so the load lasts as long, or longer when a broker is away
        self.count = max(1, int(world.seconds / PAUSE))
        self.messages = KEYS * self.count

    def load(self) -> subprocess.Popen:
        numbers = ["--keys", str(KEYS), "--count", str(self.count)]
        if self.is_out:
            command = [self.world.events, "publish", "--subject", f"{self.name}.{{key}}", *numbers, "--pause", f"{PAUSE}s"]
        else:
            command = [sys.executable, RECORDS, "produce", self.name, *numbers, "--pause", str(PAUSE)]
        return subprocess.Popen(command, env=self.world.environment, stdout=subprocess.DEVNULL)

    def came_out(self) -> dict:
        numbers = ["--keys", str(KEYS), "--count", str(self.count)]
        if self.is_out:
            command = [sys.executable, RECORDS, "read", self.name, *numbers]
        else:
            command = [self.world.events, "read", "--stream", self.stream, "--subject", f"{self.name}.*", *numbers]
        read = subprocess.run(command, env=self.world.environment, capture_output=True, text=True)
        check(read.returncode == 0, f"the reader ended with {read.returncode}:\n{read.stderr}")
        return json.loads(read.stdout)


class Workers:
    """Some workers of one route; who is killed is started again."""

    def __init__(self, world: World, route: Route, gate: Gate) -> None:
        self.world, self.route, self.gate = world, route, gate
        self.environment = world.environment | gate.environment
        self.log = (world.folder / f"{route.name}.log").open("w")
        self.running = [self.start() for _ in range(world.workers)]

    def start(self) -> subprocess.Popen:
        command = [self.world.binary, "bridge", "run", "-f", self.route.manifest]
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def any(self) -> int:
        return random.randrange(len(self.running))

    def end(self) -> None:
        for worker in self.running:
            worker.send_signal(signal.SIGTERM)
        for worker in self.running:
            ended = worker.wait(DRAIN)
            check(ended in (0, 143), f"a worker ended with {ended}, see `{self.log.name}`")


def kill(_: World, workers: Workers) -> None:
    index = workers.any()
    workers.running[index].kill()
    workers.running[index].wait()
    workers.running[index] = workers.start()


def freeze(_: World, workers: Workers) -> None:
    """For longer than a lease lasts."""
    worker = workers.running[workers.any()]
    worker.send_signal(signal.SIGSTOP)
    time.sleep(BEYOND_A_LEASE)
    worker.send_signal(signal.SIGCONT)


def cut(_: World, workers: Workers) -> None:
    """Every connection of the workers, at once."""
    workers.gate.cut_connections()


def restart_nats(world: World, _: Workers) -> None:
    world.sandbox("restart", "nats")


def restart_kafka(world: World, _: Workers) -> None:
    """A crash, or a shut-down in good order."""
    if random.random() < 0.5:
        world.sandbox("kill", "kafka")
    world.sandbox("restart", "kafka")


TROUBLES = {"killed": kill, "frozen": freeze, "cut": cut, "nats_restarted": restart_nats, "kafka_restarted": restart_kafka}


if __name__ == "__main__":
    main()
