"""What the annotations of a tree say of its settings."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headrace.setting import settings_in


class Inner(msgspec.Struct, frozen=True):
    port: Annotated[int, Meta(ge=0, le=9, description="Where.")] = 3
    share: Annotated[float, Meta(gt=0, description="How much.")] = 0.5
    word: Annotated[Literal["auto", 1, 2], Meta(description="Which.")] = "auto"
    on: Annotated[bool, Meta(description="Whether.")] = False
    name: Annotated[str, Meta(min_length=1, description="Who.")] = "x"
    own: Annotated[str, Meta(description="What.", extra={"takes": "a thing"})] = ""


class Tree(msgspec.Struct, frozen=True):
    inner: Inner = Inner()
    tables: Mapping[str, Inner] = {}


def test_every_setting_is_found_by_its_dotted_key_in_order() -> None:
    assert [setting.key for setting in settings_in(Tree)] == [f"inner.{name}" for name in Inner.__struct_fields__]


def test_a_setting_is_told_with_its_default_its_meaning_and_what_it_takes_in_words() -> None:
    found = {setting.key: (setting.default, setting.meaning, setting.takes) for setting in settings_in(Inner)}
    assert found == {
        "port": (3, "Where.", "a whole number of at least 0 and at most 9"),
        "share": (0.5, "How much.", "a number above 0"),
        "word": ("auto", "Which.", "one of auto, 1, 2"),
        "on": (False, "Whether.", "true or false"),
        "name": ("x", "Who.", "text, and not empty"),
        "own": ("", "What.", "a thing"),
    }


def test_settings_may_stand_below_a_name() -> None:
    assert next(settings_in(Inner, "tenants.NAME.")).key == "tenants.NAME.port"
