"""Requests to a server by the library ``openai``: so many at once, sent again with growing waits, and each failure told
in one line that holds no key.

What the server says of one request (too long, empty, cut off) is the failure of that case. What it says of all of them
(it went away, refuses the key) stops the run: ``SubjectGone``.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from baselines.openai_server.address import NO_KEY, Address
from harness.errors import UserError
from harness.isolation import SubjectGone, storable
from harness.spec import canonical_json

Kind = Literal["chat", "completions", "images"]
KEPT = 1 << 26
"""Bytes of answers that are kept: a batch in which one case failed is asked again case by case."""
UNANSWERED = 4
"""So many times as many as are on their way at once, in a row and without any answer: nobody is there."""
ALIVE_SECONDS = 10.0
SHORTEST_KEY = 8
"""A shorter key could be a word of an answer; it is taken out of what a server says of failures alone."""
HIDDEN = "[key]"
SHOWN = 200
"""Characters of what a server says."""
NO_SERVER = (502, 503, 504)
NOT_OFFERED = (404, 405, 501)


class Refused(UserError):
    """The server answers, and does not do this one (``status``)."""

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


class Unanswered(UserError):
    """No answer came to this one, while the server does answer others."""


class Server:
    """One server and its key. It is asked by threads of its own; answers are parsed JSON objects."""

    def __init__(self, address: Address) -> None:
        try:
            import openai
        except ImportError:
            raise UserError("openai@URL#MODEL needs the library openai: pip install 'ddtbench[openai]'") from None
        self._openai, self.address, self._key = openai, address, address.key()
        options = address.options
        self._client = openai.OpenAI(
            api_key=self._key, base_url=address.url, timeout=options.seconds, max_retries=options.retries
        )
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._unanswered = 0
        self._gone = ""

    # -- what is asked

    def models(self) -> list[Mapping[str, Any]] | None:
        """What the server lists; None where it keeps no list. Raises SubjectGone."""
        try:
            content = self._told(lambda: self._client.models.with_raw_response.list().content)
        except Refused as refused:
            if refused.status in NOT_OFFERED:
                return None
            raise
        listed = self.parsed(content).get("data")
        if not isinstance(listed, list):
            raise UserError(self._speaks_otherwise(content))
        return [item for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str)]

    def ask(self, kind: Kind, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """An answer for each body, in order; equal ones are asked once, and so is what was answered a moment ago.

        All are asked before the first failure is raised, so that what was answered need not be asked again.
        """
        names = [hashlib.sha256(f"{kind} {canonical_json(body)}".encode()).hexdigest() for body in bodies]
        todo = {name: body for name, body in zip(names, bodies, strict=True) if name not in self._kept}
        answers = {name: content for name in names if (content := self._kept.get(name)) is not None}
        pool = ThreadPoolExecutor(min(self.address.options.in_flight, max(1, len(todo))))
        try:
            coming = {name: pool.submit(self._one, kind, body) for name, body in todo.items()}
            for name, future in coming.items():
                if future.exception() is None:
                    answers[name] = future.result()
                    self._keep(name, answers[name])
        except BaseException:  # an interrupt: what is on its way is given up
            pool.shutdown(wait=False, cancel_futures=True)
            self._client.close()
            raise
        pool.shutdown()
        failures = [error for future in coming.values() if (error := future.exception()) is not None]
        if failures:
            raise next((error for error in failures if isinstance(error, SubjectGone)), failures[0])
        return [self.parsed(answers[name]) for name in names]

    def _one(self, kind: Kind, body: Mapping[str, Any]) -> bytes:
        if self._gone:
            raise SubjectGone(self._gone)
        raw: Mapping[Kind, Callable[..., Any]] = {
            "chat": self._client.chat.completions.with_raw_response.create,
            "completions": self._client.completions.with_raw_response.create,
            "images": self._client.images.with_raw_response.generate,
        }
        try:
            content = self._told(lambda: bytes(raw[kind](**body).content))
            self.parsed(content)  # what is broken is not kept
            return content
        except SubjectGone as error:
            self._gone = str(error)
            raise

    def _keep(self, name: str, content: bytes) -> None:
        self._kept[name] = content
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT:
            self._kept.popitem(last=False)

    # -- what is said of failures

    def parsed(self, content: bytes) -> dict[str, Any]:
        """Raises UserError for what is no JSON object."""
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise UserError(self._speaks_otherwise(content)) from None
        if not isinstance(value, dict):
            raise UserError(self._speaks_otherwise(content))
        return value

    def clean(self, text: object) -> str:
        """One line of what a server says, short, without the key."""
        line = " ".join(storable(text).split())
        line = line if self._key == NO_KEY else line.replace(self._key, HIDDEN)
        return line[:SHOWN] + "..." * (len(line) > SHOWN)

    def without_key(self, text: str) -> str:
        """An answer as it is stored."""
        return text.replace(self._key, HIDDEN) if len(self._key) >= SHORTEST_KEY else text

    def _speaks_otherwise(self, content: bytes) -> str:
        said = self.clean(content[:SHOWN].decode("utf-8", "replace")) or "nothing"
        return f"{self.address.url} is not an OpenAI-compatible server (it says: {said}): does the URL end in /v1?"

    def _told(self, call: Callable[[], bytes]) -> bytes:
        """What the call returns. Raises ``Refused`` or ``SubjectGone`` for what the library raises."""
        library, url, tries = self._openai, self.address.url, self.address.options.retries + 1
        try:
            content = call()
        except library.APIStatusError as error:
            self._heard()
            raise self._refused(error.status_code, self._words(error.body), tries) from None
        except library.APIConnectionError as error:
            late = isinstance(error, library.APITimeoutError)
            why = f"no answer in {self.address.options.seconds:g} s" if late else self.clean(error.__cause__ or error)
            line = f"{url} does not answer ({why}; asked {_times(tries)})"
            if self._silent() or _nobody(error) or not self._alive():
                raise SubjectGone(f"{line}: start the server or mend the URL; the same command goes on") from None
            raise Unanswered(line) from None
        except library.OpenAIError as error:
            raise UserError(f"{url}: {self.clean(error)}") from None
        self._heard()
        return content

    def _refused(self, status: int, said: str, tries: int) -> UserError:
        address = self.address
        if status in (401, 403):
            cure = "set it again" if self._key != NO_KEY else "export it, or name another variable with #key=NAME"
            return SubjectGone(f"{address.url} refuses the key in {address.variable} ({status}): {cure}")
        if status == 429:
            cure = "ask later, or fewer at once (#in-flight=1)"
            return SubjectGone(f"{address.url} takes no more requests (429: {said}; asked {_times(tries)}): {cure}")
        if status in NO_SERVER:
            return SubjectGone(
                f"{address.url} has no server behind it (status {status}: {said}; asked {_times(tries)})"
            )
        if status == 404 and address.model in said and ("not found" in said or "not exist" in said):
            return Refused(f"{address.url} has no model '{self.clean(address.model)}' ({said})", status)
        return Refused(f"{address.url} refuses a request ({status}: {said})", status)

    def _words(self, body: object) -> str:
        """The message in a server's error, in whichever of the usual places it stands."""
        for place in ("error", "message", "detail"):
            if isinstance(body, Mapping) and body.get(place):
                body = body[place]
        return self.clean(body if body else "no reason given")

    def _heard(self) -> None:
        with self._lock:
            self._unanswered = 0

    def _silent(self) -> bool:
        with self._lock:
            self._unanswered += 1
            return self._unanswered >= UNANSWERED * self.address.options.in_flight

    def _alive(self) -> bool:
        """Whether it answers anything at all."""
        library = self._openai
        quick = self._client.with_options(timeout=min(ALIVE_SECONDS, self.address.options.seconds), max_retries=0)
        try:
            quick.models.with_raw_response.list()
        except library.APIStatusError as error:
            return error.status_code not in NO_SERVER
        except library.OpenAIError:
            return False
        return True


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _nobody(error: BaseException) -> bool:
    """Whether there was nobody to connect to: a refused connection, a host without an address."""
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "ProxyError"):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
