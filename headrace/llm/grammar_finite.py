"""Whether a schema's recursion lets a text end: `{"next": <the same again, required>}` never does."""

from typing import Any

Json = Any

_ROUNDS = 32


def never_ends(schema: Json) -> bool:
    """Whether no finite text satisfies a reduced schema. What else keeps texts from satisfying it is not looked for.

    A least fixed point: a definition ends where it ends without those that are not known to. Schemas so entangled that
    it is not reached in a few rounds count as endless.
    """
    definitions = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    ending: set[str] = set()  # names of definitions that some finite text satisfies
    for _ in range(_ROUNDS):
        seen = _Round(definitions, ending)
        if seen.ends(schema):
            return False
        if seen.ending == ending:
            return True
        ending = seen.ending
    return True


class _Round:
    """One look at every definition that is reached; those under way count as endless until the next."""

    def __init__(self, definitions: dict[str, Json], ending: set[str]) -> None:
        self._definitions = definitions
        self._looked: set[str] = set()
        self.ending = set(ending)

    def ends(self, schema: Json) -> bool:
        if isinstance(schema, bool):
            return schema
        if "$ref" in schema and not self._reference(schema["$ref"].rpartition("/")[2]):
            return False
        if not all(self.ends(inner) for inner in schema.get("allOf", ())):
            return False
        for key in ("anyOf", "oneOf"):
            if key in schema and not any(self.ends(inner) for inner in schema[key]):
                return False
        return self._own(schema)

    def _reference(self, name: str) -> bool:
        if name not in self.ending and name not in self._looked:
            self._looked.add(name)
            if self.ends(self._definitions[name]):
                self.ending.add(name)
        return name in self.ending

    def _own(self, schema: dict[str, Json]) -> bool:
        """Whether one of the types that the schema's own keywords allow has a finite text."""
        types = schema.get("type", "null")  # without types, null is one
        types = types if isinstance(types, list) else [types]
        return any(self._of_type(kind, schema) for kind in types)

    def _of_type(self, kind: str, schema: dict[str, Json]) -> bool:
        if kind == "object":
            others = schema.get("additionalProperties", True)
            properties = schema.get("properties", {})
            return all(self.ends(properties.get(name, others)) for name in schema.get("required", ()))
        if kind == "array" and schema.get("minItems", 0):
            first = schema.get("prefixItems", [])
            count = schema["minItems"]
            if count > len(first) and not self.ends(schema.get("items", True)):
                return False
            return all(self.ends(inner) for inner in first[:count])
        return True
