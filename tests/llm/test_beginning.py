"""What a request's sequences and choices are made with."""

import msgspec

from headrace.generation import Generate, Prompt, Sampling
from headrace.llm.beginning import Beginning
from headrace.llm.engine_protocol import Told
from headrace.llm.preparing import Prepared
from headrace.llm.terms import Terms
from tests.llm.engines import EOS, preparing

ASKED = Beginning(7, Generate(Prompt(token_ids=(5, 6))), Terms(tenant="a", ttft_ns=9), heard_ns=3)
PREPARED = Prepared([5, 6], max_tokens=4)


def test_texts_of_one_tenant_and_salt_share_blocks() -> None:
    other = msgspec.structs.replace(ASKED, number=8)
    assert ASKED.sequence(1, 0, PREPARED, True).salt == other.sequence(2, 0, PREPARED, True).salt
    elsewhere = msgspec.structs.replace(ASKED, terms=Terms(tenant="b"))
    assert elsewhere.sequence(3, 0, PREPARED, True).salt != ASKED.sequence(1, 0, PREPARED, True).salt


def test_without_a_prefix_cache_each_request_is_by_itself() -> None:
    other = msgspec.structs.replace(ASKED, number=8)
    assert ASKED.sequence(1, 0, PREPARED, False).salt == ASKED.sequence(2, 1, PREPARED, False).salt
    assert ASKED.sequence(1, 0, PREPARED, False).salt != other.sequence(2, 0, PREPARED, False).salt


def test_a_sequence_arrived_when_its_terms_say_so_or_when_it_was_heard_of() -> None:
    assert ASKED.sequence(1, 0, PREPARED, True).arrived_ns == 3
    earlier = msgspec.structs.replace(ASKED, terms=Terms(arrived_ns=1))
    assert earlier.sequence(1, 0, PREPARED, True).arrived_ns == 1


def test_what_goes_on_knows_its_tokens_and_has_told_its_first() -> None:
    sequence = msgspec.structs.replace(ASKED, told=[Told((8, 9))]).sequence(1, 0, PREPARED, True)
    assert (list(sequence.token_ids), sequence.terms.ttft_ns) == ([5, 6, 8, 9], None)


def test_the_first_choice_alone_gives_the_prompts_rows() -> None:
    asked = msgspec.structs.replace(ASKED, ask=Generate(Prompt(token_ids=(5, 6)), Sampling(prompt_logprobs=1)))
    assert [asked.sequence(1, index, PREPARED, True).prompt_rows for index in (0, 1)] == [True, False]


def test_choices_are_scored_where_the_best_are_kept() -> None:
    reads = preparing(64)
    best = msgspec.structs.replace(ASKED, ask=Generate(Prompt(token_ids=(5, 6)), best_of=2))
    for asked, scored in ((ASKED, None), (best, 0)):
        choice = asked.choice(0, asked.sequence(1, 0, PREPARED, True), PREPARED, reads, 64, seed=1)
        assert choice.choosing.logprobs == scored
    assert reads.eos_ids == frozenset((EOS,))
