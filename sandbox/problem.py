"""What a user of the sandbox is told: progress on stderr, and the one exception that ends a command."""

import sys
import time

BEGAN = time.monotonic()


class Problem(Exception):
    """Something the user has to know; ends the command with exit code 1."""


def say(text: str) -> None:
    """One progress line on stderr, with the seconds since the command began."""
    print(f"sandbox [{time.monotonic() - BEGAN:5.1f}s] {text}", file=sys.stderr, flush=True)
