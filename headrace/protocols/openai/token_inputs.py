"""A prompt or an embedding's input in its four shapes: a text, token ids, or a list of either."""

from headrace.errors import InvalidRequest
from headrace.protocols.ranges import check_token_ids

Input = str | list[str | int | list[int]]
"""As JSON has it."""


def read_inputs(given: Input, vocabulary: int, where: str, limit: int) -> list[tuple[str | tuple[int, ...], str]]:
    """Each text or tuple of token ids, with its path.

    Raises InvalidRequest where there is nothing, too much, a mixture, or a token outside the vocabulary.
    """
    if isinstance(given, str):
        return [(given, where)]
    if not given:
        raise InvalidRequest("must not be empty", where)
    if isinstance(given[0], int):
        return [(_ids(given, vocabulary, where), where)]
    if len(given) > limit:
        raise InvalidRequest(f"at most {limit} are taken, not {len(given)}", where)
    kind = type(given[0])
    inputs: list[tuple[str | tuple[int, ...], str]] = []
    for i, each in enumerate(given):
        path = f"{where}[{i}]"
        if not isinstance(each, kind) or isinstance(each, int):
            raise InvalidRequest(f"must be {'a string' if kind is str else 'token ids'}, as the first is", path)
        inputs.append((each if isinstance(each, str) else _ids(each, vocabulary, path), path))
    return inputs


def _ids(given: list[str | int | list[int]] | list[int], vocabulary: int, where: str) -> tuple[int, ...]:
    if not given:
        raise InvalidRequest("must not be empty", where)
    ids = []
    for i, each in enumerate(given):
        if not isinstance(each, int):
            raise InvalidRequest("must be a token id, as the first is", f"{where}[{i}]")
        ids.append(each)
    return check_token_ids(ids, vocabulary, where)
