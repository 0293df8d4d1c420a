"""The table of what was seen on which broker, from the rows that the matrix writes."""

import json
from pathlib import Path

INTRO = """\
# Compatibility

What every field does on every broker that trueup supports: seen, not promised. `make matrix` starts each of these brokers, tries each field
with each kind of change (created with a value, with the explicit default, or without; changed, changed back, added, set to its default, no longer declared, reset), compares
what the plan said with what the broker then took or refused, plans a second time to nothing, and writes this page. Don't edit it.

- **in place**: can be made with it, changed both ways, and taken away.
- **fixed**: can be made with it; a change is refused by the plan, as it is by the broker.
- **one way**: can be switched on, never off.
- **needs X**: the plan refuses it and names the version; nothing of it is sent. Where a word of a field is newer than the field, it has a line of its own.
- ¹ the broker takes the change and nothing comes of it (at best the configuration's text changes), so the plan refuses it.
"""

TIERED = "² the broker refuses what its own settings don't allow (no tiered storage here), and the plan tells its words.\n"

CHANGES = ["changed", "changed back", "set to its default", "its default added", "reset", "added"]


def render(rows_folder: Path) -> str:
    """The page, from a folder with one folder of rows for each broker, named `nats-2.15.1`."""
    seen = {folder.name: rows_in(folder) for folder in sorted(rows_folder.iterdir(), key=lambda folder: numbers(folder.name))}
    nats = {name.removeprefix("nats-"): rows for name, rows in seen.items() if name.startswith("nats-")}
    kafka = {name.removeprefix("kafka-"): rows for name, rows in seen.items() if name.startswith("kafka-")}
    parts = [INTRO, "## NATS\n", counted(nats)]
    for kind in ["stream", "consumer", "kv", "object-store"]:
        parts += [f"### {kind}\n", table(nats, kind, nats_cell)]
    parts += ["## Kafka\n", counted(kafka), "### topic: partitions 1, one config each\n", table(kafka, "topic", topic_cell), TIERED]
    parts += ["### acl: every operation with every pattern, allowed and denied\n", table(by_type(kafka), "acl", acl_cell)]
    parts += ["### quota: of users, client ids, both, IP addresses and the defaults of each\n", table(kafka, "quota", topic_cell)]
    parts += ["### user: with SCRAM-SHA-256, SCRAM-SHA-512 and both\n", table(kafka, "user", topic_cell)]
    return "\n".join(parts)


def rows_in(folder: Path) -> list[dict]:
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def numbers(name: str) -> tuple:
    broker, version = name.split("-", 1)
    return broker, *(int(number) for number in version.split("."))


def counted(seen: dict[str, list[dict]]) -> str:
    said = ", ".join(f"{version} ({len(rows)})" for version, rows in seen.items())
    return f"Versions, and how many changes were tried on each: {said}.\n"


def table(seen: dict[str, list[dict]], kind: str, cell) -> str:
    fields = list(dict.fromkeys(row["field"] for rows in seen.values() for row in rows if row["kind"] == kind))
    page = {field: [cell_of(rows, kind, field, cell) for rows in seen.values()] for field in sorted(fields)}
    lines = [f"| field | {' | '.join(seen)} |", f"|---|{'---|' * len(seen)}"]
    for field, cells in page.items():
        own = page.get(field.split(": ")[0], [])
        is_told = ": " in field and all(said in ("taken", of_field) for said, of_field in zip(cells, own))
        if not is_told:
            lines.append(f"| `{field}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell_of(rows: list[dict], kind: str, field: str, cell) -> str:
    by_change = {row["change"]: row for row in rows if row["kind"] == kind and row["field"] == field}
    return cell(by_change) if by_change else ""


def nats_cell(by_change: dict[str, dict]) -> str:
    created = by_change["created"]
    if created["verdict"] == "server-too-old":
        return f"needs {created['needs']}"
    tried = {change: by_change[change] for change in CHANGES if change in by_change}
    if not tried:
        return "taken" if created["verdict"] == "done" else created["verdict"]
    refused = {change: row["verdict"] for change, row in tried.items() if row["verdict"] not in ("done", "nothing")}
    mark = " ¹" if any(row["without_effect"] for row in tried.values()) else ""
    said = []
    if set(refused.values()) & {"immutable", "needs-replace"}:
        if done(tried, "changed"):
            said.append("in place; can't be added or taken away")
        else:
            said.append("fixed, can be taken away" if done(tried, "reset") else "fixed")
    elif "replication-too-high" in refused.values():
        said.append("more than 1 needs a cluster")
    elif "one-way" in refused.values():
        said.append("one way")
    elif done(tried, "changed"):
        said.append("in place")
    too_old = {change: row["needs"] for change, row in tried.items() if row["verdict"] == "server-too-old"}
    for needed in sorted(set(too_old.values())):
        said.append(f"{words([change for change in too_old if too_old[change] == needed])} {needed}")
    return "; ".join(said) + mark


def done(tried: dict[str, dict], change: str) -> bool:
    return change in tried and tried[change]["verdict"] == "done"


def words(changes: list[str]) -> str:
    """What of a live resource needs a newer server."""
    if "changed" in changes:
        return "fixed before"
    return "taking it away needs" if "reset" in changes else "adding it needs"


def topic_cell(by_change: dict[str, dict]) -> str:
    created = by_change["created"]
    if created["verdict"] == "server-too-old":
        return f"needs {created['needs']}"
    if created["verdict"] != "done":
        return f"gone from {created['needs']}" if created["needs"] else "refused ²"
    refused = [change for change in CHANGES if change in by_change and by_change[change]["verdict"] not in ("done", "nothing")]
    return "in place" if not refused else "refused: " + ", ".join(refused)


def by_type(seen: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """The rows of ACLs with the type of resource as the field and the operation in the change."""
    def turned(row: dict) -> dict:
        kind, operation = row["field"].split(": ")
        return row | {"field": kind, "change": f"{operation} {row['change']}"}

    return {version: [turned(row) for row in rows if row["kind"] == "acl"] for version, rows in seen.items()}


def acl_cell(by_change: dict[str, dict]) -> str:
    operations = list(dict.fromkeys(change.split(" ")[0] for change in by_change))
    lacking = {change.split(" ")[0]: row["needs"] for change, row in by_change.items() if row["verdict"] != "done"}
    if not lacking:
        return f"all {len(operations)} operations"
    said = ", ".join(f"`{operation}` (needs {needs})" for operation, needs in lacking.items())
    return f"all {len(operations)} operations but {said}"
