"""Which classes an ONNX file's classifiers tell apart: they stand in the nodes that make their dictionaries."""

from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from headrace.runtimes.onnx_fields import Field, mapped, nodes, varint, within

OUTPUT, OPERATOR, ATTRIBUTE = 2, 4, 5  # of NodeProto
NAME, INTS, STRINGS = 1, 8, 9  # of AttributeProto

MAKES_DICTIONARIES = b"ZipMap"  # no other operator does
LABELS = (b"classlabels_int64s", b"classlabels_strings")


def classes(path: Path) -> dict[str, tuple[str, ...]]:
    """Name of an output of dictionaries -> its classes in the order of its columns, numbers by size and texts by their
    bytes; nothing of a file that is no ONNX (`.ort`) or that cannot be read."""
    try:
        with mapped(path) as content:
            return dict(_classes(content))
    except (OSError, ValueError, IndexError):
        return {}


def _classes(content: mmap) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in nodes(content):
        if _has(content, node, OPERATOR, MAKES_DICTIONARIES):
            labels = tuple(_labels(content, node))
            for output in _of(content, node, OUTPUT):
                yield _bytes(content, output).decode(), labels


def _labels(content: mmap, node: Field) -> Iterator[str]:
    numbers, texts = set[int](), set[bytes]()
    for attribute in _of(content, node, ATTRIBUTE):
        if _has(content, attribute, NAME, *LABELS):
            numbers.update(_numbers(content, attribute))
            texts.update(_bytes(content, each) for each in _of(content, attribute, STRINGS))
    yield from map(str, sorted(numbers))
    for text in sorted(texts):
        yield text.decode()


def _of(content: mmap, message: Field, key: int) -> Iterator[Field]:
    return within(content, message.begin, message.end, key)


def _has(content: mmap, message: Field, key: int, *values: bytes) -> bool:
    return any(_bytes(content, each) in values for each in _of(content, message, key))


def _bytes(content: mmap, field: Field) -> bytes:
    return content[field.begin : field.end]


def _numbers(content: mmap, attribute: Field) -> Iterator[int]:
    """Whole numbers with a sign, a field each or all in one, as writers like."""
    for field in _of(content, attribute, INTS):
        if field.begin == field.end:
            yield _with_sign(field.number)
        at = field.begin
        while at < field.end:
            number, at = varint(content, at)
            yield _with_sign(number)


def _with_sign(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
