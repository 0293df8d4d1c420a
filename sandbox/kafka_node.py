"""One combined Kafka node (broker and controller, KRaft)."""

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
from place import Place, free_ports
from problem import Problem, say
from processes import start

LISTENERS = ["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"]
CONTROLLER = "CONTROLLER"
PASSWORDS = {"admin": "admin-secret", "limited": "limited-secret"}
SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
SCRAM_ITERATIONS = 4096

# Less work before the first answer; the memory is what a handful of topics need.
JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{ports[CONTROLLER]}
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

offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
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
}


def launch(place: Place, name: str) -> dict:
    """Formats the node's storage when it is new, starts the node and records it."""
    before = place.read()["brokers"].get(name, {})
    jars = cache.kafka_jars()
    java = find_java()
    ports = free_ports([*LISTENERS, CONTROLLER], before.get("ports", {}))
    properties = write_properties(place, name, ports)
    format_storage(java, jars, place / name, properties)
    command = java_command(java, jars, place / name, JVM, "kafka.Kafka", str(properties))
    process = start(command, place.log(name))
    broker = {"kind": "kafka", "process": process.document(), "ports": ports, "jars": str(jars)}
    place.record(name, broker)
    return broker


def write_properties(place: Place, name: str, ports: dict[str, int]) -> Path:
    folder = place / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log4j2.properties").write_text(LOGGING)
    properties = folder / "server.properties"
    listeners = ",".join(f"{listener}://127.0.0.1:{ports[listener]}" for listener in LISTENERS)
    text = PROPERTIES.format(
        ports=ports, listeners=listeners, data=folder / "data", certs=place / "certs", sasl=sasl_lines()
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


def format_storage(java: str, jars: Path, folder: Path, properties: Path) -> None:
    if (folder / "data" / "meta.properties").exists():
        return
    shutil.rmtree(folder / "data", ignore_errors=True)
    users = [
        argument
        for mechanism in SCRAM
        for user, password in PASSWORDS.items()
        for argument in ("--add-scram", f"{mechanism}=[name={user},iterations={SCRAM_ITERATIONS},password={password}]")
    ]
    cluster = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
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


def ready(broker: dict) -> bool:
    """Whether the node's Metadata answer names a broker and a controller: it serves requests, not only accepts them."""
    # Metadata (key 3) version 1, correlation id 7, client id `sandbox`, no topics.
    request = struct.pack(">hhih7si", 3, 1, 7, 7, b"sandbox", 0)
    try:
        with socket.create_connection(("127.0.0.1", broker["ports"]["PLAINTEXT"]), timeout=10) as wire:
            wire.sendall(struct.pack(">i", len(request)) + request)
            answer = wire.makefile("rb")
            (size,) = struct.unpack(">i", answer.read(4))
            body = answer.read(size)
        _, brokers, _, host = struct.unpack_from(">iiih", body)
        (rack,) = struct.unpack_from(">h", body, 14 + host + 4)
        (controller,) = struct.unpack_from(">i", body, 14 + host + 4 + 2 + max(rack, 0))
        return brokers == 1 and controller >= 0
    except (OSError, struct.error):
        return False


def address(broker: dict, listener: str) -> str:
    """Where a listener is, as `host:port`."""
    return f"127.0.0.1:{broker['ports'][listener]}"


def run_tool(place: Place, broker: dict, tool: str, arguments: list[str]) -> None:
    """Becomes one of Kafka's own command-line tools, aimed at the sandbox's plain listener unless told otherwise."""
    jars = Path(broker["jars"])
    target = [] if "--bootstrap-server" in arguments else ["--bootstrap-server", address(broker, "PLAINTEXT")]
    options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    command = java_command(find_java(), jars, place / "kafka", options, tool_class(jars, tool), *target, *arguments)
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
