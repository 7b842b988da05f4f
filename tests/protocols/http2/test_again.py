"""Requests that come again are told by their bytes, and heard as if each frame had been read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.again import Form, Forms
from headrace.protocols.http2.codes import (
    CANCEL,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    MAX_WINDOW,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
)
from headrace.protocols.http2.header_blocks import literal
from headrace.protocols.http2.limits import Limits
from tests.protocols.http2.peer import REQUEST, Heard, HeardAgain, Peer, content

CONTENT = b"same1234and5678end"
SPANS = [(4, 8), (11, 15)]
WARM = 3  # requests after which one is told by its bytes


def request(number: int, sent: bytes = CONTENT, updates: tuple[int, ...] = (5,), block: bytes = REQUEST) -> bytes:
    """As clients send it."""
    widened = b"".join(frames.window_update(number, each) for each in updates)
    head = frames.frame(codes.HEADERS, END_HEADERS, number, block)
    return head + widened + frames.frame(codes.DATA, END_STREAM, number, sent)


def form(updates: tuple[int, ...] = (5,)) -> Form:
    return Form(REQUEST, updates, CONTENT, HeardAgain({}, [], CONTENT, SPANS))


def warm(limits: Limits = Limits()) -> Peer:  # noqa: B008
    """A client that has asked the same often enough."""
    peer = Peer(limits)
    peer.spans = SPANS
    for number in range(1, 2 * WARM, 2):
        peer.send(request(number))
        answer(peer.heard[number])
    peer.frames()
    return peer


def answer(heard: Heard, size: int = 3) -> None:
    heard.stream.send(b"\x88", (bytes(size),), size, b"\x88")


# ---- a form


def test_a_request_with_other_content_in_its_places_is_of_the_form() -> None:
    sent = request(7, b"same9999and0000end")
    found = form()
    assert found.widened(b"xx" + sent, 2, len(sent)) == 0
    assert found.parts(b"xx" + sent, 2) == (b"9999", b"0000")


@pytest.mark.parametrize(
    "sent",
    [
        request(7, b"Same1234and5678end"),
        request(7, b"same1234And5678end"),
        request(7, b"same1234and5678eND"),
        request(7, updates=(6,)),
        request(7, block=REQUEST[:-1] + b"z"),
        request(7)[: -len(CONTENT) - 9] + frames.frame(codes.DATA, END_STREAM, 9, CONTENT),
        request(7)[: -len(CONTENT) - 9] + frames.frame(codes.DATA, 0, 7, CONTENT),
    ],
)
def test_one_that_differs_elsewhere_is_not(sent: bytes) -> None:
    assert form().widened(sent, 0, len(sent)) == -1


@pytest.mark.parametrize(("behind", "widened"), [(1000, 1000), (0, 0), (MAX_WINDOW, MAX_WINDOW), (MAX_WINDOW + 1, 0)])
def test_what_widens_the_connection_behind_it_is_found(behind: int, widened: int) -> None:
    sent = request(7) + frames.window_update(0, behind)
    assert form().widened(sent, 0, len(sent)) == widened


def test_what_widens_a_stream_behind_it_is_not() -> None:
    sent = request(7) + frames.window_update(7, 10)
    assert form().widened(sent, 0, len(sent)) == 0


def test_a_beginning_is_known_once_all_is_there_before_what_may_differ() -> None:
    found = form()
    assert found.begins(request(7), 0)
    assert not found.begins(request(7, b"some1234and5678end"), 0)
    assert found.begin_bytes == len(request(7)) - len(CONTENT) + SPANS[0][0]


# ---- when one is made


def learned(peer: Peer, number: int) -> bool:
    return peer.heard[number].at_once


def test_what_came_a_few_times_is_known_the_next_time() -> None:
    peer = warm()
    peer.send(request(9, b"same9999and0000end"))
    assert learned(peer, 9)
    assert peer.heard[9].content == b"same9999and0000end"


def test_forms_of_several_kinds_are_known_side_by_side() -> None:
    peer = warm()
    others = [b"other1234thing5678", b"third1234thing5678", b"fourt1234thing5678"]
    for number in range(7, 207, 2):
        peer.send(request(number, others[number % 3]))
        answer(peer.heard[number])
    for number, each in enumerate([CONTENT, *others]):
        peer.send(request(2 * number + 207, each))
        assert learned(peer, 2 * number + 207)


def test_the_oldest_of_too_many_forms_is_forgotten() -> None:
    forms = Forms[int](lambda head, content: HeardAgain({}, [], content, SPANS))
    for number in range(1, 401, 2):
        forms.opened(number, REQUEST, number)
        forms.came(number, memoryview(b"%018d" % number), True)
    assert len(forms.known) == 4


def test_what_nobody_takes_again_is_asked_about_now_and_then_only() -> None:
    asked = list[int]()
    forms = Forms[int](lambda head, content: asked.append(head))
    for number in range(1, 201, 2):
        forms.opened(number, REQUEST, number)
        forms.came(number, memoryview(CONTENT), True)
    assert len(asked) == 6
    assert not forms.known


@pytest.mark.parametrize("updates", [(1, 1, 1), (1,) * 5])
def test_requests_with_many_frames_of_no_use_are_never_known(updates: tuple[int, ...]) -> None:
    peer = Peer()
    peer.spans = SPANS
    for number in range(1, 61, 2):
        peer.send(request(number, updates=updates))
        answer(peer.heard[number])
    assert not any(each.at_once for each in peer.heard.values())


def test_content_in_two_frames_is_not_known() -> None:
    peer = Peer()
    peer.spans = SPANS
    for number in range(1, 61, 2):
        peer.send(frames.frame(codes.HEADERS, END_HEADERS, number, REQUEST))
        peer.send(frames.frame(codes.DATA, 0, number, b"ab") + frames.frame(codes.DATA, END_STREAM, number, CONTENT))
        assert peer.heard[number].content == b"ab" + CONTENT
        answer(peer.heard[number])
    assert not any(each.at_once for each in peer.heard.values())


def test_headers_that_mean_something_else_now_are_read() -> None:
    peer = warm()
    indexed = b"\x40" + literal(b"new", b"one")[1:]  # enters the table, and moves all others in it
    peer.send(request(7, block=REQUEST + indexed))
    peer.send(request(9))
    assert not learned(peer, 9)


# ---- what is heard is the same

REQUESTS = st.tuples(
    st.sampled_from([CONTENT, b"same0000and1111end", b"same1234and5678enD", b"short", b""]),
    st.sampled_from([(), (5,), (5,), (5, 7)]),
    st.sampled_from([REQUEST, REQUEST, REQUEST + literal(b"a", b"b"), REQUEST + b"\x40" + literal(b"n", b"1")[1:]]),
    st.sampled_from([b"", b"", frames.window_update(0, 10), frames.ping(bytes(8)), frames.window_update(0, 2**31)]),
)


@given(st.lists(REQUESTS, max_size=60), st.integers(1, 500))
def test_a_connection_hears_and_says_the_same_as_one_that_knows_no_forms(
    asked: list[tuple[bytes, tuple[int, ...], bytes, bytes]], cuts: int
) -> None:
    peers = Peer(), Peer()
    peers[0].spans = [(0, 1), (3, 5)]
    for at, (sent, updates, block, behind) in enumerate(asked):
        number = 2 * at + 1
        for peer in peers:
            peer.send(request(number, sent, updates, block) + behind, cuts)
            if number in peer.heard and not at % 5:
                answer(peer.heard[number])
    quick, slow = ({number: (each.content, each.ended) for number, each in peer.heard.items()} for peer in peers)
    assert quick == slow
    assert peers[0].frames() == peers[1].frames()


@given(st.integers(1, 100))
def test_one_that_is_cut_waits_to_be_whole(cut: int) -> None:
    peer = warm()
    sent = request(9, b"same9999and0000end")
    peer.send(sent[: min(cut, len(sent) - 1)])
    peer.send(sent[min(cut, len(sent) - 1) :])
    assert (peer.heard[9].content, peer.heard[9].ended) == (b"same9999and0000end", True)


def test_a_client_that_waits_within_its_content_owes_no_frame() -> None:
    peer = warm()
    peer.send(request(9)[:-3])
    peer.loop.now += 15
    peer.connection.look(peer.loop.now)
    assert peer.transport.state == "open"


def test_what_comes_in_place_of_the_rest_is_read() -> None:
    peer = warm()
    peer.send(frames.frame(codes.HEADERS, END_HEADERS, 9, REQUEST) + frames.window_update(9, 5))
    peer.send(frames.reset(9, CANCEL))
    assert peer.heard[9].gone


# ---- what may not be


@pytest.mark.parametrize("number", [5, 8])
def test_a_stream_that_may_not_be_opened_ends_the_connection_as_ever(number: int) -> None:
    peer = warm()
    peer.send(request(number))
    assert peer.goaway()[0] in (PROTOCOL_ERROR, STREAM_CLOSED)


def test_the_reserved_bit_of_a_number_means_nothing() -> None:
    peer = warm()
    peer.send(request(2**31 + 9))
    assert (peer.heard[9].content, peer.heard[9].ended) == (CONTENT, True)


def test_more_streams_than_were_agreed_are_refused() -> None:
    peer = warm(Limits(max_streams=1))
    peer.send(request(9) + request(11))
    assert learned(peer, 9)
    assert peer.resets() == {11: REFUSED_STREAM}


def test_a_client_that_said_goodbye_is_not_served_anew() -> None:
    peer = warm()
    peer.send(request(9) + frames.goaway(0, 0) + request(11))
    assert 11 not in peer.heard
    answer(peer.heard[9])
    assert content(peer.frames(), 9)


def test_a_request_within_another_s_headers_ends_the_connection() -> None:
    peer = warm()
    peer.send(frames.frame(codes.HEADERS, 0, 9, REQUEST) + request(11))
    assert peer.goaway()[0] == PROTOCOL_ERROR


def test_a_window_that_becomes_too_wide_resets_the_stream() -> None:
    peer = warm()
    peer.send(frames.settings({codes.INITIAL_WINDOW_SIZE: MAX_WINDOW}))
    peer.frames()
    peer.send(request(9))
    assert peer.resets() == {9: FLOW_CONTROL_ERROR}


def test_more_than_the_connection_s_window_ends_it() -> None:
    peer = warm()
    peer.connection._credit._left = 10
    peer.send(request(9))
    assert peer.goaway()[0] == FLOW_CONTROL_ERROR


def test_content_behind_its_end_resets_the_stream() -> None:
    peer = warm()
    peer.send(request(9) + frames.frame(codes.DATA, 0, 9, b"more"))
    assert peer.resets() == {9: STREAM_CLOSED}
    assert peer.heard[9].gone


def test_one_that_is_reset_leaves_its_receiver() -> None:
    peer = warm()
    peer.send(request(9) + frames.reset(9, CANCEL))
    assert peer.heard[9].gone
    answer(peer.heard[9])
    assert not peer.frames()


def test_streams_that_are_opened_and_reset_in_numbers_end_the_connection() -> None:
    peer = warm()
    number = 9
    while peer.transport.state == "open":
        peer.send(request(number) + frames.reset(number, CANCEL))
        number += 2
        assert number < 1000
    assert peer.goaway()[0] == ENHANCE_YOUR_CALM


# ---- what is answered


def test_its_windows_hold_an_answer_back() -> None:
    peer = warm()
    peer.send(frames.settings({codes.INITIAL_WINDOW_SIZE: 10}))
    peer.frames()
    peer.send(request(9))
    answer(peer.heard[9], 40)
    assert content(peer.frames(), 9) == bytes(15)  # ten, and what came before its content
    peer.send(frames.window_update(9, 100))
    found = peer.frames()
    assert content(found, 9) == bytes(25)
    assert found[-1].flags == END_HEADERS | END_STREAM


def test_what_widens_the_connection_behind_it_lets_answers_go() -> None:
    peer = warm()
    peer.connection._sender.window = 0
    peer.send(request(9))
    answer(peer.heard[9])
    assert not content(peer.frames(), 9)
    peer.send(request(11) + frames.window_update(0, 100))
    assert learned(peer, 11)
    assert content(peer.frames(), 9) == bytes(3)


def test_those_who_are_there_when_the_connection_is_lost_leave() -> None:
    peer = warm()
    peer.send(request(9))
    peer.connection.connection_lost(None)
    assert peer.heard[9].gone
