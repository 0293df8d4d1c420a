#!/usr/bin/env python3
"""trueup killed around every request by which an apply changes something, and with every kind of answer lost in turn: the next
run finishes by itself.

Usage: sandbox/check_crashes.py FOLDER TRUEUP [--sample N] [--write PAGE], where FOLDER is a sandbox that runs.

Each trial has resources of its own: some that the stack owns, kept, changed, forgotten and deleted by the apply; some of
nobody, adopted or left alone; some new. With `--sample`, about so many trials, evenly spread.
"""

import argparse
import collections
import datetime
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True

from check_elections import PATIENCE, Cluster, check, expect, say
from gate import READS, Cut, Gate

LEDGERS = ["nats", "kafka", "file"]
LEASE = 30
MESSAGES = 3

# The variable that holds the users' password.
PASSWORD = "TRIAL_PASSWORD"

BEFORE = """\
stack: {p}
nats:
  streams:
    {p}-kept: {{ subjects: [{p}.kept], max_msgs: 100, consumers: {{ changed: {{ ack_wait: 30s }}, gone: {{}} }} }}
    {p}-held: {{ subjects: [{p}.held], retention: interest, consumers: {{ replaced: {{ ack_policy: none }} }} }}
    {p}-queue: {{ subjects: [{p}.queue], retention: workqueue, consumers: {{ replaced: {{}} }} }}
    {p}-gone: {{ subjects: [{p}.gone] }}
    {p}-forgotten: {{ subjects: [{p}.forgotten], lifecycle: {{ on_remove: forget }} }}
  key_value: {{ {p}-changed: {{ history: 1 }}, {p}-gone: {{}} }}
  object_store: {{ {p}-changed: {{ description: one }}, {p}-gone: {{}} }}
kafka:
  defaults: {{ topic: {{ partitions: 1, replication_factor: 1 }} }}
  topics:
    {p}-kept: {{ retention: 7d, access: {{ produce: [User:{p}-a] }} }}
    {p}-gone: {{}}
  users: {{ {p}-changed: {{ password: "${{{password}}}", version: 1 }}, {p}-gone: {{ password: "${{{password}}}" }} }}
  quotas: {{ user/{p}-changed: {{ producer_byte_rate: 1MiB }}, user/{p}-gone: {{ consumer_byte_rate: 1MiB }} }}
"""

NOBODYS = """\
stack: {p}-other
nats: {{ streams: {{ {p}-found: {{ subjects: [{p}.found] }}, {p}-alone: {{ subjects: [{p}.alone] }} }} }}
kafka:
  defaults: {{ topic: {{ partitions: 1, replication_factor: 1 }} }}
  topics: {{ {p}-found: {{}}, {p}-alone: {{}} }}
"""

WANTED = """\
stack: {p}
nats:
  streams:
    {p}-kept: {{ subjects: [{p}.kept], max_msgs: 200, consumers: {{ changed: {{ ack_wait: 60s }}, new: {{}} }} }}
    {p}-held: {{ subjects: [{p}.held], retention: interest, consumers: {{ replaced: {{ ack_policy: explicit }} }} }}
    {p}-queue: {{ subjects: [{p}.queue], retention: workqueue, consumers: {{ replaced: {{ max_waiting: 128 }} }} }}
    {p}-found: {{ subjects: [{p}.found], max_age: 1d }}
    {p}-new: {{ subjects: [{p}.new], consumers: {{ new: {{}} }} }}
  key_value: {{ {p}-changed: {{ history: 5 }}, {p}-new: {{}} }}
  object_store: {{ {p}-changed: {{ description: two }}, {p}-new: {{}} }}
kafka:
  defaults: {{ topic: {{ partitions: 1, replication_factor: 1 }} }}
  topics:
    {p}-kept: {{ retention: 8d, partitions: 2, access: {{ produce: [User:{p}-b] }} }}
    {p}-found: {{ retention: 8d }}
    {p}-new: {{ access: {{ produce: [User:{p}-b] }} }}
  users: {{ {p}-changed: {{ password: "${{{password}}}", version: 2 }}, {p}-new: {{ password: "${{{password}}}" }} }}
  quotas: {{ user/{p}-changed: {{ producer_byte_rate: 2MiB }}, user/{p}-new: {{ consumer_byte_rate: 1MiB }} }}
approvals:
  - {{ risk: consumer-replaced, address: consumer/{p}-held/replaced, max_messages: 0, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: consumer-replaced, address: consumer/{p}-queue/replaced, max_messages: 0, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: consumer-deleted, address: consumer/{p}-kept/gone, max_messages: 3, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: user-deleted, address: user/{p}-gone, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: user-password-changed, address: user/{p}-changed, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: quota-removed, address: quota/user/{p}-gone, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: acl-removed, address: acl/User:{p}-a/allow/write/topic/literal/{p}-kept/*, reason: a trial, expires: 2999-12-31 }}
  - {{ risk: acl-removed, address: acl/User:{p}-a/allow/describe/topic/literal/{p}-kept/*, reason: a trial, expires: 2999-12-31 }}
"""

ACLS = "acl/User:{p}-b/allow/{operation}/topic/literal/{p}-{topic}/*"
THERE = [
    "stream/{p}-kept", "consumer/{p}-kept/changed", "consumer/{p}-kept/new", "stream/{p}-found", "stream/{p}-alone", "stream/{p}-forgotten",
    "stream/{p}-held", "consumer/{p}-held/replaced", "stream/{p}-queue", "consumer/{p}-queue/replaced",
    "stream/{p}-new", "consumer/{p}-new/new", "kv/{p}-changed", "kv/{p}-new", "object-store/{p}-changed", "object-store/{p}-new",
    "topic/{p}-kept", "topic/{p}-found", "topic/{p}-alone", "topic/{p}-new",
    "user/{p}-changed", "user/{p}-new", "quota/user/{p}-changed", "quota/user/{p}-new",
]  # fmt: skip
# How many messages their stream holds for them at the end: those of the first were read once.
REPLACED = {"consumer/{p}-held/replaced": MESSAGES - 1, "consumer/{p}-queue/replaced": MESSAGES}
ALONE = ["stream/{p}-alone", "topic/{p}-alone"]

PAGE = """\
# Reliability

What becomes of an apply that is killed (`SIGKILL`) before or after each request by which it changes something on a broker or in its ledger,
or that loses the answer: seen, not promised. `make crashes` starts the brokers, runs each trial below with the command as users have it, and writes this
page. Don't edit it.

A gate between the command and both brokers counts its requests. Between two that only read nothing changes, so that the first of each kind of
read stands for all. In one apply a stream, a consumer, a bucket, an object store, a topic, ACLs, a user and a quota are
created, changed and deleted, a consumer of a stream of retention `interest` and one of a work queue are replaced, a stream and a topic are adopted and changed, and a stream
is forgotten. In each trial the gate picks one request,
and

- kills the command before the request is sent,
- kills it when the broker has answered, before the answer arrives,
- or loses the answer and the connection, and lets the command go on.

Then the same apply runs once more, without a gate. It has to end with 0, a plan after it with nothing to do, no intent may be left in the ledger, no lock beyond its lease of
{lease} s; all that is declared is there and what the stack no longer declares is gone; what was there after the kill was not made a second time (same topic id, same
`created`), the messages are still there, what was replaced was so once and goes on where it stood, and what nobody declared is as it was.

{date}, nats-server {nats}, Kafka {kafka}: {trials:,} trials of {all:,} that there are, evenly spread, {failed} failed, {seconds:.0f} s.

{table}
"""


# Where the part of the page begins that check_ledgers.py writes.
NEXT = "\n## "


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--sample", type=int, metavar="N", help="about so many trials")
    arguments = options.parse_args()
    bench = Bench(arguments.folder, arguments.trueup.resolve())
    begin = time.monotonic()
    points = [point for ledger in LEDGERS for point in bench.points(ledger)]
    there_are = len(points)
    if arguments.sample:
        points = points[:: max(1, len(points) // arguments.sample)]
    say(f"{len(points)} trials")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        results = list(workers.map(bench.tried, points))
    failed = [result for result in results if result.wrong]
    for result in failed:
        say(f"{result.point}: {result.wrong}")
    table = tabled(results)
    if arguments.write:
        page = bench.filled(PAGE, begin, trials=len(results), all=there_are, failed=len(failed), table=table)
        old = arguments.write.read_text()
        arguments.write.write_text(page + old[old.find(NEXT) :] if NEXT in old else page)
    print(table)
    return 1 if failed else 0


def parser(says: str) -> argparse.ArgumentParser:
    """What every check of this kind is told."""
    parser = argparse.ArgumentParser(description=says, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("trueup", type=Path, metavar="TRUEUP")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page that tells the counts")
    return parser


@dataclass(frozen=True)
class Point:
    """Where an apply is cut: at the nth request of a name."""

    ledger: str
    name: str
    nth: int
    cut: Cut

    def __str__(self) -> str:
        return f"{self.ledger} ledger, {self.name} {self.nth}, {self.cut.value}"


@dataclass
class Result:
    """What a trial came to; it is only a trial where the request was made."""

    point: Point
    was_cut: bool
    wrong: str | None


class Bench(Cluster):
    """The brokers, and trials on them side by side."""

    def __init__(self, folder: Path, trueup: Path) -> None:
        super().__init__(folder, trueup)
        self.environment[PASSWORD] = "of a trial"
        self.nats = self.environment["NATS_URL"].removeprefix("nats://")
        self.numbers, self.lock, self.done = itertools.count(), threading.Lock(), 0
        # trials of an earlier run may still be there
        self.began = f"{time.time():.0f}"

    def points(self, ledger: str) -> list[Point]:
        """Every request by which the apply changes something, and the first of those that read, from an apply that is left alone; an
        answer is lost once for each name."""
        trial = Trial(self, ledger)
        trial.prepare()
        names = trial.cut(None).names
        trial.finish()
        seen, points = collections.Counter(), []
        for name in names:
            seen[name] += 1
            cuts = [] if name in READS else [Cut.BEFORE, Cut.AFTER]
            if seen[name] == 1:
                cuts = [Cut.BEFORE, Cut.AFTER, Cut.LOST]
            points += [Point(ledger, name, seen[name], cut) for cut in cuts]
        say(f"{ledger} ledger: an apply makes {len(names)} requests of {len(seen)} kinds")
        return points

    def tried(self, point: Point) -> Result:
        trial = Trial(self, point.ledger)
        was_cut, wrong = False, None
        try:
            trial.prepare()
            was_cut = trial.cut(point).was_cut
            trial.finish()
        except SystemExit as failure:
            wrong = str(failure)
        with self.lock:
            self.done += 1
            if self.done % 25 == 0:
                say(f"{self.done} done")
        return Result(point, was_cut, wrong)

    def filled(self, page: str, begin: float, **counts: object) -> str:
        """A page with what was counted since, and on what."""
        versions = self.snapshot(self.folder / "versions.json")["surroundings"]
        return page.format(
            lease=LEASE,
            date=datetime.datetime.now(datetime.UTC).date(),
            nats=".".join(map(str, versions["nats"]["version"])),
            kafka=versions["kafka"]["release"],
            seconds=time.monotonic() - begin,
            **counts,
        )

    def snapshot(self, file: Path) -> dict:
        """What is there; trials beside this one make and delete streams while they are listed."""
        for _ in range(10):
            ended = self.call("export", "--snapshot", file)
            if "came and went" not in ended.stderr:
                break
        expect(ended, 0)
        return json.loads(file.read_text())

    def ask(self, subject: str, payload: str) -> dict:
        """A request of NATS in its own protocol, so that what is counted is not what trueup says."""
        host, port = self.nats.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection, connection.makefile("rb") as answers:
            message = f'CONNECT {{"verbose":false,"lang":"check","version":"1"}}\r\nSUB answer.{id(connection)} 1\r\n'
            message += f"PUB {subject} answer.{id(connection)} {len(payload)}\r\n{payload}\r\n"
            connection.sendall(message.encode())
            for line in answers:
                if line.startswith(b"MSG"):
                    return json.loads(answers.read(int(line.split()[-1])))
        sys.exit(f"no answer to `{subject}`")


class Trial:
    """One stack with neighbours, from its first apply to its end."""

    def __init__(self, bench: Bench, ledger: str) -> None:
        self.bench = bench
        with bench.lock:
            self.name = f"crash-{bench.began}-{next(bench.numbers)}"
        self.folder = bench.folder / self.name
        self.folder.mkdir()
        self.ledger = ["--ledger", f"file:{self.folder / 'ledger.json'}" if ledger == "file" else ledger]
        self.files = {name: self.write(name, text) for name, text in [("before", BEFORE), ("nobodys", NOBODYS), ("wanted", WANTED)]}

    def write(self, name: str, text: str) -> Path:
        file = self.folder / f"{name}.yaml"
        file.write_text(text.format(p=self.name, password=PASSWORD))
        return file

    def named(self, addresses: list[str]) -> list[str]:
        return [address.format(p=self.name) for address in addresses]

    def run(self, command: str, *arguments: object, manifest: str = "wanted") -> subprocess.CompletedProcess:
        return self.bench.call(command, *arguments, "-f", self.files[manifest], *self.ledger)

    def prepare(self) -> None:
        expect(self.run("apply", "--auto-approve", manifest="before"), 0)
        expect(self.bench.call("apply", "--auto-approve", "-f", self.files["nobodys"], "--ledger", "none"), 0)
        for _ in range(MESSAGES):
            for stream in ["kept", "held", "queue"]:
                self.bench.ask(f"{self.name}.{stream}", '"kept"')
        self.bench.ask(f"$JS.API.CONSUMER.MSG.NEXT.{self.name}-held.replaced", "")
        self.before = self.live()

    def cut(self, point: Point | None) -> Gate:
        """The apply behind the gate."""
        cut, at = (point.cut, (point.name, point.nth)) if point else (None, None)
        with Gate(self.bench.nats, self.bench.environment["KAFKA_BROKERS"], cut, at) as gate:
            arguments = [self.bench.trueup, "apply", "--auto-approve", "-f", self.files["wanted"], *self.ledger]
            environment = self.bench.environment | gate.environment
            gate.victim = subprocess.Popen(
                arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            said, _ = gate.victim.communicate(timeout=PATIENCE)
        code = gate.victim.returncode
        is_killed = gate.was_cut and cut is not Cut.LOST
        fine = (-9,) if is_killed else (0, 1, 4, 6) if gate.was_cut else (0,)
        check(code in fine, f"it ended with {code}:\n{said}")
        self.after = self.live()
        self.look_at_the_lock(is_killed)
        return gate

    def look_at_the_lock(self, is_killed: bool) -> None:
        """Nobody has it, or it ends soon; what was killed has it taken away, to save the time."""
        holder = json.loads(expect(self.run("lock", "show", "--output", "json"), 0))["holder"]
        if holder is None:
            return
        end = datetime.datetime.fromisoformat(holder["until"])
        left = (end - datetime.datetime.now(datetime.UTC)).total_seconds()
        # told in whole seconds
        check(left <= LEASE + 1, f"the lock lasts {left:.1f} s longer")
        if is_killed:
            expect(self.run("lock", "release"), 0)

    def finish(self) -> None:
        """The same once more, and what has to be true then."""
        expect(self.run("apply", "--auto-approve", "--lock-timeout", f"{LEASE + 10}s"), 0)
        said = expect(self.run("plan"), 0)
        check("No changes." in said, f"a plan has something to do:\n{said}")
        now = self.live()
        acls = [(operation, topic) for operation in ["write", "describe"] for topic in ["kept", "new"]]
        there = self.named(THERE) + [ACLS.format(p=self.name, operation=operation, topic=topic) for operation, topic in acls]
        check(sorted(now) == sorted(there), f"there is {sorted(now)}, and not {sorted(there)}")
        self.look_at_the_replaced(now)
        replaced = self.named(list(REPLACED))
        for earlier in [self.before, self.after]:
            again = [a for a in now if a in earlier and a not in replaced and earlier[a]["incarnation"] != now[a]["incarnation"]]
            check(not again, f"made a second time: {again}")
        for address in self.named(ALONE):
            check(now[address] == self.before[address], f"`{address}` is nobody's, and is no longer as it was")
        state = self.bench.ask(f"$JS.API.STREAM.INFO.{self.name}-kept", "")["state"]
        check(state["messages"] == MESSAGES, f"{state['messages']} messages are left of {MESSAGES}")
        stacks = json.loads(expect(self.run("ledger", "show", "--output", "json"), 0))["stacks"]
        records = [record for stack in stacks if stack["stack"] == self.name for record in stack["records"]]
        check(records != [], "the ledger knows nothing of the stack")
        left = [record for record in records if record["phase"] != "present"]
        check(not left, f"intents are left: {left}")
        # so that those that come after have less to list; what needs more consent stays
        consents = [word for stream in ["kept", "held", "queue"] for word in ["--approve", f"stream-deleted@stream/{self.name}-{stream}"]]
        self.run("destroy", "--stack", self.name, *consents)

    def look_at_the_replaced(self, now: dict[str, dict]) -> None:
        """Each was made anew once, and goes on where the one before it stood."""
        for address, left in REPLACED.items():
            _, stream, consumer = address.format(p=self.name).split("/")
            before, after, at_last = (self.life(live, address) for live in [self.before, self.after, now])
            check(at_last != before, f"`{address}` was not replaced")
            check(after in (None, before, at_last), f"`{address}` was replaced twice")
            info = self.bench.ask(f"$JS.API.CONSUMER.INFO.{stream}.{consumer}", "")
            check(info["num_pending"] == left, f"{info['num_pending']} messages are before `{address}`, and not {left}")
            state = self.bench.ask(f"$JS.API.STREAM.INFO.{stream}", "")["state"]
            check(state["messages"] == left, f"`{stream}` holds {state['messages']} messages, and not {left}")
            check(state["consumer_count"] == 1, f"`{stream}` has {state['consumer_count']} consumers")

    def life(self, live: dict[str, dict], address: str) -> str | None:
        return live.get(address.format(p=self.name), {}).get("incarnation")

    def live(self) -> dict[str, dict]:
        """All that is there under the trial's name."""
        resources = self.bench.snapshot(self.folder / "live.json")["resources"]
        own = (f"/{self.name}-", f":{self.name}-")
        return {address: live for address, live in resources.items() if any(part in address for part in own)}


def tabled(results: list[Result]) -> str:
    """Trials by ledger and kind of request; what was never asked a second time is no trial."""
    rows = collections.defaultdict(collections.Counter)
    for result in results:
        row = rows[(result.point.ledger, result.point.name)]
        row[result.point.cut] += result.was_cut
        row["wrong"] += result.wrong is not None
    lines = ["| ledger | request | killed before | killed after | answer lost | failed |", "|---|---|---|---|---|---|"]
    for (ledger, name), row in rows.items():
        lines.append(f"| {ledger} | `{name}` | {row[Cut.BEFORE]} | {row[Cut.AFTER]} | {row[Cut.LOST]} | {row['wrong']} |")
    total = sum(rows.values(), collections.Counter())
    lines.append(f"| | **all** | **{total[Cut.BEFORE]}** | **{total[Cut.AFTER]}** | **{total[Cut.LOST]}** | **{total['wrong']}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
