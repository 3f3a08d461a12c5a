"""Where the program may connect to on a customer's word."""

import socket
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from devices import egress
from devices.egress import CheckedAddress, EgressRefused, Unresolvable, resolve
from devices.gateway import http

PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def _nothing_private_is_open(settings):
    settings.EGRESS_ALLOWED_CIDRS = []


@contextmanager
def dns(monkeypatch, *answers):
    """Let every look-up of a name give the next of these lists of addresses; count the look-ups."""
    asked = []

    def look_up(host, port, *_, **__):
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # shared by a carrier's customers
        "169.254.169.254",  # a cloud's metadata
        "192.0.0.1",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_reached(monkeypatch, address):
    literal = f"http://[{address}]:8080/" if ":" in address else f"http://{address}:8080/"
    with pytest.raises(EgressRefused) as refused:
        resolve(literal)
    assert refused.value.code == "egress_refused"
    with dns(monkeypatch, [address]), pytest.raises(EgressRefused):
        resolve("https://gateway.example.com")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "00.0.0.0",
        "1.2.3.4.5",
        "256.1.1.1",
        "0x",
        "127.0.0.1.",
        "3627734734",
    ],
)
def test_a_number_that_is_no_dotted_quad_is_no_host(host):
    """Clients disagree on what these mean, even where one of them would mean a public address."""
    with pytest.raises(EgressRefused) as refused:
        resolve(f"http://{host}/")
    assert refused.value.code == "address_host"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://user:secret@gateway.example.com/", "address_credentials"),
        ("http://gateway.example.com@127.0.0.1/", "address_credentials"),
        ("http://gateway.example.com:80@127.0.0.1/", "address_credentials"),
        ("http://127.0.0.1\\@gateway.example.com/", "address_characters"),
        ("http://gateway.example.com\\.evil.example/", "address_characters"),
        ("http://gateway.example.com /", "address_characters"),
        ("http://gate\nway.example.com/", "address_characters"),
        ("\thttp://gateway.example.com/", "address_characters"),
        ("http://①②⑦.⓪.⓪.①/", "address_characters"),
        ("http://127。0。0。1/", "address_characters"),
        ("http://gatewaу.example.com/", "address_characters"),  # a Cyrillic letter
        ("http://%31%32%37.0.0.1/", "address_host"),
        ("http://[::1%25eth0]/", "address_host"),
        ("http://[::1/", "address_host"),
        ("http://[v1.x]/", "address_host"),
        ("http://[gateway.example.com]/", "address_host"),
        ("http://[127.0.0.1]/", "address_host"),
        ("http://gateway.example.com:/", "address_host"),
        ("http://gateway.example.com:0080/", "address_host"),
        ("http://gateway.example.com./", "address_host"),
        ("http://-gateway.example.com/", "address_host"),
        ("http://gateway..example.com/", "address_host"),
        ("http://" + "a" * 64 + ".example.com/", "address_host"),
        ("http:///instance", "address_host"),
        ("http://", "address_host"),
        ("http://gateway.example.com:0/", "address_host"),
        ("http://gateway.example.com:99999/", "address_host"),
        ("http://gateway.example.com:8a/", "address_host"),
        ("file:///etc/passwd", "address_scheme"),
        ("gopher://gateway.example.com/", "address_scheme"),
        ("ftp://gateway.example.com/", "address_scheme"),
        ("//gateway.example.com/", "address_scheme"),
        ("gateway.example.com", "address_scheme"),
        ("javascript:alert(1)", "address_scheme"),
        ("", "address_scheme"),
    ],
)
def test_an_address_that_two_programs_could_read_differently_is_refused(monkeypatch, url, code):
    with dns(monkeypatch, [PUBLIC]) as asked, pytest.raises(EgressRefused) as refused:
        resolve(url)
    assert refused.value.code == code
    assert not asked


def test_a_public_name_passes(monkeypatch):
    with dns(monkeypatch, [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"]):
        found = resolve("https://Gateway.Example.com/evolution?x#y")
    assert (found.scheme, found.host, found.port, found.ip) == ("https", "gateway.example.com", 443, PUBLIC)
    with dns(monkeypatch, [PUBLIC]):
        assert resolve("http://gateway.example.com").port == 80
        assert resolve("http://gateway.example.com:8080").port == 8080


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    with dns(monkeypatch, [PUBLIC, "10.0.0.1"]), pytest.raises(EgressRefused):
        resolve("http://gateway.example.com")


def test_a_name_without_an_address_may_have_one_tomorrow(monkeypatch):
    def nothing(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(Unresolvable):
        resolve("http://gateway.example.com")


@pytest.mark.parametrize(
    ("address", "passes"),
    [
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("fd00::5", True),
        ("192.168.0.1", False),
        ("64:ff9b::a01:203", False),
    ],
)
def test_a_private_network_is_open_only_when_the_installation_names_it(monkeypatch, settings, address, passes):
    settings.EGRESS_ALLOWED_CIDRS = ["10.1.0.0/16", "fd00::/8"]
    with dns(monkeypatch, [address]):
        if passes:
            assert ip_address(resolve("http://evolution:8080").ip) == ip_address(address)
        else:
            with pytest.raises(EgressRefused):
                resolve("http://evolution:8080")


# --- The call itself -----------------------------------------------------------------------------------


class Listener:
    """A server on a free local port that counts its visitors and answers each with the same bytes."""

    def __init__(self, reply=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", delay=0.0):
        self.visits = []
        self._reply, self._delay = reply, delay
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            with visitor:
                self.visits.append(visitor.recv(65_536))
                try:
                    for byte in self._reply if self._delay else [None]:
                        visitor.sendall(self._reply if byte is None else bytes([byte]))
                        if self._stopped.wait(self._delay):
                            return
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def _loopback_is_open(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]


@pytest.mark.usefixtures("_loopback_is_open")
def test_a_name_is_asked_once_and_the_judged_address_is_the_one_connected_to(monkeypatch):
    """DNS rebinding: the second answer, which would lead inside, is never asked for."""
    with Listener() as server, dns(monkeypatch, ["127.0.0.1"], ["169.254.169.254"]) as asked:
        answer = http.request("GET", f"http://gateway.example.com:{server.port}/x")
    assert answer.status == 200
    assert asked == ["gateway.example.com"]
    assert f"Host: gateway.example.com:{server.port}".encode() in server.visits[0]


def test_a_refused_address_is_never_connected_to():
    with Listener() as server:
        with pytest.raises(http.Unreachable) as error:
            http.request("GET", f"http://127.0.0.1:{server.port}/")
        assert (error.value.code, error.value.nothing_sent) == ("egress_refused", True)
        assert not server.visits


@pytest.mark.usefixtures("_loopback_is_open")
def test_a_redirect_is_an_answer_not_an_order():
    with Listener() as inside:
        reply = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/\r\nContent-Length: 0\r\n\r\n"
        with Listener(reply.encode()) as server:
            assert http.request("GET", f"http://127.0.0.1:{server.port}/").status == 302
        assert not inside.visits


@pytest.mark.usefixtures("_loopback_is_open")
def test_the_environments_proxies_and_passwords_are_not_used(monkeypatch, tmp_path):
    with Listener() as proxy, Listener() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert http.request("GET", f"http://127.0.0.1:{server.port}/").body == b"ok"
        assert not proxy.visits
        assert server.visits[0].startswith(b"GET / HTTP/1.1\r\n")
        assert b"Authorization" not in server.visits[0]


@pytest.mark.usefixtures("_loopback_is_open")
def test_an_endless_answer_is_cut_off():
    reply = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * http.MAX_ANSWER_BYTES)
    with Listener(reply) as server, pytest.raises(http.Unreachable) as error:
        http.request("GET", f"http://127.0.0.1:{server.port}/")
    assert (error.value.code, error.value.nothing_sent) == ("AnswerTooLarge", False)


@pytest.mark.usefixtures("_loopback_is_open")
@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 500, b""])
def test_a_call_ends_at_its_deadline_even_where_bytes_keep_dripping(reply):
    with Listener(reply, delay=0.05) as server, pytest.raises(http.Unreachable) as error:
        http.request("GET", f"http://127.0.0.1:{server.port}/", timeout=0.4)
    assert error.value.code in {"ReadTimeout", "ConnectionError"}
    assert not error.value.nothing_sent


@pytest.mark.usefixtures("_loopback_is_open")
def test_a_closed_port_is_known_to_have_received_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(http.Unreachable) as error:
        http.request("GET", f"http://127.0.0.1:{port}/")
    assert (error.value.code, error.value.nothing_sent) == ("ConnectionError", True)


@pytest.mark.usefixtures("_loopback_is_open")
def test_a_server_that_speaks_no_tls_receives_nothing_of_the_request():
    with Listener(b"plainly not TLS\r\n") as server:
        with pytest.raises(http.Unreachable) as error:
            http.request("POST", f"https://localhost:{server.port}/", headers={"apikey": "hush"}, json={"a": 1})
        assert (error.value.code, error.value.nothing_sent) == ("SSLError", True)
        assert not any(b"hush" in visit for visit in server.visits)


def test_every_refusal_has_a_sentence():
    from devices import reasons

    for code in ("egress_refused", "address_characters", "address_scheme", "address_credentials", "address_host"):
        assert reasons.spanish(code) != reasons.spanish("nonsense")
    assert egress.read("http://gateway.example.com") == ("http", "gateway.example.com", 80)


def test_an_ipv6_address_can_be_called(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["::1/128"]
    try:
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    port = taken.getsockname()[1]
    answering = threading.Thread(target=_answer_once, args=[taken])
    answering.start()
    assert http.request("GET", f"http://[::1]:{port}/").body == b"ok"
    answering.join()


def _answer_once(listening):
    with listening, listening.accept()[0] as visitor:
        visitor.recv(65_536)
        visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_several_are_resolved_at_once_and_a_silent_name_service_costs_its_time_once(monkeypatch):
    enough = threading.Event()

    def look_up(host, port, **_):
        if host.startswith("silent"):
            enough.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    silent = [f"https://silent{number}.example" for number in range(5)]
    began = time.monotonic()

    found = egress.resolve_all([*silent, "https://good.example", "https://user@good.example"], 0.3)

    took = time.monotonic() - began
    enough.set()
    assert took < 5  # one after the other they would never end
    assert found["https://good.example"] == CheckedAddress("https", "good.example", 443, "93.184.216.34")
    assert isinstance(found["https://user@good.example"], EgressRefused)
    assert all(isinstance(found[url], Unresolvable) for url in silent)
