"""Plans: what is fetched, put in place and taken away, in which order."""

from typing import Any

from hypothesis import given

from headrace.remote.listing import Listing, RemoteFile
from headrace.remote.plan import Plan, by_model, is_one_model, plans, record_after, units
from tests.remote.listings import LISTINGS


def files(*paths: str, etag: str = "x") -> dict[str, RemoteFile]:
    return {path: RemoteFile(path, 3, etag) for path in paths}


def only(there: Listing, here: Listing) -> Plan:
    (plan,) = plans(there, here)
    return plan


def test_a_new_version_is_fetched_alone_and_placed_whole() -> None:
    here = files("m/1/model.xml", "m/1/model.bin")
    plan = only(here | files("m/2/model.xml", "m/2/model.bin"), here)
    assert [file.path for file in plan.fetch] == ["m/2/model.bin", "m/2/model.xml"]
    assert [(unit.target, unit.is_folder) for unit in plan.place] == [("m/2", True)]
    assert not plan.remove


def test_a_version_goes_in_before_what_tells_of_it_and_out_after() -> None:
    plan = only(files("m/model.toml", etag="y") | files("m/2/x"), files("m/model.toml", "m/1/x"))
    assert [unit.target for unit in plan.place] == ["m/2", "m/model.toml"]
    assert plan.remove == ("m/1",)


def test_a_version_of_which_one_file_changed_is_replaced_whole_and_the_rest_not_fetched() -> None:
    here = files("m/1/model.xml", "m/1/model.bin")
    plan = only(here | files("m/1/model.xml", etag="y"), here)
    assert [file.path for file in plan.fetch] == ["m/1/model.xml"]
    assert plan.reuse == ("m/1/model.bin",)
    assert [len(unit.files) for unit in plan.place] == [2]


def test_a_model_without_versions_is_one_folder() -> None:
    assert list(units(files("m/config.json", "m/onnx/x"))) == ["m"]


def test_a_repository_that_is_itself_a_model_is_one_folder() -> None:
    listing = files("config.json", "a.safetensors", "onnx/x")
    assert is_one_model(listing)
    assert list(units(listing)) == [""]
    assert list(by_model(listing)) == [""]


def test_a_model_that_gets_versions_makes_room_for_them_first() -> None:
    plan = only(files("m/1/model.onnx"), files("m/model.onnx"))
    assert plan.clear == ("m",)
    assert not plan.remove


def test_a_change_of_one_model_is_no_plan_for_another() -> None:
    here = files("m/x", "n/x", "a.onnx")
    assert [plan.name for plan in plans(here | files("n/x", etag="y"), here)] == ["n"]


@given(LISTINGS, LISTINGS)
def test_once_all_plans_are_carried_out_nothing_is_left_to_do(there: Any, here: Any) -> None:
    for plan in plans(there, here):
        here = record_after(plan, here)
    assert here == there
    assert not plans(there, here)


@given(LISTINGS, LISTINGS)
def test_what_is_fetched_or_reused_is_exactly_what_is_placed(there: Any, here: Any) -> None:
    for plan in plans(there, here):
        placed = sorted(file.path for unit in plan.place for file in unit.files)
        assert sorted([*(file.path for file in plan.fetch), *plan.reuse]) == placed
