"""How many messages the routes have not moved, from `trueup status --output json` on standard input."""

import json
import sys

print(sum(route["lag"]["messages"] for route in json.load(sys.stdin)["routes"]))
