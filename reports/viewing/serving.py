"""The server: this machine alone, reading alone, and nobody who is slow keeps it from answering the others."""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.errors import UserError
from reports.viewing.site import Answer, Site

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
STALLED, ASKING, ANSWERING = 10.0, 10.0, 120.0
"""Seconds: between two bytes; until a request is whole; until its answer is taken."""
AT_ONCE = 64
"""Connections; of more the oldest is ended."""
PIECE = 1 << 16
"""Bytes of an answer that are sent at once."""
DRAINED = 1 << 16
"""Bytes of a body that are read so that who sent them hears the answer."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Handler(BaseHTTPRequestHandler):
    """One request: a connection is closed behind its answer."""

    server: Server
    timeout = STALLED

    def do_GET(self) -> None:
        self.server.asked(self.connection)
        hosts = [host.strip().lower() for host in self.headers.get_all("Host", [])]
        if hosts not in self.server.own_names:  # a page elsewhere may have given this machine a name of its own
            self._send(Answer(403, b"Ask for 127.0.0.1 or localhost, with the port.\n"))
            return
        self._send(self.server.site.answer(self.path))

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """In plain words; a method that we do not have is one that is not allowed."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._send(Answer(status, f"{status.phrase}.\n".encode()))
        self._drain()

    def _send(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_response(answer.status)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Security-Policy", answer.policy)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if getattr(self, "command", None) != "HEAD":
            for start in range(0, len(answer.body), PIECE):  # each has its time, so that a slow line is no stalled one
                self.wfile.write(answer.body[start : start + PIECE])

    def _drain(self) -> None:
        """Read some of what was sent: a connection that is closed over it is reset, and the answer lost."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(0.5)
            left = DRAINED
            while left > 0 and (data := self.connection.recv(left)):
                left -= len(data)

    def version_string(self) -> str:
        """No versions: they are nobody's business."""
        return "ddtbench"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name above)
        """A line for each request is for nobody."""


class Server(ThreadingHTTPServer):
    """Serves a site on a port of this machine (0: a free one). Raises UserError for one that cannot be had."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = AT_ONCE

    def __init__(self, port: int, site: Site, debug: bool = False) -> None:
        self.site = site
        self._debug = debug
        self._guard = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        try:
            super().__init__((HOST, port), Handler)
        except OSError as error:
            raise UserError(_refusal(port, error)) from error
        end = f":{self.server_port}"
        self.own_names = [[name + end] for name in NAMES] + ([[name] for name in NAMES] if end == ":80" else [])

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Without asking a name server who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    # ------------------------------------------------------------------------------------------------ connections

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            if len(self._open) >= AT_ONCE:
                _end(next(iter(self._open)))
            full = len(self._open) >= 2 * AT_ONCE
            self._open[request] = time.monotonic() + ASKING
        if full:
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread could be begun
            self.shutdown_request(request)

    def asked(self, request: socket.socket) -> None:
        """Its request is whole."""
        with self._guard:
            if request in self._open:
                self._open[request] = time.monotonic() + ANSWERING

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: end what has had its time."""
        now = time.monotonic()
        with self._guard:
            for request, until in self._open.items():
                if now > until:
                    _end(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who went away is no error; another is one line, and a traceback for who asked for it."""
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if isinstance(error, OSError):
            return
        if self._debug:
            super().handle_error(request, client_address)
        else:
            print(f"ddtbench: a request was not answered: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _end(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _refusal(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: name another with --port, or leave --port out for one that is free"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} is not for every user: name one above 1023 with --port, or leave --port out"
    return f"port {port} cannot be had ({error.strerror or error}): leave --port out for one that is free"


__all__ = ["HOST", "Server"]
