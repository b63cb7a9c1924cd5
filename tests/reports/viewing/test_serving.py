"""What is answered to whom: pages to this machine, nothing else to anybody, whatever is sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from slow_runs import eventually

from harness.errors import UserError
from reports.viewing import serving
from reports.viewing.serving import AT_ONCE, Server


def exchange(port: int, sent: bytes, seconds: float = 20.0) -> bytes:
    """Everything that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(sent)
        found = b""
        while data := connection.recv(65536):
            found += data
    return found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# ------------------------------------------------------------------------------------------------ pages


@pytest.mark.parametrize(
    ("path", "kind", "inside"),
    [
        ("/", "text/html; charset=utf-8", b"report 1"),
        ("/index.html", "text/html; charset=utf-8", b"report 1"),
        ("/index.html?x=1", "text/html; charset=utf-8", b"report 1"),
        ("/tasks/sums.html", "text/html; charset=utf-8", b"report 1"),
        ("/v1/tasks/sums.html", "text/html; charset=utf-8", b"report 1"),
        ("/v1/", "text/html; charset=utf-8", b"report 1"),
        ("/data/sums.js", "text/javascript; charset=utf-8", b"// 1"),
        ("/v1/data/sums.js", "text/javascript; charset=utf-8", b"// 1"),
        ("/tables/a%20b.csv", "text/plain; charset=utf-8", b"a,b"),
        ("/figures/one.svg", "image/svg+xml", b"<svg/>"),
        ("/figures/one.pdf", "application/pdf", b"%PDF"),
        ("/live/live.js", "text/javascript; charset=utf-8", b"use strict"),
        ("/live/live.css", "text/css; charset=utf-8", b".live"),
        ("/live/state.json", "application/json", b'"version": 1'),
    ],
)
def test_an_address_is_answered_with_its_file(served: Any, path: str, kind: str, inside: bytes) -> None:
    code, headers, body = served.ask(path)
    assert (code, headers["content-type"]) == (200, kind)
    assert inside in body and int(headers["content-length"]) == len(body)
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store" and headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"] and headers["server"] == "ddtbench"
    code, again, body = served.ask(path, "HEAD")
    assert (code, again | {"date": headers["date"]}, body) == (200, headers, b"")  # a second may have passed


def test_a_page_may_ask_for_more_only_here(served: Any) -> None:
    """The policy of the file forbids it; both count, so the file's own is taken out."""
    _, headers, body = served.ask("/")
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; connect-src 'self'")
    assert b"http-equiv" not in body and b"/live/live.js" in body and b'<section id="live"' in body
    stored = (served.place / "1" / "report" / "index.html").read_text()
    assert "http-equiv" in stored and "connect-src" not in stored and "live" not in stored
    assert "connect-src" not in served.ask("/figures/one.svg")[1]["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/tasks", "/tasks/", "/data/", "/v1/tasks/", "/v9/data/sums.js", "/v1", "/live", "/live/"),
        *("/live/pictures/", "/live/pictures/../live.js", "/live/../index.html", "/live/templates/live.html"),
        *("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/v1/../../x"),
        *("//etc/passwd", "/%2fetc/passwd", "/tasks/%2fetc/passwd", "/..\\..\\etc\\passwd", "/%5c..%5cetc"),
        *("/tables/link.csv", "/elsewhere/passwd", "/.hidden", "/v1/.hidden", "/index.html%00.png", "/index.html/"),
        *("/%ff", "/%c0%ae%c0%ae/etc/passwd", "/tasks/./sums.html", "/tasks//sums.html", "/INDEX.HTML", "/%0d%0aX:y"),
        *("/v99999999999999999999/index.js", "/v1/v1/data/sums.js", "/1/report/index.html", "/%25"),
    ],
)
def test_nothing_else_is_served(served: Any, path: str) -> None:
    code, headers, body = served.ask(path)
    assert code == 404 and headers["content-type"].startswith("text/plain")
    assert body == b"There is nothing at this address.\n"


@pytest.mark.parametrize("target", ["etc/passwd", "http://127.0.0.1/", "*", "?", "\\", "/ x", "/\x7f"])
def test_what_is_no_address_is_refused(served: Any, target: str) -> None:
    sent = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode("latin-1")
    assert status(exchange(served.port, sent)) in (400, 404)


def test_a_mark_of_the_tab_is_no_error(served: Any) -> None:
    assert served.ask("/favicon.ico")[0] == 204


# ------------------------------------------------------------------------------------------------ who asks, and how


def test_it_listens_on_this_machine_alone(served: Any) -> None:
    assert served.server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", served.port), 1).close()


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LocalHost:{}"])
def test_it_has_two_names(served: Any, host: str) -> None:
    assert served.ask("/", Host=host.format(served.port))[0] == 200


@pytest.mark.parametrize(
    "lines",
    [
        *("Host: evil.example", "Host: evil.example:{0}", "Host: 127.0.0.1", "Host: localhost", "Host: 127.0.0.1:1"),
        *("", "Host:", "Host: 127.0.0.1:{0}\r\nHost: evil.example", "Host: 127.0.0.1:{0}.evil.example"),
        *("X-Forwarded-Host: 127.0.0.1:{0}", "Host: 127.0.0.1:{0}\r\nHost: 127.0.0.1:{0}", "Host: 2130706433:{0}"),
        *("Host: user@127.0.0.1:{0}", "Host: [::1]:{0}", "Host: 0.0.0.0:{0}", "Host: 127.0.0.1:0{0}"),
    ],
)
def test_a_name_that_is_not_ours_is_refused(served: Any, lines: str) -> None:
    """A page elsewhere can give this machine a name of its own and then ask as if it were ours."""
    for path in ("/", "/live/state.json"):
        head = lines.format(served.port)
        sent = f"GET {path} HTTP/1.1\r\n{head}{chr(13) + chr(10) if head else ''}\r\n".encode()
        answer = exchange(served.port, sent)
        assert status(answer) == 403 and b"report" not in answer and b"version" not in answer


def test_a_request_without_headers_is_refused(served: Any) -> None:
    assert b"report" not in exchange(served.port, b"GET /\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"])
def test_it_can_only_be_read(served: Any, method: str) -> None:
    code, headers, body = served.ask("/", method)
    assert (code, headers["allow"]) == (405, "GET, HEAD") and b"report" not in body


def test_who_sends_a_body_hears_the_answer(served: Any) -> None:
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: 60000\r\n\r\n".encode()
    assert status(exchange(served.port, head + b"x" * 60000)) == 405


# ------------------------------------------------------------------------------------------------ who means no good


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/one\r\n\r\n",
        b"GET / HTTP/1.1 more\r\n\r\n",
        b"POST /\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(500)) + b"\r\n",
        b"GET / HTTP/1.1\r\n: no name\r\n folded\r\n\xff\xfe\r\n\r\n",
    ],
)
def test_whatever_is_sent_it_answers_the_next(served: Any, sent: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        answer = exchange(served.port, sent)
    except ConnectionError:  # it closed over what it did not want to read
        answer = b""
    assert b"report" not in answer and b"Traceback" not in answer
    assert not answer or not answer.startswith(b"HTTP/") or status(answer) in (400, 403, 405, 414, 431, 505)
    assert served.ask("/")[0] == 200
    assert capsys.readouterr().err == ""


def test_many_that_only_wait_keep_nobody_from_an_answer(served: Any) -> None:
    waiting = [socket.create_connection(("127.0.0.1", served.port), 20) for _ in range(2 * AT_ONCE + 20)]
    try:
        assert all(served.ask("/live/state.json")[0] == 200 for _ in range(5))
    finally:
        for connection in waiting:
            connection.close()
    assert served.ask("/")[0] == 200


def test_who_sends_slowly_is_ended(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ASKING", 0.4)
    served = serve()
    with socket.create_connection(("127.0.0.1", served.port), 20) as slow:
        began = time.monotonic()

        def over() -> bool:
            try:
                slow.sendall(b"G")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        slow.settimeout(0.1)
        assert eventually(over, 15)
        assert time.monotonic() - began >= 0.3
    assert served.ask("/")[0] == 200


def test_who_reads_slowly_is_given_the_whole_file(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece has its time, and not the answer: a tunnel from another machine is slower than this one."""
    monkeypatch.setattr(serving.Handler, "timeout", 0.5)
    served = serve()
    (served.place / "1" / "report" / "data" / "sums.js").write_bytes(b"x" * 12_000_000)
    found = 0
    with socket.create_connection(("127.0.0.1", served.port), 20) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.sendall(f"GET /data/sums.js HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
        while data := slow.recv(1_000_000):
            found += len(data)
            time.sleep(0.01)
    assert found > 12_000_000


def test_who_goes_away_is_no_error(serve: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    served = serve()
    large = served.place / "1" / "report" / "data" / "sums.js"
    large.write_bytes(b"x" * 30_000_000)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port), 20) as leaving:
            leaving.sendall(f"GET /data/sums.js HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
            leaving.recv(10)
    assert len(served.ask("/data/sums.js")[2]) == 30_000_000
    assert capsys.readouterr().err == ""


def test_a_port_in_use_is_one_line_with_the_cure(served: Any) -> None:
    with pytest.raises(UserError, match=f"port {served.port} is in use: name another with --port") as caught:
        Server(served.port, served.server.site)
    assert "\n" not in str(caught.value)
