"""The documents say what the code does: settings, errors, verbs, metrics, keys of model.toml, folders, links."""

import re
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from headrace import errors
from headrace.cli.main import VERBS
from headrace.config import OF_A_TENANT, SETTINGS
from headrace.llm.pre_tokenizers import PRE_TOKENIZERS
from headrace.protocols.status import STATUS
from headrace.repository import manifest
from headrace.weights import ggml_types, gguf_architecture, hf_dense, hf_families, hf_rope, hf_sentence

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def _sections(name: str) -> dict[str, str]:
    """Each `## heading` of a document and the text under it, its lines joined."""
    _, *sections = re.split(r"^## ", (ROOT / "docs" / name).read_text(), flags=re.MULTILINE)
    split = (section.partition("\n") for section in sections)
    return {heading.strip("` "): " ".join(text.split()) for heading, _, text in split}


def _anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are made where documents are shown."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_and_no_other_has_a_heading() -> None:
    assert list(_sections("settings.md")) == [*SETTINGS, *OF_A_TENANT]


@pytest.mark.parametrize("key", [*SETTINGS, *OF_A_TENANT])
def test_a_setting_is_described_as_it_is(key: str) -> None:
    setting, text = {**SETTINGS, **OF_A_TENANT}[key], _sections("settings.md")[key]
    default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    assert text.startswith(f"{setting.meaning} Takes {setting.takes}. Default: `{default}`.")


def test_every_error_and_no_other_has_a_heading() -> None:
    tree = {each.code for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "code")}
    assert set(_sections("errors.md")) == tree


@pytest.mark.parametrize("code", STATUS)
def test_an_error_is_documented_with_its_status(code: str) -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    assert re.search(rf"^\| \[{code}\]\(#{code}\) \| {STATUS[code].http} \| [A-Z_]+ \|$", text, re.MULTILINE)


def test_every_verb_and_no_other_has_a_heading() -> None:
    assert list(_sections("cli.md")) == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_of_a_verb_is_documented(verb: str) -> None:
    text = _sections("cli.md")[verb]
    options = import_module(f"headrace.cli.{verb}").parser()._option_string_actions
    missing = {flag for flag in options if flag.startswith("--") and flag != "--help" and f"`{flag}" not in text}
    assert not missing


def test_every_key_of_model_toml_is_documented() -> None:
    text = (ROOT / "docs" / "model-toml.md").read_text()
    tables = [each for each in vars(manifest).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    keys = {key for table in tables if table.__module__ == manifest.__name__ for key in table.__struct_encode_fields__}
    assert keys
    assert not {key for key in keys if not re.search(rf"\b{key}\b", text)}


WATCHING = ("observe", "costs", "drift", "changes", "objectives", "history", "tracing", "profiling", "capture")
"""The folders that may have metrics."""


def test_every_metric_is_documented() -> None:
    folders = [ROOT / "headrace" / name for name in WATCHING]
    code = "".join(path.read_text() for folder in folders for path in sorted(folder.glob("*.py")))
    names = set(re.findall(r"[\"'](?:# \w+ )?((?:headrace_|nv_|process_|vllm:)[a-z0-9_]+[a-z])\b", code))
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert names
    assert not {name for name in names if not re.search(rf"\b{name}\b", text)}


READ = {
    "`model_type` of `config.json`": (*hf_families.FAMILIES, *hf_families.NESTED),
    "`rope_type` of `config.json`": hf_rope.KINDS,
    "`general.architecture` of GGUF": gguf_architecture.FAMILIES,
    "types of GGUF's tensors": ggml_types.READ,
    "`tokenizer.ggml.pre` of GGUF": PRE_TOKENIZERS,
    "modules of sentence-transformers": hf_sentence.MODULES,
    "activations of its `Dense`": hf_dense.ACTIVATIONS,
    "poolings of sentence-transformers": hf_sentence.MODES,
}
"""By rows of the table of what is read of language models."""


def test_what_is_read_of_language_models_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs" / "runtimes.md").read_text().partition("## What is read of language models")[2]
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", text.partition("\n## ")[0], flags=re.MULTILINE))
    rows.pop("what")
    found = {what: set(re.findall(r"`(.+?)`", told)) for what, told in rows.items()}
    assert found == {what: set(names) for what, names in READ.items()}


def test_the_layout_names_each_folder_once_and_no_other() -> None:
    named = [heading for heading in _sections("layout.md") if heading.startswith("headrace/")]
    folders = {path.parent for path in (ROOT / "headrace").rglob("__init__.py")} - {ROOT / "headrace"}
    assert sorted(named) == sorted(str(folder.relative_to(ROOT)) for folder in folders)


def test_the_layout_names_every_module_of_the_top() -> None:
    text = (ROOT / "docs" / "layout.md").read_text()
    modules = {path.name for path in (ROOT / "headrace").glob("*.py") if not path.name.startswith("__")}
    assert not {name for name in modules if name not in text}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        if not target.startswith(("http:", "https:")):
            file, _, anchor = target.partition("#")
            there = path.parent / file if file else path
            assert there.exists(), target
            assert not anchor or anchor in _anchors(there), target
