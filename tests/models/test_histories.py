"""Whatever happens to a model, in any order: something answers, and nothing leads to what does not. Decisions alone."""

from collections.abc import Callable

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headrace.errors import HeadraceError
from headrace.models.changes import gone
from headrace.models.next_move import Load, Unload, next_move
from headrace.models.turns import (
    Now,
    Plan,
    back_turn,
    finished_turn,
    label_turn,
    rollout_turn,
    shadow_turn,
    split_turn,
    step_turn,
)
from headrace.models.wishes import (
    Wishes,
    default_version,
    held_versions,
    loaded,
    rolled_back,
    routed,
    unloaded,
    wanted_versions,
)
from headrace.repository.labels import STABLE
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.traffic.choice import choice_of
from headrace.traffic.plans import Rollout, Shadow, Split
from headrace.types import Context, VersionState

VERSIONS = st.integers(1, 5)
POLICIES = st.one_of(
    st.just(All()), st.builds(Latest, st.integers(1, 3)), st.builds(Specific, st.lists(VERSIONS, min_size=1).map(tuple))
)


class History(RuleBasedStateMachine):
    """The reconcile loop's decisions, with versions that are numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.there = {1, 2}
        self.broken: set[int] = set()
        self.ready: set[int] = set()
        self.policy: VersionPolicy = Latest(1)
        self.wishes = Wishes()
        self.move()

    # ---- as models/reconcile.py and models/steering.py do

    def wanted(self) -> tuple[list[int], set[int]]:
        held = held_versions(self.there, self.ready, self.wishes)
        return wanted_versions(self.policy, self.there, self.wishes), held

    def move(self) -> None:
        answered = bool(self.ready)
        wanted, held = self.wanted()
        if not wanted and not held:
            return
        states: dict[int, VersionState] = dict.fromkeys(self.ready, "READY")
        while isinstance(move := next_move(states, wanted, held), Load):
            states[move.version] = "UNAVAILABLE" if move.version in self.broken else "READY"
            self.ready |= {move.version} - self.broken
        self.wish(self.wishes)
        self.leave()
        assert self.ready or not answered, "a model that answered goes on answering"

    def leave(self) -> None:
        wanted, held = self.wanted()
        if not wanted and not held:
            return
        states: dict[int, VersionState] = dict.fromkeys((*wanted, *held), "UNAVAILABLE")
        states |= dict.fromkeys(self.ready, "READY")
        while isinstance(move := next_move(states, wanted, held), Unload):
            states[move.version] = "UNAVAILABLE"
            self.ready.discard(move.version)

    def wish(self, wishes: Wishes) -> None:
        self.wishes = routed(wishes, self.ready)

    def steer(self, plan: Plan) -> None:
        answered = bool(self.ready)
        try:
            turn = plan(self.wishes, Now("m", tuple(self.ready), tuple(self.ready | self.there), self.policy))
        except HeadraceError:
            return
        for version in turn.needs:
            if version in self.ready:
                continue
            if self.wishes.unloaded or version not in self.there or version in self.broken:
                return
            self.ready.add(version)
        self.wish(turn.wishes)
        self.leave()
        assert self.ready or not answered, "what is asked of labels and traffic takes no model out of service"

    # ---- what happens

    @rule(version=VERSIONS)
    def comes(self, version: int) -> None:
        self.there.add(version)
        self.refresh()

    @rule(version=VERSIONS)
    def goes(self, version: int) -> None:
        self.there.discard(version)
        kept = {*self.wishes.routed.values(), *self.wishes.traffic.versions} if self.there else set()
        self.ready -= set(gone(self.ready, self.there)) - kept
        if not self.there:
            self.wishes = Wishes()
        self.refresh()

    @rule(version=VERSIONS)
    def breaks_or_is_mended(self, version: int) -> None:
        self.broken ^= {version}
        self.refresh()

    @rule(policy=POLICIES)
    def policy_changes(self, policy: VersionPolicy) -> None:
        self.policy = policy
        self.refresh()

    def refresh(self) -> None:
        if not self.wishes.unloaded:
            self.wish(self.wishes)
            self.move()

    @rule()
    def is_unloaded(self) -> None:
        self.wishes, self.ready = unloaded(self.wishes), set()

    @rule()
    def is_loaded(self) -> None:
        self.wish(loaded(self.wishes))
        self.move()

    @rule(version=VERSIONS)
    def is_rolled_back(self, version: int) -> None:
        if version in self.ready and not self.wishes.traffic.rollout:
            self.wish(rolled_back(self.wishes, version, self.there | self.ready))
            self.leave()

    @rule(label=st.sampled_from(["stable", "canary"]), version=st.none() | VERSIONS)
    def is_labelled(self, label: str, version: int | None) -> None:
        self.steer(label_turn(label, version))

    @rule(versions=st.none() | st.sets(VERSIONS, min_size=1))
    def is_split(self, versions: set[int] | None) -> None:
        self.steer(split_turn(Split({version: 1 / len(versions) for version in versions}) if versions else None))

    @rule(version=st.none() | VERSIONS)
    def is_shadowed(self, version: int | None) -> None:
        self.steer(shadow_turn(Shadow(version) if version else None))

    @rule(version=VERSIONS)
    def is_rolled_out(self, version: int) -> None:
        self.steer(rollout_turn(Rollout(0, version, (0.5, 1.0))))

    @rule(turn=st.sampled_from([finished_turn, back_turn, lambda rollout: step_turn(rollout, 1)]))
    def rollout_moves(self, turn: Callable[[Rollout], Plan]) -> None:
        rollout = self.wishes.traffic.rollout
        if rollout and rollout.to in self.ready:
            self.steer(turn(rollout))
            if turn is finished_turn:
                assert default_version(self.ready, self.wishes) == rollout.to
                assert rollout.to in self.ready

    # ---- what holds

    @invariant()
    def labels_lead_to_what_is_ready(self) -> None:
        assert set(self.wishes.routed.values()) <= self.ready

    @invariant()
    def what_shares_requests_is_ready(self) -> None:
        rollout = self.wishes.traffic.rollout
        if rollout:
            assert {rollout.base, rollout.to} <= self.ready
        if not self.wishes.unloaded:
            assert self.wishes.traffic.versions & self.there <= self.ready | self.broken

    @invariant()
    def a_request_without_a_version_is_answered_by_what_is_ready(self) -> None:
        choice = choice_of("m", self.wishes.traffic, self.ready)
        default = default_version(self.ready, self.wishes)
        if default is None:
            assert not self.ready or (STABLE in self.wishes.meant and STABLE not in self.wishes.routed)
        else:
            assert default in self.ready
        if choice:
            assert {choice.pick(Context(0), drawn / 10) for drawn in range(10)} <= self.ready

    @invariant()
    def what_is_wished_for_is_the_same_once_it_was_kept(self) -> None:
        assert msgspec.json.decode(msgspec.json.encode(self.wishes), type=Wishes) == self.wishes


History.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestHistories = History.TestCase
