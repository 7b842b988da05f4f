"""What a folder of models holds, found by loading it."""

from pathlib import Path

from headrace.config import Config
from headrace.inspection import inspect

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2] }]
"""


def test_each_model_is_told_with_its_signature_or_the_reason_why_there_is_none(tmp_path: Path) -> None:
    for name, text in (("good", MODEL), ("bad", "inputs = 3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.fake").write_text(text)
    index, served = inspect(Config(), tmp_path)
    assert [(status.name, status.state) for status in index] == [("bad", "UNAVAILABLE"), ("good", "READY")]
    assert "inputs" in index[0].reason
    (good,) = served
    assert good.signature.batch.batched
