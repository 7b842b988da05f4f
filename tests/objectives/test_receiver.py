"""A receiver sends on a thread of its own: whatever becomes of a notice, nobody waits for it, and it is counted."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from headrace.objectives import receiver as module
from headrace.objectives.notices import Forwarding, Notice
from headrace.objectives.receiver import Receiver, Undelivered
from tests.objectives.make import by_key, firing


def notice(group: str = Forwarding.GROUP) -> Notice:
    return Notice(group, (firing(),), (), 0.0)


def until(true: Callable[[], bool], of: Receiver | None = None) -> None:
    """Wait for another thread, and settle meanwhile; a test that waits in vain fails by its timeout."""
    while not true():
        if of is not None:
            of.settle()
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))


def test_a_notice_is_sent_and_its_policy_told() -> None:
    sent, policy = list[Notice](), Forwarding(every_s=60)
    receiver = Receiver("webhook", policy, sent.append)
    receiver.start()
    (made,) = policy.due(0, by_key(firing()))
    receiver.put(made)
    until(lambda: receiver.sent == 1, receiver)
    assert sent == [made]
    assert policy.due(1, by_key(firing())) == []
    receiver.close(10)


def test_it_tries_again_where_that_may_help() -> None:
    tries = list[int]()

    def send(notice: Notice) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Undelivered("it answered 503")

    receiver = Receiver("webhook", Forwarding(), send)
    receiver.start()
    receiver.put(notice())
    until(lambda: receiver.sent == 1, receiver)
    assert len(tries) == 3
    receiver.close(10)


@pytest.mark.parametrize(("again", "tries"), [(True, 3), (False, 1)])
def test_what_never_arrives_is_counted_and_said_once(again: bool, tries: int, caplog: pytest.LogCaptureFixture) -> None:
    tried = list[int]()

    def send(notice: Notice) -> None:
        tried.append(1)
        raise Undelivered("it answered 400", again)

    receiver = Receiver("webhook", Forwarding(), send)
    receiver.start()
    with caplog.at_level(logging.WARNING):
        receiver.put(notice())
        receiver.put(notice())
        until(lambda: receiver.dropped["failed"] == 2, receiver)
    assert len(tried) == 2 * tries
    assert receiver.fault == "it answered 400"
    assert [record.getMessage() for record in caplog.records] == ["a notice to webhook did not arrive: it answered 400"]
    receiver.close(10)


def test_a_fault_of_ours_ends_one_notice_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def send(notice: Notice) -> None:
        if notice.group == "bad":
            raise KeyError("oh")

    receiver = Receiver("webhook", Forwarding(), send)
    receiver.start()
    receiver.put(notice("bad"))
    receiver.put(notice())
    until(lambda: (receiver.sent, receiver.dropped["failed"]) == (1, 1), receiver)
    receiver.close(10)


def test_one_that_hangs_holds_up_nobody_and_what_finds_no_room_is_counted() -> None:
    hangs = threading.Event()

    def send(notice: Notice) -> None:
        hangs.wait()

    receiver = Receiver("webhook", Forwarding(), send, waiting=2)
    receiver.start()
    receiver.put(notice())
    until(receiver._queue.empty)
    for _ in range(5):
        receiver.put(notice())
    assert receiver.dropped == {"full": 3}
    receiver.close(0.0)
    hangs.set()


def test_at_the_end_what_waits_is_still_sent() -> None:
    sent = list[Notice]()
    receiver = Receiver("webhook", Forwarding(), sent.append)
    receiver.put(notice())
    receiver.start()
    receiver.close(30)
    assert len(sent) == 1
