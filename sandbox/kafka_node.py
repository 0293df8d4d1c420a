"""Combined Kafka nodes (broker and controller, KRaft): one, or a cluster."""

import base64
import os
import shutil
import socket
import struct
import subprocess
import uuid
import zipfile
from pathlib import Path

import cache
from place import Place, peers_of
from problem import Problem, say
from processes import start

LISTENERS = ["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"]
CONTROLLER = "CONTROLLER"
PORTS = [*LISTENERS, CONTROLLER]
# A slow machine that also compiles needs over a minute.
PATIENCE = 300.0
PASSWORDS = {"admin": "admin-secret", "limited": "limited-secret"}
SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
SCRAM_ITERATIONS = 4096

# Less work before the first answer; the memory is what a handful of topics need.
MEMORY = ["-Xms128m", "-Xmx512m"]
MEMORY_OF_MANY = ["-Xms64m", "-Xmx256m"]
JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{ports[CONTROLLER]}
advertised.listeners={listeners}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
inter.broker.listener.name=PLAINTEXT
log.dirs={data}

authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
auto.create.topics.enable=false
num.partitions=1

sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
{sasl}
ssl.keystore.type=PEM
ssl.keystore.location={certs}/server-keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={certs}/ca.pem
listener.name.ssl.ssl.client.auth=requested

offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.backoff.ms=3000
log.retention.check.interval.ms=5000
"""

LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = INFO
"""

# Where each tool lives: Kafka 4 first, then where 3.x had it.
TOOLS = {
    "topics": ["org.apache.kafka.tools.TopicCommand", "kafka.admin.TopicCommand"],
    "configs": ["org.apache.kafka.tools.ConfigCommand", "kafka.admin.ConfigCommand"],
    "acls": ["org.apache.kafka.tools.AclCommand", "kafka.admin.AclCommand"],
    "groups": ["org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "kafka.admin.ConsumerGroupCommand"],
    "console-consumer": ["org.apache.kafka.tools.consumer.ConsoleConsumer", "kafka.tools.ConsoleConsumer"],
    "console-producer": ["org.apache.kafka.tools.ConsoleProducer", "kafka.tools.ConsoleProducer"],
    "get-offsets": ["org.apache.kafka.tools.GetOffsetShell", "kafka.tools.GetOffsetShell"],
    "producer-perf-test": ["org.apache.kafka.tools.ProducerPerformance"],
    "quorum": ["org.apache.kafka.tools.MetadataQuorumCommand", "kafka.admin.MetadataQuorumCommand"],
}


def launch(place: Place, name: str, broker: dict) -> None:
    """Formats the node's storage when it is new, starts the node and records its process."""
    jars = cache.kafka_jars()
    java = find_java()
    folder = folder_of(place, name)
    properties = write_properties(place, folder, broker)
    format_storage(java, jars, folder, properties, broker["cluster"])
    memory = MEMORY if len(peers_of(broker)) == 1 else MEMORY_OF_MANY
    command = java_command(java, jars, folder, [*memory, *JVM], "kafka.Kafka", str(properties))
    process = start(command, place.log(name))
    place.record(name, broker | {"process": process.document(), "jars": str(jars)})


def folder_of(place: Place, name: str) -> Path:
    """A node's files; those of a cluster's nodes are side by side."""
    return place / "kafka" if name == "kafka" else place / "kafka" / name


def new_cluster() -> str:
    """An id for a cluster."""
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def write_properties(place: Place, folder: Path, broker: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log4j2.properties").write_text(LOGGING)
    properties = folder / "server.properties"
    ports, peers = broker["ports"], peers_of(broker)
    text = PROPERTIES.format(
        node=broker.get("node", 1),
        voters=",".join(f"{node}@127.0.0.1:{peer[CONTROLLER]}" for node, peer in enumerate(peers, 1)),
        ports=ports,
        listeners=",".join(f"{listener}://127.0.0.1:{ports[listener]}" for listener in LISTENERS),
        data=folder / "data",
        certs=place / "certs",
        sasl=sasl_lines(),
        replicas=min(3, len(peers)),
        in_sync=min(2, (len(peers) + 1) // 2),
    )
    properties.write_text(text)
    return properties


def sasl_lines() -> str:
    plain = " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
    modules = {"plain": f"plain.PlainLoginModule required {plain};"}
    modules |= {mechanism.lower(): "scram.ScramLoginModule required;" for mechanism in SCRAM}
    return "".join(
        f"listener.name.{listener}.{mechanism}.sasl.jaas.config=org.apache.kafka.common.security.{module}\n"
        for listener in ("sasl_plaintext", "sasl_ssl")
        for mechanism, module in modules.items()
    )


def format_storage(java: str, jars: Path, folder: Path, properties: Path, cluster: str) -> None:
    if (folder / "data" / "meta.properties").exists():
        return
    shutil.rmtree(folder / "data", ignore_errors=True)
    users = [
        argument
        for mechanism in SCRAM
        for user, password in PASSWORDS.items()
        for argument in ("--add-scram", f"{mechanism}=[name={user},iterations={SCRAM_ITERATIONS},password={password}]")
    ]
    arguments = ["format", "-t", cluster, "-c", str(properties), *users]
    command = java_command(java, jars, folder, ["-XX:TieredStopAtLevel=1"], "kafka.tools.StorageTool", *arguments)
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode != 0:
        raise Problem(f"kafka's storage could not be formatted:\n{answer.stdout.strip()}")


def java_command(java: str, jars: Path, folder: Path, options: list[str], main: str, *arguments: str) -> list[str]:
    logging = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
    return [java, *options, logging, "-cp", f"{jars}/*", main, *arguments]


def find_java() -> str:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not found:
        raise Problem("`java` (17 or newer) is needed to run Kafka; it is neither in `JAVA_HOME` nor on the PATH")
    return found


def lacks(broker: dict, alive: set[int]) -> str | None:
    """What the node still lacks; nothing when it names a controller and itself and all other live nodes: it serves requests."""
    try:
        brokers, controller = metadata(broker["ports"]["PLAINTEXT"])
    except (OSError, struct.error):
        return "it does not answer"
    missing = ", ".join(map(str, sorted(alive - brokers)))
    if missing:
        return f"it does not know of node {missing}"
    return None if controller >= 0 else "it knows no controller"


def metadata(port: int) -> tuple[set[int], int]:
    """The ids of the brokers and of the controller that the node knows."""
    # Metadata (key 3) version 1, correlation id 7, client id `sandbox`, no topics.
    request = struct.pack(">hhih7si", 3, 1, 7, 7, b"sandbox", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(struct.pack(">i", len(request)) + request)
        answer = wire.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4))
        body = answer.read(size)
    _, count = struct.unpack_from(">ii", body)
    at, brokers = 8, set()
    for _ in range(count):
        node, host = struct.unpack_from(">ih", body, at)
        (rack,) = struct.unpack_from(">h", body, at + 6 + host + 4)
        brokers.add(node)
        at += 6 + host + 4 + 2 + max(rack, 0)
    (controller,) = struct.unpack_from(">i", body, at)
    return brokers, controller


def address(broker: dict, listener: str) -> str:
    """Where the listener of every node of the broker's cluster is, as `host:port,host:port`."""
    return ",".join(f"127.0.0.1:{ports[listener]}" for ports in peers_of(broker))


def run_tool(place: Place, name: str, tool: str, arguments: list[str]) -> None:
    """Becomes one of Kafka's own command-line tools, aimed at the sandbox's plain listener unless told otherwise."""
    broker = place.broker(name)
    jars = Path(broker["jars"])
    target = [] if "--bootstrap-server" in arguments else ["--bootstrap-server", address(broker, "PLAINTEXT")]
    options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    command = java_command(find_java(), jars, folder_of(place, name), options, tool_class(jars, tool), *target, *arguments)
    os.execv(command[0], command)


def tool_class(jars: Path, tool: str) -> str:
    """The tool's class in this version of Kafka."""
    archives = [*jars.glob("kafka-tools-*.jar"), *jars.glob("kafka_*.jar")]
    for name in TOOLS[tool]:
        inside = name.replace(".", "/") + ".class"
        if any(inside in zipfile.ZipFile(archive).NameToInfo for archive in archives):
            return name
    say(f"looked for {', '.join(TOOLS[tool])} in `{jars}`")
    raise Problem(f"this Kafka has no `{tool}` tool")
