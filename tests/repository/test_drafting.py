"""Where the model lies that drafts for another."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.drafting import draft_path
from headrace.repository.repository import LocalRepository
from headrace.types import Manifest


@pytest.fixture
def repo(tmp_path: Path) -> LocalRepository:
    for name in ("big/1/model.gguf", "big/draft.gguf", "small/1/model.gguf", "small/2/model.gguf", "net/model.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret.gguf").touch()
    return LocalRepository(tmp_path)


def found(name: str, repo: LocalRepository) -> str | None:
    folder = repo.path / "big"
    path = draft_path(name, Manifest("big", 1, folder / "1" / "model.gguf", "llm", folder), repo)
    return None if path is None else str(path.relative_to(repo.path))


def test_it_is_a_path_inside_the_models_folder(repo: LocalRepository) -> None:
    assert found("draft.gguf", repo) == "big/draft.gguf"
    assert found("1/model.gguf", repo) == "big/1/model.gguf"


def test_or_another_model_of_the_repository_in_the_version_that_is_served(repo: LocalRepository) -> None:
    assert found("small", repo) == "small/2/model.gguf"
    (repo.path / "small" / "model.toml").write_text("version_policy = [1]")
    assert found("small", repo) == "small/1/model.gguf"


def test_a_model_is_told_when_it_is_named_itself(repo: LocalRepository) -> None:
    assert found("big", repo) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "there is no 'none' in big/, and the repository has no other model of that name"),
        ("../secret.gguf", "leads out of the model's folder; name a file inside it, and the repository has no other"),
        ("net", "the model 'net' is read by 'onnx'; only a language model drafts"),
        ("empty", "the model 'empty' cannot be read: holds no model"),
    ],
)
def test_what_is_no_language_model_is_refused(repo: LocalRepository, name: str, message: str) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        found(name, repo)
    assert message in str(refusal.value)
