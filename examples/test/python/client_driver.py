"""Drives examples/python/framewire_client.py against a server on PORT and prints what each step gave, a JSON line each."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../python"))
from framewire_client import Client, RpcError  # noqa: E402

PORT = int(sys.argv[1])
client = Client("127.0.0.1", PORT)


def say(step, value):
    print(json.dumps({"step": step, "value": value}), flush=True)


def error_of(action):
    try:
        action()
    except RpcError as error:
        return {
            "code": error.code,
            "message": str(error),
            "name": error.name,
            "details": error.details,
            "notProcessed": error.not_processed,
        }
    return None


say("unary", client.call("work.get", {"id": 42}).result())
say("nothing", client.call("work.quiet", None).result())
say("error", error_of(client.call("work.get", {"id": 7}).result))
say("unknown method", error_of(client.call("work.none", None).result))
say("trailers", client.call("work.trailers", None).result())

long = "é" * 200_000
say("long", client.call("work.echo", long).result() == long)

count = client.call("work.count", {"to": 200_000}, timeout=None)
say("stream", [sum(1 for _ in count), count.is_over])

# Two calls at once: the second is answered while the first is read.
numbers = client.call("work.count", {"to": 30_000}, timeout=None)
first = next(numbers)
beside = client.call("work.get", {"id": 42}).result()
say("side by side", [first, beside, sum(1 for _ in numbers)])

failing = client.call("work.fails", {"after": 3}, timeout=None)
say("stream error", [[next(failing) for _ in range(3)], error_of(lambda: next(failing))])

say("deadline", error_of(client.call("work.hold", "deadline", timeout=0.05).result))
held = client.call("work.hold", "cancel", timeout=60)
held.cancel()
say("cancel", error_of(held.result))
left = client.call("work.count", {"to": 1_000_000_000}, timeout=None)
say("left", [next(left), next(left)])
left.cancel()

say("ping", client.ping() > 0)
say("still there", client.call("work.get", {"id": 42}).result())
say("lost", error_of(client.call("work.stop", None).result))
say("after that", error_of(lambda: client.call("work.get", {"id": 42})))
