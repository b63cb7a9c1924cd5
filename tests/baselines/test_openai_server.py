"""A model behind a server: what it is asked, what is stored of its answers, and one line for all that goes wrong."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from baselines.openai_server.address import Options, parse_address
from harness import cli
from harness.catalog import open_model
from harness.errors import UserError
from harness.isolation import SubjectGone
from harness.store.run_folder import RunFolder, find_run_folders


def _small_server() -> Any:
    spec = importlib.util.spec_from_file_location(
        "ddtbench_small_server", Path(__file__).parents[1] / "small_server.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


small = _small_server()
SECRET = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Any]:
    with small.running(small.SmallServer()) as running:
        yield running


def opened(server: Any, options: str = "#side=8#retries=2") -> Any:
    return open_model(f"openai@{server.address}{options}")


def pictures(count: int, side: int = 8) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def ddtbench(*words: object) -> object:
    """The exit code."""
    with pytest.raises(SystemExit) as done:
        cli.main([str(word) for word in words])
    return done.value.code


def files(place: Path) -> dict[str, bytes]:
    """All but the circumstances (host, time), which are promised nothing."""
    found = (
        path for path in sorted(place.rglob("*")) if path.is_file() and path.name not in ("environment.json", "lock")
    )
    return {str(path.relative_to(place)): path.read_bytes() for path in found}


def run_of(place: Path) -> RunFolder:
    (folder,) = find_run_folders(str(place))
    return folder


def samples_of(place: Path) -> list[Any]:
    return [sample for unit in run_of(place).samples() for sample in unit]


# ------------------------------------------------------------------------------------------------ as a user runs it

MME = ("run", "mme@world", "--limit", 12, "--batch", 4, "--unit-size", 4, "--workers", 1)


def test_mme_as_a_user_runs_it(server: Any, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """Each question is asked once, each answer stands with what the server said of it; again, nothing is asked. The
    key is sent and stored nowhere."""
    server.key = SECRET
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    model = f"openai@{server.address}#side=32"
    assert ddtbench(*MME, "--model", model, "--out", tmp_path / "runs") == 0
    said = capsys.readouterr()
    assert "tiny" in said.out and "MME" in said.out
    chats = server.asked("/v1/chat/completions")
    assert len(chats) == 24 + 1, "12 pictures of two questions, and one to see what there is"
    assert {chat["temperature"] for chat in chats} == {0} and {chat["model"] for chat in chats} == {"owner/tiny"}
    assert server.most <= 8
    for sample in samples_of(tmp_path / "runs"):
        assert len(json.loads(sample.text)) == len(sample.record) == 2
        for record in sample.record:
            assert record.keys() == {"model", "fingerprint", "finish_reason", "prompt_tokens", "completion_tokens"}
            assert record["model"] == "owner/tiny" and record["fingerprint"] == "fp_1"
    folder = run_of(tmp_path / "runs")
    assert folder.spec.model.startswith("openai@tiny-") and len(folder.spec.checkpoint) == 64
    stated = folder.spec.settings["server"]
    assert stated["model"] == "owner/tiny" and stated["answers"]["chat"]["fingerprint"] == "fp_1"
    assert stated["root"] == ".../tiny", "a folder of another machine is named by its last part"

    before = files(tmp_path / "runs")
    assert ddtbench(*MME, "--model", model, "--out", tmp_path / "runs") == 0
    assert len(server.asked("/v1/chat/completions")) == len(chats) + 1 and files(tmp_path / "runs") == before
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    said = capsys.readouterr()
    assert everything and not any(SECRET.encode() in content for content in everything)
    assert SECRET not in said.out + said.err


def test_perplexity_as_a_user_runs_it(server: Any, tmp_path: Path) -> None:
    lines = ["the quick brown fox", "a red circle stands left of two blue squares", "ring"]
    (tmp_path / "mine.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ("--model", f"openai@{server.address}", "--batch", 2, "--unit-size", 2, "--out", tmp_path / "runs")
    assert ddtbench("run", f"perplexity@{tmp_path}/mine.txt", *words) == 0
    texts = [line.split() for line in lines]
    nats = -sum(small.logarithm(word, place + 1) for text in texts for place, word in enumerate(text))
    found = {item.metric: item for item in run_of(tmp_path / "runs").read_estimates()}
    size = sum(len(line.encode()) for line in lines)
    assert found["word-perplexity"].value == pytest.approx(math.exp(nats / sum(map(len, texts))), rel=1e-9)
    assert found["bits-per-byte"].value == pytest.approx(nats / size / math.log(2), rel=1e-9)
    assert found["bits-per-byte"].fingerprint["first_context"] == "begin marker"
    for sample in samples_of(tmp_path / "runs"):
        assert "choices" not in sample.numbers and "bits" not in sample.numbers, "the vocabulary is not known"
        assert sample.record[0]["finish_reason"] == "length"


def test_pictures_as_a_user_runs_it(server: Any, tmp_path: Path) -> None:
    words = ("--limit", 3, "--batch", 2, "--unit-size", 2, "--workers", 1, "--out", tmp_path / "runs")
    assert ddtbench("run", "geneval@world", "--model", f"openai@{server.address}#side=32", *words) == 0
    drawn = [body for body in server.asked("/v1/images/generations") if body["prompt"]]
    assert len(drawn) == 3 and {body["size"] for body in drawn} == {"32x32"}
    wanted = {body["prompt"]: small.drawn(body["prompt"], body["seed"], 32) for body in drawn}
    for sample in samples_of(tmp_path / "runs"):
        assert np.array_equal(sample.images["output"], wanted[sample.case.facts["geneval"]["prompt"]])


def test_a_server_that_goes_away_stops_the_run_which_goes_on_in_the_same_bytes(tmp_path: Path, capsys: Any) -> None:
    server = small.SmallServer()
    with small.running(server):
        model = f"openai@{server.address}#side=32#retries=0"
        assert ddtbench(*MME, "--model", model, "--out", tmp_path / "whole") == 0
        asked = len(server.asked("/v1/chat/completions"))
        server.fault = lambda path, body: (
            (502, b"", {}) if len(server.asked("/v1/chat/completions")) > asked + 14 else None
        )
        capsys.readouterr()
        assert ddtbench(*MME, "--model", model, "--out", tmp_path / "cut") == 2
        assert "has no server behind it (status 502" in capsys.readouterr().err.strip().splitlines()[-1]
    kept = samples_of(tmp_path / "cut")
    assert [sample.outcome for sample in kept] == ["ok"] * 4, "what was finished is kept, and nothing is a failure"
    assert ddtbench(*MME, "--model", model, "--out", tmp_path / "cut") == 2, "nobody is there"
    assert "does not answer" in capsys.readouterr().err
    server.fault = lambda path, body: None
    server.seen.clear()
    with small.running(server):
        assert ddtbench(*MME, "--model", model, "--out", tmp_path / "cut") == 0
    assert len(server.asked("/v1/chat/completions")) == 16 + 1
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


# ------------------------------------------------------------------------------------------------ requests


def test_no_more_requests_are_on_their_way_than_allowed(server: Any) -> None:
    server.delay = 0.02
    subject = opened(server, "#side=8#in-flight=3")
    answers = subject.answer(pictures(12), ["is it?"] * 12)
    assert len(answers) == 12 and server.most == 3


def test_equal_requests_of_a_batch_are_asked_once(server: Any) -> None:
    """A batch is padded by a case of it; a batch in which one case failed is asked again case by case."""
    subject = opened(server)
    one = pictures(1).repeat(4, 1, 1, 1)
    before = len(server.seen)
    assert len(set(subject.answer(one, ["is it?"] * 4))) == 1 and len(server.seen) == before + 1
    server.fault = lambda path, body: (200, {"choices": []}, {}) if "guilty" in json.dumps(body) else None
    with pytest.raises(UserError, match="answer is empty"):
        subject.answer(pictures(3), ["one", "guilty", "three"])
    before = len(server.seen)
    subject.take_records()
    assert subject.answer(pictures(3)[[0]], ["one"]) and subject.answer(pictures(3)[[2]], ["three"])
    assert len(server.seen) == before and [len(rows) for rows in subject.take_records()] == [1, 1]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_request_is_sent_again_until_it_is_answered(server: Any, status: int) -> None:
    subject, before = opened(server), len(server.seen)
    server.fault = lambda path, body: small.again(status) if len(server.seen) < before + 3 else None
    assert subject.answer(pictures(1), ["is it?"]) and len(server.seen) == before + 3


@pytest.mark.parametrize(
    ("reply", "gone", "says"),
    [
        (small.again(429), True, "takes no more requests (429: busy; asked 3 times)"),
        (small.again(503), True, "has no server behind it (status 503: busy; asked 3 times)"),
        (small.again(500), False, "refuses a request (500: busy)"),
        ((401, {"error": {"message": "no"}}, {}), True, "refuses the key in OPENAI_API_KEY (401)"),
        ((404, {"detail": "Not Found"}, {}), True, "refuses a request (404: Not Found)"),
        ((400, {"error": {"message": "too\nlong"}}, {}), False, "refuses a request (400: too long)"),
        ((200, b"<html>hello</html>", {"content-type": "text/html"}), False, "is not an OpenAI-compatible server"),
        ((200, b"[1]", {}), False, "is not an OpenAI-compatible server (it says: [1])"),
        ((200, b'{"choices": [{"mess', {}), False, "is not an OpenAI-compatible server"),
        ((200, b"{}", {"content-length": "99"}), False, "does not answer ("),
        ((200, {"choices": [{"message": {"content": " "}, "finish_reason": "stop"}]}, {}), False, "answer is empty"),
        ((200, {"choices": [{"message": {"content": None}}]}, {}), False, "answer is empty (finish_reason None)"),
        (
            (200, {"choices": [{"message": {"content": "Well,"}, "finish_reason": "length"}]}, {}),
            False,
            "is cut off after",
        ),
        ((200, {"choices": 3}, {}), False, "answer is empty"),
    ],
)
def test_one_line_for_each_failure(server: Any, reply: Any, gone: bool, says: str) -> None:
    """What concerns one request is that case's failure; what concerns them all stops the run."""
    subject = opened(server, "#side=8#retries=2" if reply[0] != 200 else "#side=8#retries=0")
    server.fault = lambda path, body: None if path == "/v1/models" else reply
    with pytest.raises(UserError) as caught:
        subject.answer(pictures(1), ["is it?"])
    line = str(caught.value)
    assert says in line and "\n" not in line and server.url in line
    assert isinstance(caught.value, SubjectGone) == gone


def test_a_cut_answer_is_kept_where_the_task_allows_no_more(server: Any) -> None:
    subject = opened(server)
    choice = {"message": {"content": " Well, "}, "finish_reason": "length"}
    server.fault = lambda path, body: (200, {"choices": [choice]}, {})
    assert list(subject.answer(pictures(1), ["is it?"], longest=1)) == ["Well,"]
    assert server.asked("/v1/chat/completions")[-1]["max_tokens"] == 1
    assert subject.take_records() == [[{"finish_reason": "length"}]]


def test_a_request_that_hangs_is_that_cases_failure_and_a_server_that_hangs_stops_the_run(server: Any) -> None:
    import time

    subject = opened(server, "#side=8#retries=0#seconds=0.3")
    server.fault = lambda path, body: time.sleep(0.6) if "slow" in json.dumps(body) else None
    with pytest.raises(UserError, match=r"does not answer \(no answer in 0.3 s; asked once\)") as caught:
        subject.answer(pictures(2), ["slow", "quick"])
    assert not isinstance(caught.value, SubjectGone)
    server.fault = lambda path, body: time.sleep(0.6)
    with pytest.raises(SubjectGone, match="does not answer"):
        subject.answer(pictures(1), ["another"])


def test_another_model_behind_the_same_name_stops_the_run(server: Any) -> None:
    subject, lenient = opened(server), opened(server, "#side=8#fingerprint=any")
    server.fingerprint = "fp_2"
    with pytest.raises(SubjectGone, match=r"another fingerprint now \(fp_2, it was fp_1\)"):
        subject.answer(pictures(1), ["is it?"])
    assert lenient.answer(pictures(1), ["is it?"])
    assert lenient.take_records()[0][0]["fingerprint"] == "fp_2"
    assert opened(server).checkpoint_digest != subject.checkpoint_digest
    assert opened(server, "#side=8#fingerprint=any").checkpoint_digest == lenient.checkpoint_digest


# ------------------------------------------------------------------------------------------------ opening


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://127.0.0.1:1/v1", "no model is named"),
        ("http://127.0.0.1:1/v1#", "no model is named"),
        ("ftp://127.0.0.1/v1#tiny", "there is no URL of a server"),
        ("127.0.0.1:8000/v1#tiny", "there is no URL of a server"),
        ("http://:8000/v1#tiny", "there is no URL of a server"),
        ("http://127.0.0.1:99999/v1#tiny", "there is no URL of a server"),
        ("http://[::1/v1#tiny", "there is no URL of a server"),
        ("http://a b/v1#tiny", "there is no URL of a server"),
        ("http://127.0.0.1:1/v1#tiny#sides=3", "no option 'sides'; did you mean 'side'?"),
        ("http://127.0.0.1:1/v1#tiny#side", "no option 'side'"),
        ("http://127.0.0.1:1/v1#tiny#side=many", "side must be a number from 1 to 4096"),
        ("http://127.0.0.1:1/v1#tiny#side=0", "side must be a number from 1 to 4096"),
        ("http://127.0.0.1:1/v1#tiny#seconds=nan", "seconds must be a number"),
        ("http://127.0.0.1:1/v1#tiny#seconds=inf", "seconds must be a number"),
        ("http://127.0.0.1:1/v1#tiny#retries=-1", "retries must be a number from 0"),
        ("http://127.0.0.1:1/v1#tiny#fingerprint=no", "fingerprint must be same or any"),
        (f"http://me:{SECRET}@127.0.0.1/v1#tiny", "holds no name, no password and no query"),
        (f"http://127.0.0.1/v1?key={SECRET}#tiny", "holds no name, no password and no query"),
        (f"http://127.0.0.1:1/v1#tiny#key={SECRET}", "names the variable"),
        ("http://127.0.0.1:1/v1#tiny#key=SECRET0123456789", "names a variable that the environment does not have"),
    ],
)
def test_an_address_that_is_none_is_one_line_without_its_secret(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        open_model(f"openai@{text}")
    line = str(caught.value)
    assert says in line and "\n" not in line and "secret" not in line.lower()


def test_what_an_address_says() -> None:
    found = parse_address("https://host:8000/v1/#OWNER/tiny:7b#in-flight=2#seconds=1.5#tokens=9")
    assert (found.url, found.model) == ("https://host:8000/v1", "OWNER/tiny:7b")
    assert found.options == Options(in_flight=2, seconds=1.5, tokens=9)
    assert parse_address("http://[::1]:8000/v1#/models/tiny").model == "/models/tiny"


def test_nobody_there_is_one_line() -> None:
    with pytest.raises(
        UserError, match=r"http://127.0.0.1:9/v1 does not answer \(.*asked once\).*mend the URL"
    ) as caught:
        open_model("openai@http://127.0.0.1:9/v1#tiny#retries=0")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "fault", "says"),
    [
        ({"key": SECRET}, None, "refuses the key in OPENAI_API_KEY (401): export it"),
        ({}, ("/v1/models", (200, b"<html>", {"content-type": "text/html"})), "is not an OpenAI-compatible server"),
        ({}, ("/v1/models", (200, b'{"status": "ok"}', {})), "is not an OpenAI-compatible server"),
        ({}, ("", (404, b"nothing here", {})), "offers nothing that can be asked: does the URL end in /v1?"),
        ({}, ("", (500, b"", {"x-should-retry": "false"})), "refuses a request (500"),
    ],
)
def test_a_server_that_cannot_be_asked_is_one_line(server: Any, changed: Any, fault: Any, says: str) -> None:
    for name, value in changed.items():
        setattr(server, name, value)
    if fault:
        server.fault = lambda path, body: fault[1] if path.startswith(fault[0]) else None
    with pytest.raises(UserError) as caught:
        opened(server)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_that_is_not_there_is_named_with_the_nearest(server: Any) -> None:
    with pytest.raises(UserError, match=r"has no model 'owner/tinny'; did you mean 'owner/tiny'\?"):
        open_model(f"openai@{server.url}#owner/tinny")
    server.lists = False
    with pytest.raises(UserError, match="has no model 'owner/tinny'"):
        open_model(f"openai@{server.url}#owner/tinny")
    assert opened(server).provides


@pytest.mark.parametrize(
    ("changed", "provides"),
    [
        ({}, ("AnswersQuestions", "ScoresText", "GeneratesImages")),
        ({"echoes": False}, ("AnswersQuestions", "GeneratesImages")),
        ({"draws": False}, ("AnswersQuestions", "ScoresText")),
        ({"sees": False, "draws": False}, ("ScoresText",)),
        ({"sees": False, "echoes": False}, ("GeneratesImages",)),
    ],
)
def test_it_provides_what_the_server_does(server: Any, changed: Any, provides: tuple[str, ...]) -> None:
    """A server that ignores ``echo`` gives the log-probability of what it wrote: none of the text's."""
    for name, value in changed.items():
        setattr(server, name, value)
    subject = opened(server, "#retries=0")
    assert subject.provides == provides
    assert subject.image_size == (1024 if provides == ("GeneratesImages",) else 448)


def test_a_task_that_the_server_cannot_do_is_refused_before_anything_is_written(
    server: Any, tmp_path: Path, capsys: Any
) -> None:
    server.echoes = False
    words = ("--model", f"openai@{server.address}#side=8", "--out", tmp_path / "runs")
    assert ddtbench("run", "perplexity@captions", *words) == 2
    assert "examines ScoresText, which model 'openai' is not" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_without_a_begin_marker_the_first_token_is_not_counted(server: Any) -> None:
    server.marker = ""
    subject = opened(server)
    (found,) = subject.score_text(["one red circle"])
    assert subject.first_context == "nothing (the first token is not counted)"
    assert found.tokens == 2 and found.nats == pytest.approx(-small.logarithm("red", 1) - small.logarithm("circle", 2))
    with pytest.raises(UserError, match="maximum context length"):
        subject.score_text(["a red circle " * 400])
    with pytest.raises(UserError, match="likelihoods of text alone"):
        subject.score_text(["a"], pictures(1))


# ------------------------------------------------------------------------------------------------ keys and pictures


def test_a_key_is_taken_from_the_variable_that_is_named_and_shown_nowhere(server: Any, monkeypatch: Any) -> None:
    """Also by a server that repeats it in its errors, its answers and what it says of them."""
    server.key = SECRET
    monkeypatch.setenv("MY_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    with pytest.raises(UserError, match="refuses the key in OPENAI_API_KEY"):
        opened(server)
    subject = opened(server, "#side=8#key=MY_KEY#retries=0")
    assert SECRET not in json.dumps(dict(subject.settings)) and "MY_KEY" not in json.dumps(dict(subject.settings))
    told = {"model": f"it is {SECRET}", "choices": [{"message": {"content": f"it is {SECRET}"}}]}
    server.fault = lambda path, body: None if path == "/v1/models" else (200, told, {})
    with pytest.raises(SubjectGone, match=r"another model now \(it is \[key\]"):
        subject.answer(pictures(1), ["is it?"])
    lenient = open_model(f"openai@{server.address}#side=8#key=MY_KEY#fingerprint=any")
    assert list(lenient.answer(pictures(1), ["is it?"])) == ["it is [key]"]
    assert lenient.take_records() == [[{"model": "it is [key]"}]]
    server.fault = lambda path, body: (400, {"error": {"message": f"Incorrect: Bearer {SECRET}"}}, {})
    with pytest.raises(UserError, match=r"Incorrect: Bearer \[key\]"):
        subject.answer(pictures(1), ["why?"])


def test_a_key_that_no_header_can_carry_is_one_line_without_it(server: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00fcber")
    with pytest.raises(UserError, match="characters that no header can") as caught:
        opened(server)
    assert "ber" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"url": "http://127.0.0.1/x.png"}, "a link instead of a picture, which is not followed"),
        ({"b64_json": "!!"}, "is not in base64"),
        ({"b64_json": "aGVsbG8="}, "not an image that Pillow reads"),
        ({"b64_json": small.encoded(np.zeros((4, 6, 3), np.uint8))}, "made a picture of 6 x 4, asked for 8 x 8"),
        ({"b64_json": small.encoded(np.zeros((1, 20_000, 3), np.uint8))}, "over the limit of 16384 per side"),
        ({}, "gives no picture"),
    ],
)
def test_what_is_no_picture_is_one_line(server: Any, data: Any, says: str) -> None:
    subject = opened(server)
    server.fault = lambda path, body: (200, {"data": [data]}, {})
    with pytest.raises(UserError) as caught:
        subject.generate(["a red circle"], [1])
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_prompt_that_the_server_rewrote_is_recorded(server: Any) -> None:
    subject = opened(server)
    picture = small.encoded(np.zeros((8, 8, 3), np.uint8))
    server.fault = lambda path, body: (200, {"data": [{"b64_json": picture, "revised_prompt": "a red disc"}]}, {})
    subject.generate(["a red circle"], [1 << 40])
    assert subject.take_records() == [[{"revised_prompt": "a red disc"}]]
    assert 0 <= server.asked("/v1/images/generations")[-1]["seed"] < 1 << 31


def test_without_its_library_it_says_what_to_install(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(UserError, match=r"pip install 'ddtbench\[openai\]'"):
        opened(server)
