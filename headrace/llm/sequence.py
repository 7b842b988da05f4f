"""One generation's state: the tokens it knows, those that are computed, and the blocks that hold them."""

from array import array
from collections.abc import Iterable
from enum import Enum

from headrace.llm.credit import Pace
from headrace.llm.terms import UNSAID, Terms

UNLIMITED = 1 << 20
UNPROMISED_NS = 10_000_000_000  # who was promised no first token is ordered as if by then

MOST_PAUSES = 16
"""Of one sequence that are told."""


class Status(Enum):
    WAITING = "waiting"  # no blocks: new, or preempted
    RUNNING = "running"
    FINISHED = "finished"  # complete or aborted; its blocks are given back


class Sequence:
    """A prompt and what was generated after it. The one value of this folder that changes.

    The scheduler owns everything here but `draft_ids` and `draft_kind`, which whoever drafts may set between two
    steps. `token_ids` holds only tokens that count: drafts enter it when they are accepted. Choices of one request
    (n > 1) are sequences of their own with the same prompt and salt: one computes it, the others find its blocks.
    """

    __slots__ = (
        "acceptance",
        "arrived_ns",
        "blocks",
        "draft_ids",
        "draft_kind",
        "first_due_ns",
        "first_judged",
        "gained_ns",
        "hashes",
        "id",
        "max_tokens",
        "num_cached_tokens",
        "num_computed_tokens",
        "num_found_blocks",
        "num_judged",
        "num_preempted",
        "num_prompt_rows",
        "num_prompt_tokens",
        "order",
        "pace",
        "paused_ns",
        "pauses",
        "prompt_rows",
        "request",
        "salt",
        "started_ns",
        "status",
        "terms",
        "token_ids",
        "waits_for",
    )

    def __init__(
        self,
        sequence_id: int,
        prompt: Iterable[int],
        *,
        max_tokens: int | None = None,
        salt: str = "",
        terms: Terms = UNSAID,
        arrived_ns: int = 0,
        prompt_rows: bool = False,
        generated: Iterable[int] = (),
    ) -> None:
        """`generated`: what it has of its text already."""
        self.id = sequence_id
        self.request = 0  # the number of the one whose choice it is; the engine says so
        self.token_ids = array("q", prompt)
        self.num_prompt_tokens = len(self.token_ids)
        self.token_ids.extend(generated)
        self.max_tokens = max_tokens  # None until the scheduler knows what the context and the memory hold
        self.salt = salt
        self.terms = terms
        self.arrived_ns = arrived_ns
        self.first_due_ns = None if terms.ttft_ns is None else arrived_ns + terms.ttft_ns
        self.first_judged = False  # whether its first token was found in time, or late
        self.pace = None if terms.tpot_ns is None else Pace(terms.tpot_ns)
        due_ns = arrived_ns + UNPROMISED_NS if self.first_due_ns is None else self.first_due_ns
        self.order = terms.level, due_ns, sequence_id  # who comes first; no two are equal
        self.prompt_rows = prompt_rows  # whether the logits after every token of the prompt are wanted
        self.status = Status.WAITING
        self.num_computed_tokens = 0  # whose keys and values are in `blocks`
        self.num_cached_tokens = 0  # of the prompt, found when it first ran
        self.num_prompt_rows = 0  # tokens of the prompt whose logits were given, where they are wanted
        self.num_preempted = 0
        self.paused_ns: int | None = None  # when it was preempted, until it goes on
        self.pauses: list[tuple[int, int]] = []  # the first of those times, and when it went on
        self.started_ns: int | None = None  # when it first ran
        self.gained_ns: int | None = None  # when it last gained tokens: the tally's
        self.blocks = array("i")
        self.hashes: list[bytes] = []  # of the full blocks of `token_ids`; the last ones may be missing
        self.num_found_blocks = 0  # leading blocks that the prefix cache was told of
        self.waits_for: bytes | None = None  # the hash of a block that another sequence computes now
        self.draft_ids: list[int] = []  # guesses at the next tokens
        self.draft_kind = 0  # what kind of guess: kinds are accepted at different rates
        self.acceptance: dict[int, float] = {}  # by kind: see draft_length
        self.num_judged: dict[int, int] = {}  # drafts that were found right or wrong, by kind

    def __len__(self) -> int:
        """Tokens known."""
        return len(self.token_ids)

    def __repr__(self) -> str:
        return (
            f"Sequence({self.id}, {self.status.value}, {self.num_computed_tokens} of {len(self)} tokens computed, "
            f"{self.num_prompt_tokens} of the prompt)"
        )

    @property
    def level(self) -> int:
        """Lower is served first."""
        return self.order[0]

    @property
    def tenant(self) -> str:
        return self.terms.tenant

    @property
    def num_uncomputed_tokens(self) -> int:
        return len(self.token_ids) - self.num_computed_tokens

    @property
    def num_generated_tokens(self) -> int:
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def generated_ids(self) -> list[int]:
        return self.token_ids[self.num_prompt_tokens :].tolist()

    @property
    def most_tokens(self) -> int:
        """How many it may generate; of one that the scheduler has not taken yet, where it said nothing, very many."""
        return UNLIMITED if self.max_tokens is None else self.max_tokens

    def go_on(self, now_ns: int) -> None:
        """It runs, and if it was preempted that is over."""
        if self.paused_ns is not None and len(self.pauses) < MOST_PAUSES:
            self.pauses.append((self.paused_ns, now_ns))
        self.paused_ns = None

    @property
    def num_tokens_left(self) -> int:
        """How many it may still generate, once the scheduler has taken it."""
        assert self.max_tokens is not None
        return self.max_tokens - self.num_generated_tokens
