"""What makes an engine: what drafts for it is found, or why not is told."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from headrace import settings
from headrace.errors import ModelInvalid
from headrace.repository.file_facts import facts_of
from headrace.runtimes.second_room import most_second_bytes
from headrace.types import LanguageChoices, Manifest, ModelVersion
from headrace.weights.gguf import num_weights
from tests.engine_files import llama
from tests.test_build import Bench


async def test_what_is_named_to_draft_is_looked_for_and_why_it_is_not_there_is_told_by_the_field(
    tmp_path: Path,
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.gguf").touch()
    manifest = Manifest("m", 1, tmp_path / "m" / "model.gguf", "llm", tmp_path / "m")

    async def fault(llm: settings.Llm, said: LanguageChoices, **more: dict[str, str]) -> str:
        bench = Bench(tmp_path, llm=llm)
        with pytest.raises(ModelInvalid) as refusal:
            await bench.build(msgspec.structs.replace(manifest, llm=said, **more))
        assert bench.started() == []
        return str(refusal.value)

    (tmp_path / "m" / "model.gguf").write_bytes(llama())
    missing = await fault(settings.Llm(draft="small"), LanguageChoices())
    assert missing == "llm.draft: there is no 'small' in m/, and the repository has no other model of that name"
    named = {"provenance": {"llm.draft": "1/model.toml"}}
    itself = await fault(settings.Llm(), LanguageChoices(draft="m"), **named)
    assert itself.startswith("1/model.toml: llm.draft: 'm' is the model itself; name a smaller one")
    needed = await fault(settings.Llm(), LanguageChoices(speculation="draft"))
    assert needed.startswith('llm.speculation: "draft" needs llm.draft')


async def test_a_model_named_to_draft_for_all_others_goes_without_drafts_itself(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    path = tmp_path / "m" / "model.gguf"
    path.write_bytes(llama())
    bench = Bench(tmp_path, llm=settings.Llm(draft="m", speculation="draft"))
    model = await bench.build(Manifest("m", 1, path, "llm", tmp_path / "m"))
    assert model.signature.language is not None
    assert not model.signature.language.draft
    await model.close()


@pytest.mark.parametrize(("said", "counted", "asked_for"), [("1MiB", 1 << 20, []), ("auto", 0, [1 << 19])])
async def test_a_cache_is_counted_before_where_it_is_said_and_else_claimed(
    tmp_path: Path, said: str, counted: int, asked_for: list[int]
) -> None:
    (tmp_path / "m").mkdir()
    path = tmp_path / "m" / "model.gguf"
    path.write_bytes(llama())
    claimed: list[int] = []

    def claim(version: ModelVersion, share: Callable[[int], int]) -> int:
        claimed.append(share(1 << 20))
        return claimed[-1]

    bench = Bench(tmp_path, llm=settings.Llm(kv_memory=said))
    bench.build.language.claim = claim
    manifest = Manifest("m", 1, path, "llm", tmp_path / "m")
    assert bench.build.language.cache_bytes(manifest) == counted
    assert bench.build.language.cache_bytes(Manifest("n", 1, path, "onnx")) == 0
    model = await bench.build(manifest)
    assert claimed == [*asked_for, most_second_bytes(1 << 20)]
    assert model.signature.language is not None
    assert 0 < model.signature.language.kv_bytes <= 1 << 20
    await model.close()


async def test_a_header_says_what_weights_take_as_they_are_held_and_a_damaged_one_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(llama())
    build = Bench(tmp_path).build.language
    manifest = Manifest("m", 1, path, "llm")
    count = num_weights(path)
    assert build.weights_bytes(manifest, facts_of([path])) == count
    exact = msgspec.structs.replace(manifest, llm=LanguageChoices(precision="f32"))
    assert build.weights_bytes(exact, facts_of([path])) == 4 * count
    path.write_bytes(b"GGUF")
    assert build.weights_bytes(manifest, facts_of([path])) == 0
