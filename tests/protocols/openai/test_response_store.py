"""Responses are kept as long as there is room, the least used going first."""

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.openai.response_store import ITEM_BYTES, ResponseStore, Running, Stored


def made(id_: str, text: str = "", tenant: str = "") -> Stored:
    said, asked = {"id": f"msg_{id_}", "text": text}, {"id": "msg_asked", "text": "asked"}
    return Stored({"id": id_, "status": "completed", "output": [said]}, (asked,), tenant)


SIZE = len(msgspec.json.encode(made("a"))) + 2 * ITEM_BYTES


def test_the_least_used_goes_first() -> None:
    store = ResponseStore(max_responses=2)
    store.put(made("a"))
    store.put(made("b"))
    store.get("a", "")
    store.put(made("c"))
    assert store.get("a", "").response["id"] == "a"
    with pytest.raises(NotFound):
        store.get("b", "")


def test_what_is_too_large_alone_is_not_kept_and_drives_nobody_out() -> None:
    store = ResponseStore(max_bytes=2 * SIZE)
    store.put(made("a"))
    store.put(made("b", "x" * 2 * SIZE))
    assert len(store) == 1


def test_what_is_kept_takes_what_is_counted_of_it() -> None:
    store, written = ResponseStore(), b"[" + b",".join([b"[]"] * 20_000) + b"]"
    tracemalloc.start()
    small_objects = msgspec.json.decode(written)
    store.put(Stored({"id": "a", "tools": small_objects, "output": []}, ({"id": "msg_asked", "text": small_objects},)))
    del small_objects
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2.2 * len(written) + 8192
    assert len(store.get("a", "").response["tools"]) == 20_000


def test_an_item_that_two_responses_tell_differently_is_as_the_first_of_those_kept_says() -> None:
    store = ResponseStore()
    store.put(Stored({"id": "a", "output": [{"id": "msg", "text": "first"}]}, ()))
    store.put(Stored({"id": "b", "output": [{"id": "msg", "text": "second"}]}, ()))
    assert store.item("msg", "", "")["text"] == "first"
    store.delete("a", "")
    assert store.item("msg", "", "")["text"] == "second"


def test_a_conversation_is_the_input_and_the_output() -> None:
    texts = [item["text"] for item in made("a", "said").conversation]
    assert texts == ["asked", "said"]


def test_an_item_is_kept_as_long_as_one_of_its_responses() -> None:
    store = ResponseStore(max_responses=2)
    store.put(made("a", "first"))
    store.put(Stored({"id": "b", "output": [{"id": "msg_b"}]}, made("a", "first").conversation))
    store.delete("a", "")
    assert store.item("msg_a", "", "input[0].id")["text"] == "first"
    store.put(made("c"))
    store.put(made("d"))
    with pytest.raises(NotFound, match=r"input\[0\].id: no item 'msg_a' is kept here"):
        store.item("msg_a", "", "input[0].id")
    assert store.item("msg_asked", "", "")["text"] == "asked"


def test_only_what_runs_can_be_cancelled() -> None:
    store = ResponseStore()
    store.put(made("a"))
    store.running["b"] = Running(lambda: {"status": "in_progress"}, lambda: {"status": "cancelled"}, lambda: None)
    assert store.response("b", "") == {"status": "in_progress"}
    assert store.cancel("b", "") == {"status": "cancelled"}
    with pytest.raises(InvalidRequest, match="is completed"):
        store.cancel("a", "")
    with pytest.raises(NotFound):
        store.cancel("c", "")


def test_what_is_deleted_while_it_runs_is_told_so_and_gone() -> None:
    store, forgotten = ResponseStore(), []
    store.running["a"] = Running(dict, dict, lambda: forgotten.append("a"))
    store.delete("a", "")
    assert forgotten == ["a"]
    for ask in (store.response, store.delete, store.cancel):
        with pytest.raises(NotFound):
            ask("a", "")


def test_to_another_tenant_a_response_was_never_kept() -> None:
    store = ResponseStore()
    store.put(made("a", tenant="north"))
    store.running["b"] = Running(dict, dict, lambda: None, "north")
    for ask in (store.get, store.response, store.delete, store.cancel):
        for id_ in ("a", "b"):
            for tenant in ("south", ""):
                with pytest.raises(NotFound, match=f"no response '{id_}' is kept here"):
                    ask(id_, tenant)
    with pytest.raises(NotFound):
        store.item("msg_a", "south", "")
    assert store.get("a", "north") == made("a", tenant="north")
    assert store.item("msg_a", "north", "")
    assert store.cancel("b", "north") == {}


@given(st.lists(st.tuples(st.sampled_from("pgd"), st.integers(0, 9), st.integers(0, 200))))
def test_it_never_holds_more_than_it_may(steps: list[tuple[str, int, int]]) -> None:
    store = ResponseStore(max_responses=4, max_bytes=4 * SIZE)
    kept: dict[str, int] = {}
    for number, (step, key, length) in enumerate(steps):
        id_ = str(number) if step == "p" else str(key)
        try:
            if step == "p":
                store.put(made(id_, "x" * length))
                kept[id_] = len(msgspec.json.encode(made(id_, "x" * length)))
            elif step == "g":
                store.get(id_, "")
            else:
                store.delete(id_, "")
        except NotFound:
            pass
        held = sum(size for each, size in kept.items() if _has(store, each))
        assert len(store) <= 4
        assert held <= 4 * SIZE


def _has(store: ResponseStore, id_: str) -> bool:
    try:
        store.get(id_, "")
    except NotFound:
        return False
    return True
