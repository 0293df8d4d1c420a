#!/usr/bin/env python3
"""A ledger that is emptied, damaged, put back to an old copy or another cluster's, and two applies at once while a broker is killed.

Usage: sandbox/check_ledgers.py FOLDER TRUEUP [--rounds N] [--write PAGE], where FOLDER is a sandbox of one node of each broker.

Each trial has the resources of those of check_crashes.py. Two applies at once are tried N times with each ledger and broker.
"""

import base64
import collections
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True

from check_crashes import LEDGERS, Bench, Trial, parser
from check_elections import PATIENCE, SANDBOX, check, expect, say

# Of what the stack made, less: what is missing here would be deleted by a ledger that knew it.
FEWER = """\
stack: {p}
nats: {{ streams: {{ {p}-kept: {{ subjects: [{p}.kept], max_msgs: 100, consumers: {{ changed: {{ ack_wait: 30s }} }} }} }} }}
kafka: {{ topics: {{ {p}-kept: {{ partitions: 1, replication_factor: 1, retention: 7d, access: {{ produce: [User:{p}-a] }} }} }} }}
"""

# What somebody makes by names that the stack had.
ANEW = """\
stack: {p}-other
nats: {{ streams: {{ {p}-gone: {{ subjects: [{p}.gone] }} }}, key_value: {{ {p}-gone: {{}} }} }}
kafka: {{ topics: {{ {p}-gone: {{ partitions: 1, replication_factor: 1 }} }} }}
"""

HEAD = "## The ledger damaged, and two at once\n"

SECTION = """
What the same stack comes to when its ledger is not what it was (`sandbox/check_ledgers.py`, a part of `make crashes`):

- *emptied*: an apply of a manifest that declares less than what is there ends with 0, warns (`ledger-lost`) and leaves everything as it is; `ledger rebuild`
  records it again, and then the usual apply does the usual work, deletions included;
- *cut in half*: plan and apply end with 1 (`ledger-failed`) and change nothing; put right, all goes on;
- *an old copy*: from before an apply that made, changed, replaced and deleted; meanwhile somebody made a stream, a bucket and a topic anew by names that were deleted. The apply ends with 0,
  the plan after it has nothing to do, and nothing was deleted or made a second time;
- *of another cluster*: plan, apply, `destroy` and `ledger rebuild` end with 1 (`wrong-target`) and change nothing.

And two applies of the stack are started together, and a broker is killed and started again while they run. Each ends by itself (0, 1, 4 or 6), and then the same has to hold as above
after an apply that was killed.

{date}, nats-server {nats}, Kafka {kafka}: {trials} trials, {failed} failed, {seconds:.0f} s.

{table}
"""


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3, metavar="N", help="how often two at once are tried with each ledger and broker (3)")
    arguments = options.parse_args()
    bench = Bench(arguments.folder, arguments.trueup.resolve())
    begin = time.monotonic()
    counts, failed = collections.defaultdict(collections.Counter), 0
    for ledger in LEDGERS:
        for name, tried in trials(arguments.rounds):
            wrong = None
            try:
                tried(Damaged(bench, ledger))
            except SystemExit as failure:
                wrong = str(failure)
                say(f"{ledger} ledger, {name}: {wrong}")
            counts[name][ledger] += 1
            failed += wrong is not None
            say(f"{ledger} ledger, {name}: {'failed' if wrong else 'fine'}")
    table = tabled(counts)
    if arguments.write:
        section = bench.filled(SECTION, begin, trials=sum(map(sum_of, counts.values())), failed=failed, table=table)
        page = arguments.write.read_text().partition(HEAD)[0]
        arguments.write.write_text(page.rstrip() + "\n\n" + HEAD + section)
    print(table)
    return 1 if failed else 0


def trials(rounds: int) -> list[tuple[str, Callable[["Damaged"], None]]]:
    damages = [("emptied", emptied), ("cut in half", cut_in_half), ("an old copy", an_old_copy), ("of another cluster", of_another_cluster)]
    two = [(f"two at once, {broker} killed", lambda trial, broker=broker: two_at_once(trial, broker)) for broker in ["nats", "kafka"]]
    return damages + two * rounds


def sum_of(row: collections.Counter) -> int:
    return sum(row.values())


def tabled(counts: dict[str, collections.Counter]) -> str:
    lines = [f"| | {' | '.join(LEDGERS)} |", "|---|" + "---|" * len(LEDGERS)]
    lines += [f"| {name} | {' | '.join(str(row[ledger]) for ledger in LEDGERS)} |" for name, row in counts.items()]
    return "\n".join(lines)


class Damaged(Trial):
    """A stack whose ledger can be taken away, looked at and put back."""

    def __init__(self, bench: Bench, ledger: str) -> None:
        super().__init__(bench, ledger)
        self.place, self.sheets = ledger, 0
        self.files |= {name: self.write(name, text) for name, text in [("fewer", FEWER), ("anew", ANEW)]}

    def take_out(self) -> Path:
        """Empties the ledger: the file that holds the stack's records now."""
        self.sheets += 1
        sheet = self.folder / f"sheet-{self.sheets}.json"
        if self.place == "file":
            return (self.folder / "ledger.json").rename(sheet)
        expect(self.bench.call("ledger", "move", "--from", self.place, "-f", self.files["before"], "--ledger", f"file:{sheet}"), 0)
        return sheet

    def put_in(self, sheet: Path) -> None:
        """Fills the emptied ledger from a file, which stays."""
        self.sheets += 1
        copy = shutil.copy(sheet, self.folder / f"copy-{self.sheets}.json")
        if self.place == "file":
            shutil.move(copy, self.folder / "ledger.json")
        else:
            expect(self.run("ledger", "move", "--from", f"file:{copy}", manifest="before"), 0)

    def garble(self) -> Callable[[], None]:
        """Cuts a value of the ledger in half; what puts it right."""
        match self.place:
            case "file":
                file = self.folder / "ledger.json"
                text = file.read_text()
                file.write_text(text[: len(text) // 2])
                return lambda: file.write_text(text)
            case "nats":
                subject, value = self.value_in_nats()
                self.bench.ask(subject, value[: len(value) // 2])
                return lambda: self.bench.ask(subject, value)
            case _:
                key, value = self.value_in_kafka()
                self.produce(key, value[: len(value) // 2])
                return lambda: self.produce(key, value)

    def value_in_nats(self) -> tuple[str, str]:
        state = self.bench.ask("$JS.API.STREAM.INFO.KV_trueup", json.dumps({"subjects_filter": f"$KV.trueup.owned.{self.name}.>"}))
        subject = next(iter(state["state"]["subjects"]))
        message = self.bench.ask("$JS.API.STREAM.MSG.GET.KV_trueup", json.dumps({"last_by_subj": subject}))["message"]
        return subject, base64.b64decode(message["data"]).decode()

    def value_in_kafka(self) -> tuple[str, str]:
        consumed = self.kafka_tool(
            "console-consumer", "--topic", "__trueup", "--from-beginning", "--timeout-ms", "10000",
            "--isolation-level", "read_committed", "--property", "print.key=true",
        )  # fmt: skip
        values = dict(line.split("\t", 1) for line in consumed.splitlines() if line.startswith(f"owned.{self.name}."))
        check(values != {}, "the ledger's topic holds nothing of the stack")
        return next(iter(values.items()))

    def produce(self, key: str, value: str) -> None:
        self.kafka_tool("console-producer", "--topic", "__trueup", "--property", "parse.key=true", said=f"{key}\t{value}\n")

    def kafka_tool(self, tool: str, *arguments: str, said: str = "") -> str:
        command = [SANDBOX, "kafka-tool", "--dir", self.bench.folder, tool, *arguments]
        ended = subprocess.run(command, input=said, capture_output=True, text=True, timeout=PATIENCE)
        return ended.stdout

    def refuses(self, code: str, *commands: tuple[str, ...]) -> None:
        """Each command ends with 1 for this reason, and nothing is changed."""
        for command in commands:
            ended = self.run(*command)
            check(ended.returncode == 1, f"`{command}` ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
            check(code in ended.stderr, f"`{command}` does not say `{code}`:\n{ended.stderr}")
        self.same_as(self.before)

    def same_as(self, earlier: dict[str, dict]) -> None:
        now = self.live()
        different = [a for a in earlier.keys() | now.keys() if earlier.get(a) != now.get(a)]
        check(not different, f"no longer as they were: {sorted(different)}")

    def end(self) -> None:
        self.after = self.live()
        self.finish()


def emptied(trial: Damaged) -> None:
    trial.prepare()
    trial.take_out()
    ended = trial.run("apply", "--auto-approve", manifest="fewer")
    expect(ended, 0)
    check("ledger-lost" in ended.stdout + ended.stderr, f"nothing is said of it:\n{ended.stdout}{ended.stderr}")
    trial.same_as(trial.before)
    expect(trial.run("ledger", "rebuild", manifest="before"), 0)
    trial.end()


def cut_in_half(trial: Damaged) -> None:
    trial.prepare()
    mend = trial.garble()
    try:
        trial.refuses("ledger-failed", ("plan",), ("apply", "--auto-approve"))
    finally:
        mend()
    trial.end()


def an_old_copy(trial: Damaged) -> None:
    trial.prepare()
    old = trial.take_out()
    trial.put_in(old)
    expect(trial.run("apply", "--auto-approve"), 0)
    expect(trial.bench.call("apply", "--auto-approve", "-f", trial.files["anew"], "--ledger", "none"), 0)
    there = trial.live()
    trial.take_out()
    trial.put_in(old)
    expect(trial.run("apply", "--auto-approve"), 0)
    said = expect(trial.run("plan"), 0)
    check("No changes." in said, f"a plan has something to do:\n{said}")
    trial.same_as(there)


def of_another_cluster(trial: Damaged) -> None:
    trial.prepare()
    sheet = trial.take_out()
    other = trial.folder / "other.json"
    text = sheet.read_text()
    identities = json_strings(json.loads(text), "on")
    check(identities != [], f"no cluster is recorded in {text[:1000]}")
    other.write_text(text.replace(identities[0], "another-cluster"))
    trial.put_in(other)
    commands = [("plan",), ("apply", "--auto-approve"), ("destroy", "--stack", trial.name), ("ledger", "rebuild")]
    trial.refuses("wrong-target", *commands)
    trial.take_out()
    trial.put_in(sheet)
    trial.end()


def json_strings(value: object, key: str) -> list[str]:
    """All strings under a key."""
    match value:
        case dict():
            own = [v for k, v in value.items() if k == key and isinstance(v, str)]
            return own + [found for v in value.values() for found in json_strings(v, key)]
        case list():
            return [found for v in value for found in json_strings(v, key)]
        case _:
            return []


def two_at_once(trial: Damaged, broker: str) -> None:
    trial.prepare()
    command = [trial.bench.trueup, "apply", "--auto-approve", "--lock-timeout", "2m", "-f", trial.files["wanted"], *trial.ledger]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [subprocess.Popen(command, env=trial.bench.environment, **quiet) for _ in range(2)]
    time.sleep(random.uniform(0.05, 1.5))
    trial.bench.sandbox("kill", broker)
    trial.bench.back([broker])
    for process in running:
        said, _ = process.communicate(timeout=PATIENCE)
        check(process.returncode in (0, 1, 4, 6), f"one ended with {process.returncode}:\n{said}")
    trial.end()


if __name__ == "__main__":
    sys.exit(main())
