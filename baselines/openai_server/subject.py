"""A model behind an OpenAI-compatible server (vLLM, SGLang, vLLM-Omni ...): ``openai@URL#MODEL``.

Opening it asks three small things, which tell what the server offers: an answer of one token about a grey picture, the
log-probabilities of three words, and a picture without a prompt, which a server that draws refuses otherwise than one
that does not. What it states of the model (name, fingerprint, context) is part of the run's key.

Answers are greedy. Known deviations: the server rounds and batches as it likes, so that equal runs may differ in ways
which no seed decides; its tokenizer is not at hand, so that a text longer than the context is refused, where our own
models read it in windows; the vocabulary's size is not known, so that no uniform cost is stated.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from baselines.libraries.chat_pictures import check_prompts
from baselines.openai_server.address import EXAMPLE, Address, parse_address
from baselines.openai_server.answers import likelihood_of, picture_of, record_of, require_text, states, text_of
from baselines.openai_server.requests import NOT_OFFERED, Kind, Refused, Server, Unanswered
from harness.contracts import Likelihood
from harness.errors import UserError, nearest
from harness.images import encode_png, from_bytes, to_bytes
from harness.isolation import SubjectGone
from harness.places import without_folders, without_folders_anywhere
from harness.spec import NAME_LENGTH, canonical_json

SHOWN_SIDE, DRAWN_SIDE = 448, 1024
PROBE = "one two three"
SEEDS = 1 << 31
"""Servers take seeds of 31 bits; ours have 64."""
LISTED = ("owned_by", "root", "max_model_len")
"""What a list of models says of one, as far as it stays the same."""


@dataclass
class Offered:
    """What a server was found to do: kind of request -> (model, fingerprint) as its answers state them; and why it does
    not do the others."""

    does: dict[Kind, tuple[str, str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    begins: bool = False


class ServedModel:
    """Satisfies ``AnswersQuestions``, ``ScoresText`` (given nothing) and ``GeneratesImages`` as far as the server does,
    and ``KeepsRecord``."""

    version = 1
    device = "cpu"

    def __init__(self, server: Server, listed: Mapping[str, Any], offered: Offered) -> None:
        self._server, self._offered = server, offered
        self.address: Address = server.address
        draws_only = "images" in offered.does and "chat" not in offered.does
        self.image_size = self.address.options.side or (DRAWN_SIDE if draws_only else SHOWN_SIDE)
        self._stated = {name: listed[name] for name in LISTED if isinstance(listed.get(name), str | int)}
        self._records: list[list[dict[str, Any]]] = []

    @property
    def provides(self) -> tuple[str, ...]:
        names: Mapping[Kind, str] = {
            "chat": "AnswersQuestions",
            "completions": "ScoresText",
            "images": "GeneratesImages",
        }
        return tuple(name for kind, name in names.items() if kind in self._offered.does)

    @property
    def display_name(self) -> str:
        return self.address.model.rstrip("/").rpartition("/")[2][:NAME_LENGTH]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides an answer, as far as it can be known from outside; part of a run's key."""
        same = self.address.options.fingerprint == "same"
        server = {
            "url": self.address.url,
            "model": without_folders(self.address.model),
            **without_folders_anywhere(self._stated),
            "answers": {
                kind: {"model": without_folders(model), "fingerprint": fingerprint if same else "any"}
                for kind, (model, fingerprint) in sorted(self._offered.does.items())
            },
        }
        return {
            "server": server,
            "side": self.image_size,
            "answer_tokens": self.address.options.tokens,
            "temperature": 0,
        }

    @property
    def checkpoint_digest(self) -> str:
        """Of all that the server states of its model: its weights cannot be seen."""
        return hashlib.sha256(canonical_json(self.settings["server"]).encode()).hexdigest()

    @property
    def first_context(self) -> str:
        """What the first token of a text is predicted from."""
        return "begin marker" if self._offered.begins else "nothing (the first token is not counted)"

    def take_records(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        taken, self._records = self._records, []
        return taken

    def answer(
        self, images: Float[Tensor, "batch 3 size size"], questions: Sequence[str], longest: int | None = None
    ) -> Sequence[str]:
        """Raises UserError for an answer that is empty, or longer than ``#tokens=``. Where ``longest`` is given, a
        longer one is cut, as the task wants it."""
        limit = longest or self.address.options.tokens
        bodies = [
            _asked(self.address.model, picture, text, limit) for picture, text in zip(images, questions, strict=True)
        ]
        texts = [self._read(text_of, answer, limit, longest is not None) for answer in self._ask("chat", bodies)]
        return [self._server.without_key(text) for text in texts]

    def score_text(
        self, texts: Sequence[str], images: Float[Tensor, "batch 3 size size"] | None = None
    ) -> Sequence[Likelihood]:
        """Raises UserError for an empty text, for one that the context does not hold, and where there are pictures."""
        if images is not None:
            raise UserError("a server gives likelihoods of text alone: give it no pictures")
        if any(not text.strip() for text in texts):
            raise UserError("the text is empty")
        answers = self._ask("completions", [_echoed(self.address.model, text) for text in texts])
        begins = self._offered.begins
        pairs = zip(answers, texts, strict=True)
        return [self._read(likelihood_of, answer, text, begins)[0] for answer, text in pairs]

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> Float[Tensor, "batch 3 size size"]:
        """Raises UserError for an empty prompt, for one that does not fit, and for a picture of another size."""
        check_prompts(prompts)
        pairs = zip(prompts, seeds, strict=True)
        bodies = [_drawn(self.address.model, prompt, seed, self.image_size) for prompt, seed in pairs]
        answers = self._ask("images", bodies)
        return from_bytes(np.stack([self._read(picture_of, answer, self.image_size) for answer in answers]))

    def _ask(self, kind: Kind, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        if kind not in self._offered.does:
            why = self._offered.reasons.get(kind, "")
            raise UserError(f"{self.address.url} does not offer {kind}{f' ({why})' if why else ''}")
        try:
            answers = self._server.ask(kind, bodies)
        except Refused as refused:
            if refused.status in NOT_OFFERED:  # it did when it was opened
                raise SubjectGone(str(refused)) from None
            raise
        for answer in answers:
            self._require_same(kind, answer)
        self._records.append([record_of(answer, self._server.clean) for answer in answers])
        return answers

    def _require_same(self, kind: Kind, answer: Mapping[str, Any]) -> None:
        """Raises SubjectGone where another model answers now than when it was opened."""
        if self.address.options.fingerprint == "any":
            return
        for what, was, now in zip(("model", "fingerprint"), self._offered.does[kind], states(answer), strict=True):
            if was and now and was != now:
                raise SubjectGone(
                    f"{self.address.url} answers with another {what} now ({self._server.clean(now)}, it was "
                    f"{self._server.clean(was)}): start the command again, which begins a run of its own"
                )

    def _read(self, read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except ValueError as error:
            raise UserError(f"{self._server.clean(error)} ({self.address.url})") from None


def _asked(model: str, picture: Float[Tensor, "3 size size"], question: str, longest: int) -> dict[str, Any]:
    shown = base64.b64encode(encode_png(to_bytes(picture))).decode("ascii")
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{shown}"}},
        {"type": "text", "text": question},
    ]
    return {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": longest,
        "temperature": 0,
    }


def _echoed(model: str, text: str) -> dict[str, Any]:
    """As lm-eval asks: one token more than the text, which is not counted."""
    return {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}


def _drawn(model: str, prompt: str | None, seed: int, side: int) -> dict[str, Any]:
    size = f"{side}x{side}"
    base = {"model": model, "prompt": prompt, "n": 1, "size": size, "response_format": "b64_json"}
    return {**base, "extra_body": {"seed": seed % SEEDS}}


def open_served(source: str, device: str = "cpu") -> ServedModel:
    """Raises UserError, one line each, for a wrong address, a key that is refused, a model that is not there, and a
    server that speaks otherwise or offers nothing."""
    address = parse_address(source)
    server = Server(address)
    listed = _listed(server)
    offered = Offered()
    grey = torch.full((3, address.options.side or SHOWN_SIDE, address.options.side or SHOWN_SIDE), 0.5)
    _probe(server, offered, "chat", _asked(address.model, grey, "Is this grey? Answer yes or no.", 1))
    _probe(server, offered, "completions", _echoed(address.model, PROBE))
    _probe(server, offered, "images", _drawn(address.model, None, 0, DRAWN_SIDE))
    if not offered.does:
        if "has no model" in offered.reasons["chat"]:
            raise UserError(offered.reasons["chat"])
        why = "; ".join(f"{kind}: {reason}" for kind, reason in offered.reasons.items())
        raise UserError(f"{address.url} offers nothing that can be asked: does the URL end in /v1? ({why})")
    return ServedModel(server, listed, offered)


def _listed(server: Server) -> Mapping[str, Any]:
    """What the server's list says of the model; nothing where it keeps no list. Raises UserError for another model."""
    listed = server.models()
    if not listed:
        return {}
    for item in listed:
        if item["id"] == server.address.model:
            return item
    known = [server.clean(item["id"]) for item in listed[:20]]
    model = server.clean(server.address.model)
    raise UserError(f"{server.address.url} has no model '{model}'{nearest(model, known)}; write {EXAMPLE}")


def _probe(server: Server, offered: Offered, kind: Kind, body: Mapping[str, Any]) -> None:
    """Ask one small thing: ``offered`` holds what came of it. Raises SubjectGone where nobody can be asked."""
    try:
        (answer,) = server.ask(kind, [body])
        if kind == "chat":
            require_text(answer)
        if kind == "completions":
            offered.begins = likelihood_of(answer, PROBE)[1]
    except Refused as refused:
        if kind == "images" and refused.status not in NOT_OFFERED and "prompt" in str(refused).lower():
            offered.does[kind] = "", ""  # it draws: it only misses the prompt
        else:
            offered.reasons[kind] = str(refused)
    except (SubjectGone, Unanswered):
        raise
    except (UserError, ValueError) as error:
        offered.reasons[kind] = str(error)
    else:
        offered.does[kind] = states(answer)
