"""What a server, or who stands between, cannot make a client do: hear a password in clear, or lead it elsewhere."""

import datetime
import ipaddress
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from registry.brokers import BrokerError, NoSuchPlace, Place, Unreachable, connect
from registry.models import Environment, Integration
from registry.services import endpoints
from tests import letters
from tests.registry.brokers import servers

NAME = "nats.example.com"
PASSWORD = "s3cret-word"


class Server:
    """A port that greets as a NATS server does, answers each PING, and keeps what it hears."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting, self.heard = greeting, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        line, _ = self.server.accept()
        with line:
            line.settimeout(10)
            line.sendall(self.greeting)
            while data := line.recv(4096):
                self.heard += data
                if b"PING" in data:
                    line.sendall(b"PONG\r\n")

    def close(self) -> None:
        self.server.close()
        self.thread.join(10)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BROKER_NATS", f"registry:{PASSWORD}")
    return "env:BROKER_NATS"


@pytest.mark.parametrize("told", ["", ',"tls_required":false', ',"tls_available":true'])
def test_a_server_that_does_not_encrypt_never_hears_the_password(
    approved: Integration, credentials: str, told: str
) -> None:
    server = Server(
        f'INFO {{"server_id":"x","version":"2.10.0","auth_required":true,"headers":true{told}}}\r\n'.encode()
    )
    production = Environment.objects.get(slug="production")
    at = letters.broker(production, kind="nats", url=f"tls://localhost:{server.port}", credentials=credentials)
    with pytest.raises(Unreachable, match="does not encrypt"), endpoints.open(at, "orders"):
        pytest.fail("It was opened.")
    server.close()
    assert server.heard == b""


def certificate(home: Path) -> tuple[Path, Path]:
    """A certificate for NAME that vouches for itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    told, kept = home / "certificate.pem", home / "key.pem"
    told.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kept.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return told, kept


@pytest.mark.parametrize("scheme", ["tls", "nats"])
def test_the_address_that_was_checked_is_connected_to_and_has_to_bear_the_name(
    approved: Integration, credentials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, scheme: str
) -> None:
    told, kept = certificate(tmp_path)
    login = ("--user", "registry", "--pass", PASSWORD)
    with servers.nats(tmp_path, "--tls", "--tlscert", str(told), "--tlskey", str(kept), *login) as url:
        port = int(url.rpartition(":")[2])
        settings.BROKER_NETWORKS = [(ipaddress.ip_network("127.0.0.1/32"), port)]
        production = Environment.objects.get(slug="production")
        at = letters.broker(production, kind="nats", url=f"{scheme}://{NAME}:{port}", credentials=credentials)
        asked = rebound(monkeypatch, "127.0.0.1", "127.0.0.2")
        with pytest.raises(BrokerError, match="certificate"), endpoints.open(at, "orders"):
            pytest.fail("Nobody vouches for it.")
        asked.clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(told))
        with pytest.raises(BrokerError, match="no stream of orders"), endpoints.open(at, "orders") as held:
            held.depth()
        assert asked == [NAME]


def rebound(monkeypatch: pytest.MonkeyPatch, first: str, then: str) -> list[str]:
    """NAME is at one address for whoever asks first, and at another from then on. Says who asked."""
    real, asked = socket.getaddrinfo, list[str]()

    def found(host: Any, *more: Any, **named: Any) -> Any:
        if host != NAME:
            return real(host, *more, **named)
        asked.append(host)
        return real(first if len(asked) == 1 else then, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


# --- Redis -------------------------------------------------------------------------------------------------------


class Moving:
    """A Redis that says, to whoever asks to be told so, that it is moving to another host."""

    def __init__(self, to: str) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.moving = f">4\r\n+MOVING\r\n:1\r\n:30\r\n+{to}:{self.port}\r\n".encode()
        self.other = socket.create_server((to, self.port))
        self.other.settimeout(0.2)
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self.server.accept()
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            while data := line.recv(4096):
                self.heard += data
                for command in data.split(b"\r\n*"):
                    if b"HELLO" in command.upper():
                        line.sendall(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                    elif b"PING" in command.upper():
                        line.sendall(self.moving + b"+PONG\r\n")
                    elif b"XINFO" in command:
                        line.sendall(b"-ERR no such key\r\n")
                    else:
                        line.sendall(b"+OK\r\n")

    def is_followed(self) -> bool:
        """Whether somebody came to the other host."""
        with suppress(TimeoutError):
            self.other.accept()[0].close()
            return True
        return False

    def close(self) -> None:
        self.server.close()
        self.other.close()


def test_a_redis_does_not_lead_its_client_to_another_host(
    approved: Integration, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    server = Moving("127.0.0.77")
    settings.BROKER_NETWORKS = [(ipaddress.ip_network("127.0.0.1/32"), server.port)]
    monkeypatch.setenv("BROKER_VALKEY", f"registry:{PASSWORD}")
    production = Environment.objects.get(slug="production")
    at = letters.broker(production, url=f"redis://127.0.0.1:{server.port}/0", credentials="env:BROKER_VALKEY")
    with pytest.raises(NoSuchPlace), endpoints.open(at, "orders") as held:
        held.depth()
    is_followed = server.is_followed()
    server.close()
    assert PASSWORD.encode() in server.heard
    assert (is_followed, b"MAINT_NOTIFICATIONS" in server.heard) == (False, False)


# --- Amazon SQS --------------------------------------------------------------------------------------------------


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the machine's own AWS tools would be allowed."""
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = of-a-file\naws_secret_access_key = {PASSWORD}\n"
    )
    (tmp_path / "config").write_text("[default]\nregion = of-a-file\ndefaults_mode = auto\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)


@pytest.mark.parametrize("login", ["", "key@", "key:@", ":secret@"])
def test_sqs_is_asked_with_no_other_key_than_its_own(ours: None, login: str) -> None:
    with servers.hearing() as (url, heard):
        with pytest.raises(Unreachable, match="needs a key and its secret"):
            connect("sqs", Place(url.replace("://", f"://{login}"), "orders"))
        assert heard == []


def test_sqs_is_asked_where_it_is_and_of_the_region_it_is_told(ours: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.hearing() as (url, heard), servers.hearing() as (proxy, elsewhere):
        for each in ("HTTP_PROXY", "http_proxy", "AWS_EC2_METADATA_SERVICE_ENDPOINT"):
            monkeypatch.setenv(each, proxy)
        connect("sqs", Place(url.replace("://", "://key:secret@"), "orders")).close()
        [authorization] = heard
        assert authorization.startswith("AWS4-HMAC-SHA256 Credential=key/")
        assert "/us-east-1/sqs/" in authorization
        assert elsewhere == []
