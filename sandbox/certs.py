"""Certificates for the brokers' TLS listeners, made once per sandbox with openssl."""

import shutil
import subprocess
from pathlib import Path

from problem import Problem

# openssl's own form of dates: YYYYMMDDHHMMSSZ
LONG_AGO = "20200101000000Z"
EXPIRED = "20200201000000Z"
FAR_AWAY = "20491231235959Z"

CONFIG = """\
[ca]
default_ca = sandbox
[sandbox]
new_certs_dir = {folder}
database = {folder}/index.txt
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
"""


def make_certs(folder: Path) -> None:
    """Makes `ca`, `stranger-ca` (signs nothing), `server`, `client` and `expired` (a server's), each as `.pem` and `.key`.

    `server-keystore.pem` and `client-keystore.pem` hold key and certificate together, as Kafka wants them.
    """
    if (folder / "ca.pem").exists():
        return
    fresh = folder.with_name("certs.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "openssl.cnf").write_text(CONFIG.format(folder=fresh))
    (fresh / "index.txt").touch()
    for name in ("ca", "stranger-ca"):
        sign(fresh, name, f"trueup sandbox {name}", "authority", FAR_AWAY, ["-selfsign", "-keyfile", f"{name}.key"])
    by_ca = ["-cert", "ca.pem", "-keyfile", "ca.key"]
    sign(fresh, "server", "localhost", "server", FAR_AWAY, by_ca)
    sign(fresh, "client", "sandbox-client", "client", FAR_AWAY, by_ca)
    sign(fresh, "expired", "localhost", "server", EXPIRED, by_ca)
    for name in ("server", "client"):
        keystore = (fresh / f"{name}.key").read_text() + (fresh / f"{name}.pem").read_text()
        (fresh / f"{name}-keystore.pem").write_text(keystore)
    tidy(fresh)
    fresh.rename(folder)


def sign(folder: Path, name: str, common_name: str, role: str, until: str, authority: list[str]) -> None:
    """A new key and its certificate."""
    openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
    subject = f"/CN={common_name}"
    openssl(folder, "req", "-new", "-config", "openssl.cnf", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
    dates = ["-startdate", LONG_AGO, "-enddate", until]
    what = ["-config", "openssl.cnf", "-extensions", role, "-in", f"{name}.csr", "-out", f"{name}.pem"]
    openssl(folder, "ca", "-batch", "-notext", *what, *dates, *authority)


def tidy(folder: Path) -> None:
    """Leaves only keys and certificates."""
    named = {"ca", "stranger-ca", "server", "client", "expired", "server-keystore", "client-keystore"}
    for path in folder.iterdir():
        if path.stem not in named or path.suffix not in (".pem", ".key"):
            path.unlink()


def openssl(folder: Path, *arguments: str) -> None:
    try:
        answer = subprocess.run(["openssl", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        raise Problem("`openssl` is needed to make certificates and is not on the PATH") from None
    if answer.returncode != 0:
        raise Problem(f"`openssl {' '.join(arguments)}` failed: {answer.stderr.strip()}")
