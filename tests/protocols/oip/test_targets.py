"""The model that a URL means."""

import pytest

from headrace.protocols.oip.targets import Targets
from headrace.types import ModelRef


@pytest.mark.parametrize(
    ("url", "model"),
    [
        (b"/v2/models/m/infer", ModelRef("m")),
        (b"/v2/models/m/versions/3/infer", ModelRef("m", 3)),
        (b"/v2/models/m/versions/v3/infer?a=b", ModelRef("m", 3)),
        (b"http://host:8000/v2/models/m/infer", ModelRef("m")),
        (b"/v2/models/a%2Fb%20c/infer", ModelRef("a/b c")),
        (b"HTTP://host/v2/models/m/infer", ModelRef("m")),
        (b"/V2/models/m/infer", None),
        (b"/v2/models/m/Infer", None),
        (b"/v2/models/m/generate", None),
        (b"/v2/models/m/versions/stable/infer", ModelRef("m", None, "stable")),
        (b"/v2/models/m/versions/%73table/infer", ModelRef("m", None, "stable")),
        (b"/v2/models/m/versions/X/infer", None),
        (b"/v2/models/m/versions/" + b"9" * 30 + b"/infer", None),
        (b"/v2/models/a/b/infer", None),
        (b"", None),
    ],
)
def test_an_infer_url_names_its_model(url: bytes, model: ModelRef | None) -> None:
    targets = Targets()
    assert targets.get(url) == model
    assert targets.get(url) == model


def test_remembered_urls_are_bounded() -> None:
    targets = Targets(most=2)
    for number in range(10):
        assert targets.get(b"/v2/models/m%d/infer" % number) == ModelRef(f"m{number}")
