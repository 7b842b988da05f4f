"""What is otherwise in the settings of one start than in those of the last."""

import msgspec

from headrace.changes.settings_changed import MOST, changed, flat
from headrace.settings import Batching, Config, Server


def test_what_is_the_same_is_not_told() -> None:
    assert changed(flat(Config(), "1"), flat(Config(), "1")) == ""


def test_a_setting_is_told_with_both_values() -> None:
    after = msgspec.structs.replace(Config(), batching=Batching(max_size=8))
    assert changed(flat(Config(), "1"), flat(after, "2")) == "batching.max_size 64 -> 8; headrace 1 -> 2"


def test_what_may_be_secret_is_not_shown() -> None:
    after = msgspec.structs.replace(Config(), server=Server(tls_key="/secret/place.pem"))
    told = changed(flat(Config(), "1"), flat(after, "1"))
    assert told == "server.tls_key is another"
    assert "/secret/place.pem" not in flat(after, "1").values()


def test_many_are_counted() -> None:
    after = {f"s{n}": "1" for n in range(MOST + 5)}
    assert changed({}, after).endswith("and 5 more")
    assert changed({"s": "x" * 100}, {}) == f"s {'x' * 40}... -> unset"
