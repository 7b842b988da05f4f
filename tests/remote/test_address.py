"""Addresses of repositories."""

import pytest

from headrace.errors import SettingInvalid
from headrace.remote.address import is_address, parse_address


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("s3://bucket/models", "s3", "models"),
        ("s3://bucket", "s3", "bucket"),
        ("gs://bucket/a/b/", "gs", "b"),
        ("az://container/Qwen3-0.6B", "az", "Qwen3-0.6B"),
        ("https://host:8443/models", "http", "models"),
        ("http://127.0.0.1:8080", "http", "127.0.0.1_8080"),
        ("s3://bucket/.hidden", "s3", "hidden"),
    ],
)
def test_an_address_tells_what_kind_of_store_it_leads_to(text: str, kind: str, name: str) -> None:
    address = parse_address(text)
    assert (address.kind, address.name) == (kind, name)


def test_slashes_too_many_make_no_other_address() -> None:
    assert parse_address("s3://bucket//a/").digest == parse_address("s3://bucket/a").digest
    assert parse_address("s3://bucket/a").digest != parse_address("s3://bucket/b").digest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://host/models", "ftp:// is not offered; write s3://"),
        ("s3:///models", "names no bucket"),
        ("https:///models", "names no host"),
        ("https://host/../secret", "may have no . or .."),
        ("https://host:port/models", "is no address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, reason: str) -> None:
    with pytest.raises(SettingInvalid, match=r"^repository: ") as refused:
        parse_address(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize("text", ["https://me:secret@host/models", "https://host/models?sig=secret"])
def test_credentials_in_an_address_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingInvalid, match="credentials are taken from the environment") as refused:
        parse_address(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["models/", "model.onnx", "./a://b", "a:b", "/s3://x"])
def test_a_path_is_no_address(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("text", "url", "name", "path", "reference"),
    [
        ("oci://ghcr.io/org/models/minilm:v2", None, "minilm", "org/models/minilm", "v2"),
        ("oci://localhost:5000/minilm", "oci://localhost:5000/minilm:latest", "minilm", "minilm", "latest"),
        (f"oci://r.io/a/b@sha256:{'0' * 64}", None, "b", "a/b", f"sha256:{'0' * 64}"),
        ("hf://Qwen/Qwen3-0.6B", "hf://Qwen/Qwen3-0.6B@main", "Qwen3-0.6B", "Qwen/Qwen3-0.6B", "main"),
        ("hf://Qwen/Qwen3-0.6B@refs/pr/1", None, "Qwen3-0.6B", "Qwen/Qwen3-0.6B", "refs/pr/1"),
    ],
)
def test_artefacts_and_models_of_the_hub_have_a_repository_and_a_reference(
    text: str, url: str | None, name: str, path: str, reference: str
) -> None:
    address = parse_address(text)
    assert (address.url, address.name, address.path, address.reference) == (url or text, name, path, reference)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("oci://ghcr.io", "names no repository of a registry"),
        ("oci://ghcr.io/Upper/case", "names no repository of a registry"),
        ("oci://ghcr.io/a:b c", "has no tag"),
        ("oci://ghcr.io/a@sha512:00", "has no digest"),
        ("hf://Qwen", "is no model of the hub"),
        ("hf://Qwen/a/b", "is no model of the hub"),
        ("hf://Qwen/a@", "has no revision"),
    ],
)
def test_what_is_wrong_with_such_an_address_is_said_with_what_would_be_right(text: str, reason: str) -> None:
    with pytest.raises(SettingInvalid, match=r"; write ") as refused:
        parse_address(text)
    assert reason in str(refused.value)
