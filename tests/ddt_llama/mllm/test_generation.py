"""Generation equals transformers.generate on the same weights, keeps the grammar, and no case feels its neighbours."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from ddt_llama.mllm import llama_decoder
from ddt_llama.mllm.batching import pad_left
from ddt_llama.mllm.decoders import LibraryDecoder
from ddt_llama.mllm.generation import generate_images, generate_text, generate_tokens
from ddt_llama.mllm.llama_decoder import LlamaDecoder, can_fuse
from ddt_llama.mllm.sampling import GREEDY, Sampling
from ddt_llama.mllm.text import text_ids
from harness.errors import UserError

CAPTIONS = ["a red circle left of a blue square", "two", "a green star", "two"]
TIE = 1e-4
CASES = [
    (family, fused, dtype, guidance)
    for family, fused in (("llama", True), ("llama", False), ("llama-grouped", True), ("gemma2", False))
    for dtype in (torch.float64, torch.float32)
    for guidance in (1.0, 3.0)
]


class Only(LogitsProcessor):
    """The grammar for transformers.generate."""

    def __init__(self, size, kept):
        self.bias = torch.full((size,), float("-inf"))
        self.bias[kept] = 0

    def __call__(self, input_ids, scores):
        return scores + self.bias


def by_transformers(model, prompts, kept, steps, guidance, against, stop=None):
    if (
        len(prompts) > 1
        and model.language_model.dtype == torch.float64
        and model.language_model.config.model_type == "gemma2"
    ):
        # transformers' written-out attention gives no numbers for padding in float64: one prompt at a time has none
        rows = [by_transformers(model, [prompt], kept, steps, guidance, against, stop)[0] for prompt in prompts]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=model.vocabulary.pad)
    ids, real = pad_left(prompts, model.vocabulary.pad)
    negative = {} if guidance == 1 else {"negative_prompt_ids": torch.tensor([against] * len(prompts))}
    out = model.language_model.generate(
        ids,
        attention_mask=real.long(),
        guidance_scale=guidance,
        logits_processor=LogitsProcessorList([Only(model.vocabulary.size, kept)]),
        do_sample=False,
        max_new_tokens=steps,
        eos_token_id=stop,
        pad_token_id=model.vocabulary.pad,
        **negative,
    )
    return out[:, ids.shape[1] :]


def assert_same_tokens(model, prompts, against, guidance, kept, ours, theirs):
    """Token for token in float64; in float32 a first difference only where the two best logits nearly tie."""
    if model.language_model.dtype == torch.float64:
        assert ours.equal(theirs)
        return
    for row in (ours != theirs).any(dim=1).nonzero().flatten().tolist():
        at = int((ours[row] != theirs[row]).nonzero()[0])
        begun = ours[row, :at].tolist()
        with torch.no_grad():
            given, free = (
                model.language_model(torch.tensor([[*prompt, *begun]])).logits[0, -1, kept]
                for prompt in (prompts[row], against)
            )
        best = (free + guidance * (given - free)).topk(2).values
        assert best[0] - best[1] <= TIE


@pytest.mark.parametrize(("family", "fused", "dtype", "guidance"), CASES)
def test_greedy_images_equal_transformers(make_model, monkeypatch, family, fused, dtype, guidance):
    if not fused:
        monkeypatch.setattr(llama_decoder, "FUSED_LIMIT", 0)
    model = make_model(family).to(dtype)
    assert can_fuse(model.language_model) == fused
    prompts = [model.layout.caption_to_image(caption) for caption in CAPTIONS]
    assert len({len(prompt.ids) for prompt in prompts}) == 3  # padded to the left, and one prompt twice
    against = list(model.layout.image_only().ids)
    words = model.vocabulary
    codes = generate_images(model, prompts, Sampling(0.0, guidance=guidance))
    ours = words.to_tokens(codes)
    plain = [list(prompt.ids) for prompt in prompts]
    theirs = by_transformers(model, plain, words.code_ids(), words.code_count, guidance, against)
    assert_same_tokens(model, plain, against, guidance, words.code_ids(), ours, theirs)
    assert codes[1].equal(codes[3])
    assert len(set(codes.flatten().tolist())) > 4  # a model that repeats one code would pass everything


@pytest.mark.parametrize("family", ["llama", "gemma2"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_greedy_text_equals_transformers(make_model, family, guidance):
    model = make_model(family).double()
    words = model.vocabulary
    image = torch.arange(16)
    prompts = [model.layout.question_to_answer(question, None, image) for question in ("is it red?", "a star?", "no")]
    against = list(model.layout.question_to_answer("x").ids)
    kept = torch.tensor([*text_ids(model.text_tokenizer), words.eos])
    plain = [list(prompt.ids) for prompt in prompts]
    stops = []
    for stop in (words.eos, int(kept[60])):
        ours = generate_tokens(
            model.language_model,
            plain,
            kept,
            20,
            Sampling(0.0, guidance=guidance),
            unconditional=[against] * 3,
            stop=stop,
        )
        theirs = by_transformers(model, plain, kept, 20, guidance, against, stop)
        for mine, its in zip(ours.tolist(), theirs.tolist(), strict=True):
            length = (its.index(stop) + 1) if stop in its else len(its)
            assert mine[:length] == its[:length]
            assert all(token == stop for token in mine[length:])
            stops.append(length)
    assert max(stops) == 20


def test_a_row_that_stops_stays_stopped_while_others_go_on(make_model):
    model = make_model().double()
    kept = torch.tensor(text_ids(model.text_tokenizer))
    prompts = [list(model.layout.text_only(text).ids) for text in ("a red circle", "two yellow crosses")]
    free = generate_tokens(model.language_model, prompts, kept, 20, GREEDY)
    stop = int(free[0, 5])
    first = free[0].tolist().index(stop)
    stopped = generate_tokens(model.language_model, prompts, kept, 20, GREEDY, stop=stop)
    assert stopped[0].tolist() == [*free[0, :first].tolist(), *[stop] * (20 - first)]
    other = free[1].tolist()
    until = other.index(stop) if stop in other else 20
    assert stopped[1].tolist()[:until] == other[:until]
    assert until > first


@pytest.mark.parametrize("decoder", [LlamaDecoder, LibraryDecoder])
@pytest.mark.parametrize("family", ["llama", "llama-grouped"])
def test_both_decoders_give_the_logits_of_a_pass_without_cache(make_model, decoder, family):
    model = make_model(family).language_model
    kept = torch.tensor([3, 50, 51, 320, 7])
    prompts, rows = [[5, 6, 7, 8], [9, 10]], torch.tensor([0, 1, 0])
    ids, real = pad_left(prompts, 0)
    more = torch.tensor([[20, 21, 22], [30, 31, 32]])
    with torch.inference_mode():
        decoding = decoder(model, kept, 6)
        found = [decoding.fill(ids, real, rows), *(decoding.advance(step[rows]) for step in more.T[:2])]
        for row, prompt in enumerate(rows.tolist()):
            for step in range(3):
                alone = torch.tensor([[*prompts[prompt], *more[prompt, :step].tolist()]])
                # float32, logits of size 1 to 10
                torch.testing.assert_close(found[step][row], model(alone).logits[0, -1, kept], atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_a_case_draws_the_same_whoever_is_in_its_batch(make_model, family):
    model = make_model(family).double()
    sampling = Sampling(temperature=1.0, top_k=40, top_p=0.95, guidance=2.0)
    prompts = [model.layout.caption_to_image(caption) for caption in CAPTIONS]
    seeds = [11, 12, 13, 14]
    together = generate_images(model, prompts, sampling, seeds)
    order = [2, 0, 3, 1]
    again = generate_images(model, [prompts[i] for i in order], sampling, [seeds[i] for i in order])
    assert again.equal(together[order])
    for row in range(4):
        assert generate_images(model, prompts[row : row + 1], sampling, seeds[row : row + 1])[0].equal(together[row])
    assert not together[1].equal(together[3])  # one prompt, two seeds
    assert not generate_images(model, prompts, sampling, [0] * 4).equal(together)


def test_images_hold_codes_and_texts_hold_text_whatever_the_model_prefers(make_model):
    model = copy.deepcopy(make_model())
    words = model.vocabulary
    prompts = [model.layout.caption_to_image(caption) for caption in CAPTIONS]
    hot = Sampling(temperature=50.0)
    codes = generate_images(model, prompts, hot, range(4))
    assert codes.shape == (4, 16)
    assert codes.min() >= 0
    assert codes.max() < words.codebook_size
    head = model.language_model.lm_head.weight
    with torch.no_grad():
        head[words.text_size :] *= 100  # markers, unused rows and codes get the largest logits by far
        head[[words.bos, words.pad]] *= 100
    kept = {*text_ids(model.text_tokenizer), words.eos}
    for sampling in (GREEDY, hot):
        tokens = generate_tokens(
            model.language_model, [[words.bos]] * 3, torch.tensor(sorted(kept)), 30, sampling, seeds=range(3)
        )
        assert set(tokens.flatten().tolist()) <= kept
        assert len(generate_text(model, [model.layout.question_to_answer("red?")], sampling, 8)) == 1


@pytest.mark.parametrize("order", ["reversed", "shuffled(3)"])
def test_codes_come_back_in_native_order(make_model, order):
    """The model of one order and the model of another have the same weights: what is read is the same, what is
    returned is turned back."""
    plain, ordered = make_model("llama"), make_model("llama", order)
    native = generate_images(plain, [plain.layout.image_only()], GREEDY)
    turned = generate_images(ordered, [ordered.layout.image_only()], GREEDY)
    assert ordered.layout.order.apply(turned).equal(native)
    assert not turned.equal(native)


def test_a_peaked_model_writes_what_its_head_says(make_model):
    """From weights to text: a head that favours one letter more, then [EOS], is read through to a string."""
    model = make_model()
    [text] = generate_text(model, [model.layout.question_to_answer("is it red?")], Sampling(), 5, seeds=[3])
    kept = torch.tensor([*text_ids(model.text_tokenizer), model.vocabulary.eos])
    prompt = [list(model.layout.question_to_answer("is it red?").ids)]
    tokens = generate_tokens(model.language_model, prompt, kept, 5, Sampling(), seeds=[3], stop=model.vocabulary.eos)
    written = [token for token in tokens[0].tolist() if token != model.vocabulary.eos]
    assert text == model.text_tokenizer.decode(written).strip()


def test_training_mode_gradients_and_the_cache_are_left_as_they_were(make_model):
    model = copy.deepcopy(make_model()).train()
    prompts = [model.layout.image_only()]
    first = generate_images(model, prompts, GREEDY)
    assert model.language_model.training
    assert not first.is_inference()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-1.3)
    assert not generate_images(model, prompts, GREEDY).equal(first)  # no copy of old weights is kept


def test_no_prompts_no_images(make_model):
    assert generate_images(make_model(), [], Sampling(guidance=2.0)).shape == (0, 16)


def test_bad_prompts_are_one_clear_line(make_model):
    model = make_model()
    long = model.layout.caption_to_image("red " * 200)
    with pytest.raises(UserError, match=r"context of 160: shorten the prompt to 144 tokens"):
        generate_images(model, [long], GREEDY)
    exact = [[5] * 144]
    kept = model.vocabulary.code_ids()
    assert generate_tokens(model.language_model, exact, kept, 16, GREEDY).shape == (1, 16)
    with pytest.raises(UserError, match="do not fit"):
        generate_tokens(model.language_model, [[5] * 145], kept, 16, GREEDY)
    with pytest.raises(UserError, match="a prompt is empty"):
        generate_tokens(model.language_model, [[1], []], kept, 16, GREEDY)
    with pytest.raises(UserError, match=r"ends in \[BOV\]"):
        generate_images(model, [model.layout.text_only("a star")], GREEDY)
    with pytest.raises(UserError, match="guidance of a text"):
        generate_text(model, [model.layout.question_to_answer("red?")], Sampling(guidance=2.0))
