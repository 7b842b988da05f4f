"""What a folder of models holds, found by loading it."""

from pathlib import Path

from headrace.inspection import inspect
from headrace.settings import Config

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


def test_an_objective_that_no_file_can_hold_is_told_with_the_best_that_can(tmp_path: Path) -> None:
    folder = tmp_path / "slow" / "1"
    folder.mkdir(parents=True)
    (folder / "model.fake").write_text("delay_ms = 30\n" + MODEL)
    (folder / "quick.fake").write_text("delay_ms = 10\n" + MODEL)
    (tmp_path / "slow" / "model.toml").write_text(
        'objective = { p99_ms = 5 }\n[[variants]]\nname = "quick"\nfile = "quick.fake"\naccuracy = 0.9\n'
    )
    (status,), (served,) = inspect(Config(), tmp_path)
    assert status.state == "READY"
    assert status.reason.startswith("no answer can come within the objective of 5 ms: a run of one row takes 1")
    assert "with 'quick' at best" in status.reason
    assert served.signature.warnings == (status.reason,)
