"""How many patterns may have to hold of one text at once: the compiler's work doubles with each."""

from typing import Any

Json = Any


def patterns_that_meet(schema: Json) -> int:
    """At most so many patterns and formats of a reduced schema meet in one text, keywords that join schemas followed.

    A bound from above: schemas joined by allOf count as if all of them spoke of the same property.
    """
    definitions = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    return _Meeting(definitions).of(schema)


class _Meeting:
    def __init__(self, definitions: dict[str, Json]) -> None:
        self._definitions = definitions
        self._known: dict[str, int] = {}  # of definitions; of those under way nothing is counted yet

    def of(self, schema: Json) -> int:
        if isinstance(schema, bool):
            return 0
        joined = self._inside(schema) + sum(map(self.of, schema.get("allOf", ())))
        if "$ref" in schema:
            joined += self._definition(schema["$ref"].rpartition("/")[2])
        return joined + sum(max(map(self.of, schema.get(key, ())), default=0) for key in ("anyOf", "oneOf"))

    def _inside(self, schema: dict[str, Json]) -> int:
        """Of a schema's own keywords: of its texts, or of the values in its objects and lists."""
        own = ("pattern" in schema) + ("format" in schema)
        named = max(map(self.of, schema.get("properties", {}).values()), default=0)
        matched = max(map(self.of, schema.get("patternProperties", {}).values()), default=0)
        others = [schema[key] for key in ("items", "additionalProperties") if key in schema]
        listed = max(map(self.of, (*schema.get("prefixItems", ()), *others)), default=0)
        return max(own, named + matched, listed)

    def _definition(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 0
            self._known[name] = self.of(self._definitions[name])
        return self._known[name]
