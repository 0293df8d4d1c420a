#!/usr/bin/env python3
"""A service of the platform that speaks Kafka: it produces numbered records, and it reads a topic and counts what is lost,
doubled or out of its order.

Usage: records.py produce|read TOPIC [--keys N] [--count N] [--size BYTES] [--pause SECONDS] [--first N]
"""

import argparse
import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

# How long nothing may come before what is there is taken to be all.
IDLE = 60


def main() -> None:
    arguments = parser().parse_args()
    told = produce(arguments) if arguments.what == "produce" else read(arguments)
    print(json.dumps(told), flush=True)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["produce", "read"])
    parser.add_argument("topic")
    parser.add_argument("--keys", type=int, default=1, help="how many keys there are")
    parser.add_argument("--count", type=int, default=10, help="how many records each key has")
    parser.add_argument("--size", type=int, default=0, help="bytes of padding")
    parser.add_argument("--pause", type=float, default=0, help="seconds between two rounds of all keys")
    parser.add_argument("--first", type=int, default=0, help="ends when so many are read, and shows them")
    return parser


def servers() -> str:
    return os.environ["KAFKA_BROKERS"]


def produce(arguments: argparse.Namespace) -> dict:
    """By an idempotent producer, which keeps the order of each partition whatever fails."""
    options = {"enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 5, "message.timeout.ms": 0}
    producer = Producer({"bootstrap.servers": servers(), **options})
    pad, started, failed = "x" * arguments.size, time.monotonic(), []
    for n in range(arguments.count):
        for k in range(arguments.keys):
            key = f"k{k}"
            value = json.dumps({"id": key, "n": n} | ({"pad": pad} if pad else {}))
            while True:
                try:
                    producer.produce(arguments.topic, value, key, on_delivery=lambda error, _: error and failed.append(str(error)))
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        if arguments.pause:
            producer.poll(arguments.pause)
    producer.flush()
    if failed:
        sys.exit(f"records: {len(failed)} were not taken: {failed[0]}")
    return {"produced": arguments.count * arguments.keys, "seconds": round(time.monotonic() - started, 1)}


def read(arguments: argparse.Namespace) -> dict:
    """What was committed and is in the topic now, or the first ones that come."""
    options = {"auto.offset.reset": "earliest", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({"bootstrap.servers": servers(), "group.id": f"records-{uuid.uuid4()}", "isolation.level": "read_committed", **options})
    topic = AdminClient({"bootstrap.servers": servers()}).list_topics(arguments.topic, timeout=30).topics[arguments.topic]
    open_partitions = set(topic.partitions)
    consumer.assign([TopicPartition(arguments.topic, index, 0) for index in open_partitions])
    tally = Tally(arguments.keys, arguments.count)
    last = time.monotonic()
    while open_partitions or arguments.first:
        message = consumer.poll(1)
        if message is None:
            if time.monotonic() - last > IDLE:
                sys.exit(f"records: nothing came for {IDLE} s, after {tally.read} records")
            continue
        last = time.monotonic()
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                sys.exit(f"records: {message.error()}")
            open_partitions.discard(message.partition())
            continue
        if arguments.first:
            key = message.key()
            print(f"{message.topic()} {key.decode() if key is not None else None} {message.value().decode()}", flush=True)
        tally.take(json.loads(message.value()))
        if arguments.first and tally.read == arguments.first:
            break
    consumer.close()
    return tally.told()


class Tally:
    def __init__(self, keys: int, count: int) -> None:
        self.wanted, self.read, self.doubled, self.inverted = keys * count, 0, 0, 0
        self.seen: dict[str, set[int]] = {}
        self.highest: dict[str, int] = {}

    def take(self, message: dict) -> None:
        """One is inverted when it comes for the first time behind one of the same key that was produced after it."""
        self.read += 1
        key, n = message["id"], message["n"]
        seen = self.seen.setdefault(key, set())
        highest = self.highest.get(key, -1)
        if n in seen:
            self.doubled += 1
        elif n < highest:
            self.inverted += 1
        seen.add(n)
        self.highest[key] = max(highest, n)

    def told(self) -> dict:
        distinct = sum(len(seen) for seen in self.seen.values())
        return {"read": self.read, "lost": self.wanted - distinct, "doubled": self.doubled, "inverted": self.inverted}


if __name__ == "__main__":
    main()
