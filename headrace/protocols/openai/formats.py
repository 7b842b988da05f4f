"""What the text must be: `response_format`, vLLM's `structured_outputs` and its older `guided_*` fields."""

from typing import Any, Protocol

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.protocols.strict_body import Body, check_nesting, refuse_unless_absent

_NO_TAGS = "is not offered; use tools, or a grammar"


class JsonSchema(Body, frozen=True):
    """OpenAI's envelope of a JSON schema; `strict` changes nothing, since every schema is kept to."""

    name: str
    description: str | None = None
    schema: dict[str, Any] | bool | None = None
    strict: bool | None = None


class ResponseFormat(Body, frozen=True):
    """OpenAI's; with a `value` that of text-generation-inference, which Hugging Face's client sends, with a `schema`
    llama.cpp's."""

    type: str
    json_schema: JsonSchema | None = None
    value: dict[str, Any] | str | None = None
    schema: dict[str, Any] | bool | None = None
    # vLLM's structural tags, refused by their type
    structures: Any = None
    triggers: Any = None
    format: Any = None


class StructuredOutputs(Body, frozen=True):
    """vLLM's; exactly one is given."""

    json: dict[str, Any] | str | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    # refused where they ask for something
    structural_tag: Any = None
    whitespace_pattern: str | None = None
    disable_any_whitespace: bool | None = None
    disable_additional_properties: bool | None = None
    disable_fallback: bool | None = None


class Formats(Protocol):
    """The fields of a request that say what the text must be."""

    @property
    def response_format(self) -> ResponseFormat | None: ...
    @property
    def structured_outputs(self) -> StructuredOutputs | None: ...
    @property
    def guided_json(self) -> dict[str, Any] | str | None: ...
    @property
    def guided_regex(self) -> str | None: ...
    @property
    def guided_choice(self) -> list[str] | None: ...
    @property
    def guided_grammar(self) -> str | None: ...


def grammar_of(fields: Formats) -> Grammar | None:
    """The one grammar that a request asks for, under one name or several.

    Raises InvalidRequest where it asks for two, or for one not offered.
    """
    found = _of_response_format(fields.response_format)
    if fields.structured_outputs is not None:
        structured = fields.structured_outputs
        _refuse(structured)
        inner = _of_kinds(
            "structured_outputs.", structured.json, structured.regex, structured.choice, structured.grammar
        )
        if structured.json_object:
            inner.append(Grammar("json_object", where="structured_outputs.json_object"))
        if len(inner) != 1:
            raise InvalidRequest(
                "must have exactly one of json, json_object, regex, choice, grammar", "structured_outputs"
            )
        found += inner
    guided = fields.guided_json, fields.guided_regex, fields.guided_choice, fields.guided_grammar
    found += _of_kinds("guided_", *guided)
    for other in found[1:]:
        if (other.kind, other.source) != (found[0].kind, found[0].source):
            raise InvalidRequest(f"is another form than {found[0].where}; one is kept to", other.where)
    return found[0] if found else None


def _refuse(structured: StructuredOutputs) -> None:
    whole = "is not offered; say it in the schema, or in a grammar"
    refuse_unless_absent(
        {
            "structured_outputs.structural_tag": (structured.structural_tag, _NO_TAGS),
            "structured_outputs.whitespace_pattern": (structured.whitespace_pattern, whole),
            "structured_outputs.disable_any_whitespace": (structured.disable_any_whitespace or None, whole),
        }
    )


def _refuse_tags(asked: ResponseFormat) -> None:
    if asked.type == "structural_tag":
        raise InvalidRequest(f"structural_tag {_NO_TAGS}", "response_format.type")
    tags = {"structures": asked.structures, "triggers": asked.triggers, "format": asked.format}
    of_tags = f"is of the type structural_tag, which {_NO_TAGS}"
    refuse_unless_absent({f"response_format.{name}": (value, of_tags) for name, value in tags.items()})


def _of_response_format(asked: ResponseFormat | None) -> list[Grammar]:
    if asked is None:
        return []
    _refuse_tags(asked)
    if asked.value is not None:
        return [_of_value(asked, asked.value)]
    if asked.schema is not None:
        return [_of_schema(asked, asked.schema)]
    if asked.type not in ("text", "json_object", "json_schema"):
        raise InvalidRequest("must be text, json_object or json_schema", "response_format.type")
    if asked.json_schema is not None and asked.type != "json_schema":
        raise InvalidRequest("goes with the type json_schema", "response_format.json_schema")
    if asked.type == "text":
        return []
    if asked.type == "json_object":
        return [Grammar("json_object", where="response_format")]
    if asked.json_schema is None:
        raise InvalidRequest("is missing", "response_format.json_schema")
    where = "response_format.json_schema.schema"
    if asked.json_schema.schema is None:
        raise InvalidRequest("is missing", where)
    return [Grammar("json_schema", _schema(asked.json_schema.schema, where), where)]


def _of_value(asked: ResponseFormat, value: dict[str, Any] | str) -> Grammar:
    """A schema or an expression in the form of text-generation-inference, a schema under a name too."""
    where = "response_format.value"
    for name, other in (("json_schema", asked.json_schema), ("schema", asked.schema)):
        if other is not None:
            raise InvalidRequest(f"cannot be combined with {name}", where)
    if asked.type == "regex" and isinstance(value, str):
        return Grammar("regex", value, where)
    if asked.type not in ("json", "json_object", "json_schema") or isinstance(value, str):
        raise InvalidRequest(
            "is a schema where the type is json, json_object or json_schema, or a text, of regex", where
        )
    if asked.type == "json_schema" and isinstance(value.get("schema"), dict):
        where = f"{where}.schema"
        return Grammar("json_schema", _schema(value["schema"], where), where)
    return Grammar("json_schema", _schema(value, where), where)


def _of_schema(asked: ResponseFormat, schema: dict[str, Any] | bool) -> Grammar:
    """A schema beside the type, without OpenAI's envelope."""
    where = "response_format.schema"
    if asked.json_schema is not None:
        raise InvalidRequest("cannot be combined with json_schema", where)
    if asked.type not in ("json_object", "json_schema"):
        raise InvalidRequest("goes with the types json_object and json_schema", where)
    return Grammar("json_schema", _schema(schema, where), where)


def _of_kinds(
    at: str, json: dict[str, Any] | str | None, regex: str | None, choice: list[str] | None, grammar: str | None
) -> list[Grammar]:
    found = []
    if json is not None:
        source = json if isinstance(json, str) else _schema(json, f"{at}json")
        found.append(Grammar("json_schema", source, f"{at}json"))
    if regex is not None:
        found.append(Grammar("regex", regex, f"{at}regex"))
    if choice is not None:
        if not choice:
            raise InvalidRequest("must have at least one choice", f"{at}choice")
        found.append(Grammar("choice", msgspec.json.encode(choice).decode(), f"{at}choice"))
    if grammar is not None:
        found.append(Grammar("lark", grammar, f"{at}grammar"))
    return found


def _schema(schema: dict[str, Any] | bool, where: str) -> str:
    check_nesting(schema, where)
    return msgspec.json.encode(schema).decode()
