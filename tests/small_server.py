"""A small OpenAI-compatible server on loopback, whose answers follow from what it is asked. Load this file by its path:
``tests`` is never imported by name."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

LONGEST = 1_000
"""Characters that fit its context."""
Reply = tuple[int, Any, dict[str, str]]
"""(status, JSON or bytes, headers)."""


def number(*of: object) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(of).encode()).digest()[:4], "big")


def logarithm(word: str, place: int) -> float:
    """What it says of a word at this place."""
    return -1.0 - number(word, place) % 1000 / 250


@dataclass
class SmallServer:
    """``fault(path, body)`` replies in place of it, where it returns a reply. ``seen`` are the requests that it got,
    ``most`` how many it had at once."""

    model: str = "owner/tiny"
    fingerprint: str = "fp_1"
    key: str = ""
    marker: str = "<s>"
    sees: bool = True
    echoes: bool = True
    draws: bool = True
    lists: bool = True
    delay: float = 0.0
    fault: Callable[[str, dict[str, Any]], Reply | None] = lambda path, body: None
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    most: int = 0
    port: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def address(self) -> str:
        return f"{self.url}#{self.model}"

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [body for place, body in self.seen if place == path]

    def reply(self, path: str, body: dict[str, Any], key: str) -> Reply:
        with self._lock:
            self.seen.append((path, body))
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            time.sleep(self.delay)
            if (planned := self.fault(path, body)) is not None:
                return planned
            if self.key and key != f"Bearer {self.key}":
                return _error(401, f"Incorrect API key provided: {key}")
            return self._answer(path, body)
        finally:
            with self._lock:
                self._now -= 1

    def _answer(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models" and self.lists:
            listed = {"id": self.model, "object": "model", "created": int(time.time()), "owned_by": "small"}
            return 200, {"object": "list", "data": [{**listed, "root": "/srv/ada/tiny", "max_model_len": 4096}]}, {}
        ways = {"chat/completions": self._chat, "completions": self._completion, "images/generations": self._image}
        way = ways.get(path.removeprefix("/v1/"))
        if way is None or not {self._image: self.draws, self._completion: True, self._chat: True}[way]:
            return _error(404, "Not Found")
        if body.get("model") != self.model:
            return _error(404, f"The model `{body.get('model')}` does not exist.")
        return way(body)

    def _told(self, **rest: Any) -> dict[str, Any]:
        told = {"id": f"id-{time.time_ns()}", "created": int(time.time()), "model": self.model}
        return {**told, "system_fingerprint": self.fingerprint, **rest}

    def _chat(self, body: dict[str, Any]) -> Reply:
        picture, text = body["messages"][0]["content"]
        if not self.sees:
            return _error(400, "this model is not multimodal")
        if len(text["text"]) > LONGEST:
            return _error(400, "This model's maximum context length is 300 tokens")
        answer = ["Yes", "No", "Yes, there is.", "I cannot say."][number(picture["image_url"]["url"], text["text"]) % 4]
        usage = {"prompt_tokens": 7, "completion_tokens": len(answer.split()), "total_tokens": 9}
        message = {"role": "assistant", "content": answer}
        return 200, self._told(choices=[{"index": 0, "message": message, "finish_reason": "stop"}], usage=usage), {}

    def _completion(self, body: dict[str, Any]) -> Reply:
        words = body["prompt"].split()
        if len(body["prompt"]) > LONGEST:
            return _error(400, "This model's maximum context length is 300 tokens")
        read = [self.marker, *words] if self.marker else words
        logs: list[float | None] = [logarithm(word, place) for place, word in enumerate(read)]
        logs[0] = None
        tokens, logs = ([*read, "so"], [*logs, -0.5]) if self.echoes else (["so"], [-0.5])
        choice = {"text": " ".join(tokens), "finish_reason": "length"}
        usage = {"prompt_tokens": len(read), "completion_tokens": 1}
        return (
            200,
            self._told(choices=[{**choice, "logprobs": {"tokens": tokens, "token_logprobs": logs}}], usage=usage),
            {},
        )

    def _image(self, body: dict[str, Any]) -> Reply:
        if not isinstance(body.get("prompt"), str):
            return _error(400, "body.prompt: Input should be a valid string")
        if len(body["prompt"]) > LONGEST:
            return _error(400, "the prompt does not fit 77 tokens")
        side = int(body["size"].partition("x")[0])
        picture = encoded(drawn(body["prompt"], body["seed"], side))
        return 200, {"created": 1, "data": [{"b64_json": picture}]}, {}


def drawn(prompt: str, seed: int, side: int) -> np.ndarray:
    """Its picture of a prompt."""
    return np.random.default_rng(number(prompt, seed)).integers(0, 256, (side, side, 3), np.uint8)


def encoded(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _error(status: int, message: str) -> Reply:
    return status, {"error": {"message": message, "type": "invalid_request_error", "code": None}}, {}


def again(status: int = 503) -> Reply:
    """Come back in a millisecond."""
    return status, {"error": {"message": "busy"}}, {"retry-after-ms": "1"}


def _handler(server: SmallServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, content, headers = server.reply(self.path, body, self.headers.get("authorization") or "")
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            given = {"content-type": "application/json", "content-length": str(len(data)), **headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            if int(given["content-length"]) != len(data):
                self.close_connection = True

        do_GET = do_POST = _reply

        def log_message(self, *words: Any) -> None:
            pass

    return Handler


def start(server: SmallServer) -> ThreadingHTTPServer:
    """It runs until it is shut down, or the process ends."""
    http = ThreadingHTTPServer(("127.0.0.1", server.port), _handler(server))
    http.daemon_threads = True
    server.port = http.server_address[1]
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return http


@contextmanager
def running(server: SmallServer) -> Iterator[SmallServer]:
    http = start(server)
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def served(folder: object) -> str:
    """As the miniatures of models: a source to open, of a server that runs as long as the tests."""
    server = SmallServer()
    start(server)
    return f"{server.address}#side=32"
