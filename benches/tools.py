"""The same work by what a user would take instead, on a sample that ends; the rest is extrapolated, and said to be.

The brokers' own tools make and read one object per process: Kafka's `kafka-topics` and `kafka-configs` (a JVM each), the
`nats` CLI. topicctl takes many files in one process.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SANDBOX = ROOT / "sandbox" / "sandbox"
sys.path.append(str(ROOT / "sandbox"))

import cache  # noqa: E402, the sandbox's

TOPICCTL = "1.23.1"
# What a sample is extrapolated to: the smaller of the sizes that trueup is measured at.
WHOLE = 1000
# Objects of a sample: a few seconds each way.
TOPICS, STREAMS, FILES = 3, 30, 10


def compare(page, sandbox: Callable, measure: Callable) -> None:
    """Measures the samples on fresh brokers and puts their table on the page."""
    rows = Rows(page, measure)
    with sandbox("kafka") as env, tempfile.TemporaryDirectory() as folder:
        kafka_tools(rows, env)
        topicctl(rows, env, Path(folder))
    with sandbox("nats") as env:
        nats_cli(rows, env)
    page.tools = rows.lines


class Rows:
    """The table."""

    def __init__(self, page, measure: Callable):
        self.page, self.measure = page, measure
        self.lines = [
            "",
            f"| {WHOLE:,} of | what | by | sample | measured | {WHOLE:,} would take (extrapolated) | trueup (measured) |",
            "|---|---|---|---|---|---|---|",
        ]

    def row(self, kind: str, what: str, by: str, commands: Iterable[list[str]], sample: int, env: dict[str, str]) -> None:
        wall = sum(self.measure(command, env).wall for command in commands)
        whole = wall / sample * WHOLE
        ours = self.page.walls.get((kind, WHOLE, what))
        told = f"{ours:.2f} s" if ours else "not run"
        of = "streams with a consumer" if kind == "streams" else kind
        self.lines.append(f"| {of} | {what} | {by} | {sample} | {wall:.1f} s | {whole:,.0f} s | {told} |")
        print(f"benches: {self.lines[-1]}", file=sys.stderr, flush=True)


def kafka_tools(rows: Rows, env: dict[str, str]) -> None:
    tool = [str(SANDBOX), "kafka-tool", "--dir", env["TRUEUP_SANDBOX"]]
    names = [f"tool-{number}" for number in range(TOPICS)]
    create = ["topics", "--create", "--partitions", "1", "--replication-factor", "1", "--config", "retention.ms=604800000"]
    made = ([*tool, *create, "--topic", name] for name in names)
    rows.row("topics", CREATE, "`kafka-topics`, a JVM each", made, TOPICS, env)
    read = []
    for name in names:
        read.append([*tool, "topics", "--describe", "--topic", name])
        read.append([*tool, "configs", "--describe", "--all", "--entity-type", "topics", "--entity-name", name])
    rows.row("topics", READ, "`kafka-topics`, `kafka-configs`", read, TOPICS, env)


def nats_cli(rows: Rows, env: dict[str, str]) -> None:
    tool = [str(cache.nats_cli()), "--server", env["NATS_URL"]]
    create, read = [], []
    for number in range(STREAMS):
        name = f"TOOL_{number}"
        stream = ["stream", "add", name, "--subjects", f"tool.{number}", "--max-age", "7d", "--storage", "file", "--defaults"]
        create.append([*tool, *stream])
        create.append([*tool, "consumer", "add", name, "worker", "--pull", "--ack", "explicit", "--defaults"])
        read.append([*tool, "stream", "info", name, "--json"])
        read.append([*tool, "consumer", "info", name, "worker", "--json"])
    rows.row("streams", CREATE, "the `nats` CLI, a process each", create, STREAMS, env)
    rows.row("streams", READ, "the `nats` CLI, a process each", read, STREAMS, env)


def topicctl(rows: Rows, env: dict[str, str], folder: Path) -> None:
    binary = cache.fetched(f"topicctl-{TOPICCTL}", fetch_topicctl, "built from source by go, once") / "topicctl"
    where = "cluster: bench, environment: sandbox, region: here"
    cluster = folder / "cluster.yaml"
    cluster.write_text(
        "meta: { name: bench, environment: sandbox, region: here }\n"
        f"spec: {{ bootstrapAddrs: ['{env['KAFKA_BROKERS']}'] }}\n"
    )
    files = [folder / f"topic-{number}.yaml" for number in range(FILES)]
    for number, file in enumerate(files):
        file.write_text(
            f"meta: {{ name: topicctl-{number}, {where} }}\n"
            "spec: { partitions: 1, replicationFactor: 1, retentionMinutes: 10080, placement: { strategy: any } }\n"
        )
    apply = [str(binary), "apply", "--no-spinner", "--skip-confirm", "--cluster-config", str(cluster)]
    by = f"topicctl v{TOPICCTL}, one process"
    names = [str(file) for file in files]
    rows.row("topics", CREATE, by, [[*apply, *names]], FILES, env)
    rows.row("topics", READ, by, [[*apply, "--dry-run", *names]], FILES, env)


CREATE, READ = "apply from nothing", "plan, nothing differs"


def fetch_topicctl(folder: Path) -> None:
    """Built in a module of our own: `go install` wants the list of all versions, which not every proxy has."""
    package = "github.com/segmentio/topicctl"
    with tempfile.TemporaryDirectory() as module:
        (Path(module) / "go.mod").write_text(f"module bench\n\ngo 1.21\n\nrequire {package} v{TOPICCTL}\n")
        command = ["go", "build", "-mod=mod", "-o", str(folder / "topicctl"), f"{package}/cmd/topicctl"]
        subprocess.run(command, cwd=module, env=dict(os.environ, GOWORK="off"), check=True)
