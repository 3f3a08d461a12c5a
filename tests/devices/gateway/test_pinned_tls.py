"""TLS on a pinned connection: the address is the judged one, the name stays the URL's."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.gateway import http
from tests.waiting import GIVE_UP_SECONDS

HOST = "gateway.example.com"
pytestmark = pytest.mark.usefixtures("loopback_is_open", "_the_name_is_here")


@pytest.fixture
def _the_name_is_here(monkeypatch):
    def look_up(host, port, *_, **__):
        assert host == HOST
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve one HTTPS request with a certificate for `name`; our client trusts its issuer."""
    servers = []

    def start(name):
        certificate = _certificate(name, tmp_path)
        monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        asked = {}
        context.sni_callback = lambda _socket, sni, _context: asked.update(sni=sni)
        listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve_once, args=[listener, context, asked])
        thread.start()
        servers.append((listener, thread))
        return listener.getsockname()[1], asked

    yield start
    for listener, thread in servers:
        thread.join(GIVE_UP_SECONDS)
        listener.close()


def test_the_name_is_asked_for_and_checked_though_the_address_is_given(serve):
    port, asked = serve(HOST)
    answer = http.request("GET", f"https://{HOST}:{port}/instance", headers={"apikey": "hush"})
    assert (answer.status, answer.body) == (200, b"ok")
    assert asked["sni"] == HOST
    assert f"Host: {HOST}:{port}".encode() in asked["request"]


def test_a_certificate_for_another_name_ends_the_call_before_a_byte_of_it_is_sent(serve):
    port, asked = serve("other.example.com")
    with pytest.raises(http.Unreachable) as error:
        http.request("GET", f"https://{HOST}:{port}/instance", headers={"apikey": "hush"})
    assert (error.value.code, error.value.nothing_sent) == ("SSLError", True)
    assert not asked.get("request")


def test_a_certificate_nobody_vouches_for_is_refused(serve, monkeypatch, tmp_path):
    port, _ = serve(HOST)
    (tmp_path / "others").mkdir()
    monkeypatch.setattr(
        requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(_certificate("ca.example", tmp_path / "others"))
    )
    with pytest.raises(http.Unreachable) as error:
        http.request("GET", f"https://{HOST}:{port}/")
    assert error.value.code == "SSLError"


def _serve_once(listener, context, asked):
    try:
        raw, _ = listener.accept()
        with context.wrap_socket(raw, server_side=True) as visitor:
            asked["request"] = visitor.recv(65_536)
            visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except OSError:
        pass


def _certificate(name, directory):
    """A self-signed certificate with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
