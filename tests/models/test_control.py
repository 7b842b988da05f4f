"""What loads and unloads models, as the settings say it."""

import pytest

from headrace.errors import Forbidden, SettingInvalid
from headrace.models.control import Control, control_of
from headrace.settings import Models


def test_files_and_requests_both_decide_unless_somebody_says_otherwise() -> None:
    assert control_of(Models()) == Control(asked=True, first=None)


@pytest.mark.parametrize(("names", "first"), [("", frozenset()), ("a", {"a"}), (" a, b ,", {"a", "b"}), ("*", None)])
def test_an_explicit_start_loads_what_is_named(names: str, first: frozenset[str] | None) -> None:
    assert control_of(Models(control="explicit", load=names)).first == first


def test_names_are_refused_where_everything_is_loaded_anyway() -> None:
    with pytest.raises(SettingInvalid, match="explicit") as caught:
        control_of(Models(load="a"))
    assert caught.value.where == "models.load"


def test_requests_are_refused_where_only_files_decide() -> None:
    with pytest.raises(Forbidden, match=r"models\.control"):
        control_of(Models(control="watch")).check_asked()
