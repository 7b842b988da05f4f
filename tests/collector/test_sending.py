"""What waits is sent by a thread, until it is closed."""

import threading

import pytest

from headrace.collector.sending import Sending


class Exporter:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_what_waits_at_the_end_is_sent_and_the_exporter_closed() -> None:
    exporter, sent = Exporter(), list[Exporter]()
    sending = Sending("things", lambda: exporter, sent.append)
    sending.start()
    sending.close(30)
    assert sent == [exporter]
    assert exporter.closed


def test_the_end_does_not_wait_for_others_to_be_sent_with() -> None:
    sent = list[Exporter]()
    sending = Sending("things", Exporter, sent.append, together_s=3600)
    sending.start()
    sending.some()
    sending.close(30)
    assert len(sent) == 1


def test_what_comes_while_it_is_sent_is_sent_next() -> None:
    again, done = threading.Event(), threading.Event()

    def send(exporter: Exporter) -> None:
        if again.is_set():
            done.set()
        else:
            again.set()
            sending.some()

    sending = Sending("things", Exporter, send)
    sending.start()
    sending.some()
    assert done.wait(30)
    sending.close(30)


def test_an_exporter_that_cannot_be_made_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> Exporter:
        raise RuntimeError("no library")

    sending = Sending("things", connect, lambda exporter: None)
    sending.start()
    sending.close(30)
    assert "things are not sent: their exporter cannot be made" in caplog.text
    assert "no library" in caplog.text
