"""Prints `ADDRESS FIELD` for each change in a plan or drift document: `python3 changed_fields.py drift.json`."""

import json
import sys


def changed_fields(document) -> list[str]:
    if isinstance(document, list):
        return [line for item in document for line in changed_fields(item)]
    if not isinstance(document, dict):
        return []
    if "address" in document and isinstance(document.get("changes"), list):
        return [f"{document['address']} {field_of(change)}" for change in document["changes"]]
    return [line for value in document.values() for line in changed_fields(value)]


def field_of(change: dict) -> str:
    return change["field"].removeprefix("config.")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        print("\n".join(changed_fields(json.load(source))))
