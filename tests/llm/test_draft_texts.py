"""What a model that drafts has of each text."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from headrace.llm.draft_texts import DraftText, DraftTexts
from headrace.llm.sequence import Sequence, Status


def running(number: int, token_ids: list[int], salt: str = "") -> Sequence:
    sequence = Sequence(number, token_ids, salt=salt)
    sequence.status = Status.RUNNING
    return sequence


def made(num_blocks: int = 10, vocabulary: int = 100, max_context: int = 1000) -> DraftTexts:
    return DraftTexts(num_blocks, 4, vocabulary, max_context)


def compute(texts: DraftTexts, text: DraftText, drafts: list[int] | None = None) -> None:
    """All that is known, and drafts behind it of which the last is not computed."""
    drafts = drafts or []
    count = len(text.own) + max(0, len(drafts) - 1)
    assert texts.room(text, count) == count
    text.own.token_ids.extend(drafts)
    texts.computed(text, count)


def test_a_text_is_behind_by_what_it_has_not_computed() -> None:
    texts, sequence = made(), running(1, [1, 2, 3])
    text = texts.follow(sequence)
    assert text.lag == 3
    compute(texts, text)
    sequence.token_ids.extend([4, 5])
    assert texts.follow(sequence).lag == 2


def test_drafts_that_became_known_are_not_computed_again() -> None:
    texts, sequence = made(), running(1, [1, 2, 3])
    compute(texts, texts.follow(sequence), [7, 8, 9])
    sequence.token_ids.extend([7, 8, 5])
    text = texts.follow(sequence)
    assert (text.own.token_ids.tolist(), text.lag) == ([1, 2, 3, 7, 8, 5], 1)


def test_drafts_that_were_wrong_are_forgotten() -> None:
    texts, sequence = made(), running(1, [1, 2, 3])
    compute(texts, texts.follow(sequence), [7, 8, 9])
    sequence.token_ids.extend([6])
    text = texts.follow(sequence)
    assert (text.own.token_ids.tolist(), text.lag) == ([1, 2, 3, 6], 1)


def test_the_last_known_token_is_always_left_for_its_logits() -> None:
    texts, sequence = made(), running(1, [1, 2, 3])
    compute(texts, texts.follow(sequence), [7, 8, 9])
    sequence.token_ids.extend([7, 8])
    assert texts.follow(sequence).lag == 1
    assert texts.follow(sequence).lag == 1


def test_a_beginning_is_found_that_another_text_computed_under_the_same_salt() -> None:
    texts = made()
    compute(texts, texts.follow(running(1, list(range(10)))))
    assert texts.follow(running(2, [*range(9), 50])).lag == 2
    assert texts.follow(running(3, list(range(10)), salt="other")).lag == 10
    texts.check()


def test_a_block_that_holds_a_draft_is_not_found() -> None:
    texts = made()
    compute(texts, texts.follow(running(1, [1, 2, 3])), [4, 5, 6])
    assert texts.follow(running(2, [1, 2, 3, 4, 5, 6])).lag == 6


def test_what_no_longer_runs_gives_its_blocks_back_and_can_be_found_again() -> None:
    texts, sequence = made(), running(1, list(range(9)))
    compute(texts, texts.follow(sequence))
    sequence.status = Status.WAITING
    texts.sweep()
    assert (len(texts), texts.pool.num_used) == (0, 0)
    sequence.status = Status.RUNNING
    assert texts.follow(sequence).lag == 1


def test_there_is_room_for_what_memory_and_context_hold() -> None:
    texts = made(num_blocks=4, max_context=10)
    assert texts.room(texts.follow(running(1, [1] * 8)), 20) == 10
    texts.forget(1)
    assert texts.room(texts.follow(running(2, [1] * 5)), 5) == 5
    assert texts.room(texts.follow(running(3, [2] * 9)), 9) == 4


def test_a_token_that_the_model_does_not_know_is_read_as_another() -> None:
    assert made(vocabulary=5).follow(running(1, [4, 5, 6])).own.token_ids.tolist() == [4, 0, 0]


class Following(RuleBasedStateMachine):
    """Texts that come, grow, are drafted for, lose their blocks and go, in a memory that is too small for all."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = made(num_blocks=12, vocabulary=3, max_context=40)
        self.sequences: list[Sequence] = []
        self.count = 0

    @rule(token_ids=st.lists(st.integers(0, 3), min_size=1, max_size=20), salt=st.sampled_from(["", "b"]))
    def arrive(self, token_ids: list[int], salt: str) -> None:
        self.count += 1
        self.sequences.append(running(self.count, token_ids, salt))

    @rule(data=st.data(), right=st.integers(0, 5), new=st.lists(st.integers(0, 3), max_size=2))
    @precondition(lambda self: self.sequences)
    def grow(self, data: st.DataObject, right: int, new: list[int]) -> None:
        sequence = data.draw(st.sampled_from(self.sequences))
        text = self.texts.follow(sequence)
        sequence.token_ids.extend([*text.own.token_ids[text.num_known :][:right], *new])
        assert self.texts.follow(sequence).lag >= 1

    @rule(data=st.data(), drafts=st.lists(st.integers(0, 2), min_size=1, max_size=5))
    @precondition(lambda self: self.sequences)
    def draft(self, data: st.DataObject, drafts: list[int]) -> None:
        text = self.texts.follow(data.draw(st.sampled_from(self.sequences)))
        wanted = text.num_known + len(drafts) - 1
        if self.texts.room(text, wanted) == wanted:
            del text.own.token_ids[text.num_known :]
            text.own.token_ids.extend(drafts)
            self.texts.computed(text, wanted)

    @rule(data=st.data(), status=st.sampled_from([Status.FINISHED, Status.WAITING]))
    @precondition(lambda self: self.sequences)
    def leave(self, data: st.DataObject, status: Status) -> None:
        sequence = self.sequences.pop(data.draw(st.integers(0, len(self.sequences) - 1)))
        sequence.status = status
        if status is Status.FINISHED:
            self.texts.forget(sequence.id)
        else:
            self.texts.sweep()

    def teardown(self) -> None:
        self.texts.check()
        for sequence in self.sequences:
            self.texts.forget(sequence.id)
        self.texts.check()
        assert (len(self.texts), self.texts.pool.num_used) == (0, 0)


Following.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_nothing_leaks_whatever_becomes_of_the_texts = Following.TestCase
