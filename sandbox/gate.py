"""A gate before the brokers: it counts what a command asks of them and, at one request, kills it or loses the answer.

Both protocols are read as far as a request can be told from the next one: nothing else is in the way, so that what is killed is
the command as users have it.
"""

import asyncio
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

# https://kafka.apache.org/protocol#protocol_api_keys
KAFKA_REQUESTS = {
    0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit", 9: "OffsetFetch", 10: "FindCoordinator", 15: "DescribeGroups",
    16: "ListGroups", 18: "ApiVersions", 19: "CreateTopics", 20: "DeleteTopics", 22: "InitProducerId", 24: "AddPartitionsToTxn", 26: "EndTxn",
    29: "DescribeAcls", 30: "CreateAcls", 31: "DeleteAcls", 32: "DescribeConfigs", 35: "DescribeLogDirs", 37: "CreatePartitions",
    44: "IncrementalAlterConfigs", 45: "AlterPartitionReassignments", 46: "ListPartitionReassignments", 48: "DescribeClientQuotas",
    49: "AlterClientQuotas", 50: "DescribeUserScramCredentials", 51: "AlterUserScramCredentials", 55: "DescribeQuorum", 57: "UpdateFeatures",
    60: "DescribeCluster", 61: "DescribeProducers", 75: "DescribeTopicPartitions",
}  # fmt: skip

# What changes nothing: of two that follow each other, a kill between them is the kill before the first.
READS = {
    "$JS.API.INFO", "$JS.API.STREAM.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG", "$JS.API.CONSUMER.INFO",
    "$JS.API.CONSUMER.LIST", "$JS.API.CONSUMER.NAMES", "$JS.API.DIRECT.GET", "$SYS",
    "ListOffsets", "Metadata", "Fetch", "OffsetFetch", "FindCoordinator", "DescribeGroups", "ListGroups", "ApiVersions", "DescribeAcls",
    "DescribeConfigs", "DescribeLogDirs", "ListPartitionReassignments", "DescribeClientQuotas", "DescribeUserScramCredentials",
    "DescribeQuorum", "DescribeCluster", "DescribeProducers", "DescribeTopicPartitions",
}  # fmt: skip


class Cut(Enum):
    """What happens at the chosen request."""

    BEFORE = "killed before the request is sent"
    AFTER = "killed when the broker has answered, before the answer arrives"
    LOST = "the answer is lost with the connection"


@dataclass
class Gate:
    """One command's way to both brokers; to be left at the end."""

    nats: str
    kafka: str
    cut: Cut | None = None
    at: tuple[str, int] | None = None
    names: list[str] = field(default_factory=list)
    is_counting: bool = True
    relays: set[asyncio.Task] = field(default_factory=set)
    was_cut: bool = False
    victim: subprocess.Popen | None = None

    def __enter__(self) -> "Gate":
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.ports = asyncio.run_coroutine_threadsafe(self.open(), self.loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @property
    def environment(self) -> dict[str, str]:
        """Where a command finds the brokers."""
        return {"NATS_URL": f"nats://127.0.0.1:{self.ports[0]}", "KAFKA_BROKERS": f"127.0.0.1:{self.ports[1]}"}

    async def open(self) -> tuple[int, int]:
        ways = [self.way_to(self.nats, Nats), self.way_to(self.kafka, Kafka)]
        self.servers = [await asyncio.start_server(way, "127.0.0.1", 0) for way in ways]
        return tuple(server.sockets[0].getsockname()[1] for server in self.servers)

    async def close(self) -> None:
        for server in self.servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def way_to(self, address: str, protocol: type) -> Callable[..., Awaitable[None]]:
        """Takes a connection and relays it until either side ends or the cut comes."""
        host, port = address.rsplit(":", 1)

        async def relay(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
            own = asyncio.current_task()
            self.relays.add(own)
            own.add_done_callback(self.relays.discard)
            try:
                from_broker, to_broker = await asyncio.open_connection(host, int(port), limit=2**26)
            except OSError:
                # the broker is away, as it would be without a gate
                to_client.close()
                return
            own_port = to_client.get_extra_info("sockname")[1]
            talk = protocol(self, int(port), own_port)
            directions = [
                asyncio.ensure_future(talk.requests(from_client, to_broker)),
                asyncio.ensure_future(talk.answers(from_broker, to_client)),
            ]
            # cancelled when the gate is closed
            with suppress(asyncio.CancelledError):
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            with suppress(asyncio.CancelledError):
                await ended(directions)
            to_client.close()
            to_broker.close()

        return relay

    def cut_connections(self) -> None:
        """Ends every connection there is; new ones are taken."""

        async def cut() -> None:
            for relay in list(self.relays):
                relay.cancel()

        asyncio.run_coroutine_threadsafe(cut(), self.loop).result()

    def asked(self, name: str) -> bool:
        """Whether this request is the chosen one."""
        if not self.is_counting:
            return False
        self.names.append(name)
        return (name, self.names.count(name)) == self.at

    async def passes(self, is_chosen: bool) -> bool:
        """Whether a request is handed over."""
        if not (is_chosen and self.cut is Cut.BEFORE):
            return True
        await self.kill()
        return False

    async def arrives(self, is_chosen: bool) -> bool:
        """Whether an answer is."""
        if not is_chosen:
            return True
        if self.cut is Cut.AFTER:
            await self.kill()
        self.was_cut = True
        return False

    async def kill(self) -> None:
        while self.victim is None:
            await asyncio.sleep(0.001)
        self.victim.kill()
        self.was_cut = True


async def ended(directions: list[asyncio.Future]) -> None:
    for direction in directions:
        direction.cancel()
    await asyncio.gather(*directions, return_exceptions=True)


class Nats:
    """Lines, and payloads whose length the line tells. A request is a message; its answer comes to the inbox that it names."""

    def __init__(self, gate: Gate, _port: int, _own_port: int) -> None:
        self.gate, self.waiting = gate, {}

    async def requests(self, reader: asyncio.StreamReader, to_broker: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = line.split()
            payload = await reader.readexactly(int(words[-1]) + 2) if words[0].upper() in (b"PUB", b"HPUB") else b""
            if payload:
                with_reply = {b"PUB": 4, b"HPUB": 5}[words[0].upper()]
                is_chosen = self.gate.asked(named(words[1].decode()))
                if not await self.gate.passes(is_chosen):
                    return
                if len(words) == with_reply:
                    self.waiting[words[2]] = is_chosen
                elif is_chosen:
                    to_broker.write(line + payload)
                    await to_broker.drain()
                    await self.gate.arrives(is_chosen)
                    return
            to_broker.write(line + payload)
            await to_broker.drain()

    async def answers(self, reader: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = line.split()
            if words[0] in (b"MSG", b"HMSG"):
                payload = await reader.readexactly(int(words[-1]) + 2)
                if not await self.gate.arrives(self.waiting.pop(words[1], False)):
                    return
                line += payload
            to_client.write(line)
            await to_client.drain()


def named(subject: str) -> str:
    """A request without the names in it: `$JS.API.STREAM.CREATE`, `$KV`."""
    words = subject.split(".")
    return ".".join(words[:4] if words[:2] == ["$JS", "API"] else words[:1])


class Kafka:
    """Frames with their length. What the broker says of its own address becomes the gate's, so that every connection comes through it."""

    def __init__(self, gate: Gate, port: int, own_port: int) -> None:
        self.gate, self.waiting = gate, {}
        self.address, self.own = (b"127.0.0.1" + struct.pack(">i", it) for it in (port, own_port))

    async def requests(self, reader: asyncio.StreamReader, to_broker: asyncio.StreamWriter) -> None:
        while frame := await whole(reader):
            key, _, number = struct.unpack(">hhi", frame[4:12])
            is_chosen = self.gate.asked(KAFKA_REQUESTS.get(key, f"request {key}"))
            if not await self.gate.passes(is_chosen):
                return
            self.waiting[number] = is_chosen
            to_broker.write(frame)
            await to_broker.drain()

    async def answers(self, reader: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while frame := await whole(reader):
            (number,) = struct.unpack(">i", frame[4:8])
            if not await self.gate.arrives(self.waiting.pop(number)):
                return
            to_client.write(frame.replace(self.address, self.own))
            await to_client.drain()


async def whole(reader: asyncio.StreamReader) -> bytes:
    """A frame with its length; nothing at the end."""
    try:
        length = await reader.readexactly(4)
        return length + await reader.readexactly(struct.unpack(">i", length)[0])
    except asyncio.IncompleteReadError:
        return b""
