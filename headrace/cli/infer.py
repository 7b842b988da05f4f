"""`headrace infer`: ask a running server for one inference, and show or keep its outputs."""

import json
from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headrace.cli import inputs as forms
from headrace.cli.client import Answered, Array, Client, Output, tensor_of
from headrace.cli.connection import URL
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.trust import add_trust_flags, trust_of
from headrace.types import Tensor, TensorSpec

SHOWN_VALUES = 8


def parser() -> Parser:
    made = Parser(
        "headrace infer",
        description="Ask a running server for one inference.",
        epilog="forms of an input:\n" + (forms.__doc__ or "").partition("\n\n")[2],
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="one input; repeat for others")
    made.add_argument(
        "--output", action="append", default=[], metavar="NAME[=@FILE.npy]", help="only this output; may go to a file"
    )
    made.add_argument("--version", metavar="N", help="the version; else the server's choice")
    made.add_argument("--url", default=URL, help=f"where the server is; else {URL}")
    made.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="how long to wait; else 60")
    add_trust_flags(made)
    made.add_argument("--json", action="store_true", help="every value, as one JSON object")
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    files = _outputs(options.output)
    client = Client(options.url, options.timeout, trust_of(options))
    specs = client.inputs(options.model, options.version)
    tensors = read_inputs(options.input, specs)
    answered = client.infer(options.model, options.version, tensors, list(files))
    outputs = answered.outputs
    _save(outputs, files)
    if options.json:
        print(json.dumps(_object(options.model, answered), allow_nan=False))
    else:
        _show(outputs, files)
    return 0


def read_inputs(texts: Sequence[str], specs: Sequence[TensorSpec]) -> list[Tensor]:
    """Each `NAME=VALUE` as a tensor. Raises Failure where a name is unknown, repeated or missing its value."""
    by_name = {spec.name: spec for spec in specs}
    tensors: dict[str, Tensor] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and len(specs) == 1 and text not in by_name:
            name, value = specs[0].name, text  # the only input needs no name
        elif not equals:
            raise Failure(f"--input {text} has no value; write --input NAME=VALUE", exit_code=2)
        if name not in by_name:
            raise Failure(f"there is no input {name!r}; the model's inputs: {_signatures(specs)}", exit_code=2)
        if name in tensors:
            raise Failure(f"--input {name} is given twice", exit_code=2)
        tensors[name] = tensor_of(by_name[name], forms.parse_input(value, by_name[name]))
    if not tensors and specs:
        raise Failure(f"no --input is given; the model's inputs: {_signatures(specs)}", exit_code=2)
    return list(tensors.values())


def _signatures(specs: Sequence[TensorSpec]) -> str:
    shown = ("x".join("?" if size < 0 else str(size) for size in spec.shape) for spec in specs)
    return "; ".join(f"{spec.name} {spec.datatype} {shape}".rstrip() for spec, shape in zip(specs, shown, strict=True))


def _outputs(texts: Sequence[str]) -> dict[str, Path | None]:
    """Which are asked for, and where each is written, if anywhere. Raises Failure where one is repeated."""
    files: dict[str, Path | None] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if equals and (not file.startswith("@") or file == "@"):
            raise Failure(f"--output {text}: a file is written @FILE.npy, as in --output {name}=@out.npy", exit_code=2)
        if name in files:
            raise Failure(f"--output {name} is given twice", exit_code=2)
        files[name] = Path(file[1:]) if equals else None
    return files


def _save(outputs: Sequence[Output], files: Mapping[str, Path | None]) -> None:
    for output in outputs:
        path = files.get(output.name)
        if path is None:
            continue
        try:
            with path.open("wb") as file:
                np.save(file, _savable(output), allow_pickle=False)
        except OSError as error:
            raise Failure(f"output {output.name!r} cannot be written to {path}: {error.strerror or error}") from error


def _savable(output: Output) -> Array:
    """Strings as numpy's fixed-length bytes, which cannot end in NUL."""
    if output.datatype != "BYTES":
        return output.array
    if any(element.endswith(b"\0") for element in output.array.ravel()):
        raise Failure(f"output {output.name!r} has a string that ends in NUL, which .npy cannot keep; use --json")
    return output.array.astype("S")


def _show(outputs: Sequence[Output], files: Mapping[str, Path | None]) -> None:
    shown = table("output", "datatype", "shape", "values")
    for output in outputs:
        path = files.get(output.name)
        values = f"in {path}" if path else _abbreviated(output)
        shown.add_row(output.name, output.datatype, str(list(output.array.shape)), values)
    console().print(shown)


def _abbreviated(output: Output) -> str:
    values = _values(output).ravel()
    shown = ", ".join(_word(value) for value in values[:SHOWN_VALUES].tolist())
    return f"{shown}, ... ({values.size} in all)" if values.size > SHOWN_VALUES else shown


def _word(value: object) -> str:
    if isinstance(value, bytes):
        text = value.decode(errors="backslashreplace")
        return text if len(text) <= 60 else f"{text[:57]}..."
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _values(output: Output) -> Array:
    """The output's values; BF16 as the floats that its bits mean."""
    if output.datatype != "BF16":
        return output.array
    return (output.array.astype(np.uint32) << 16).view(np.float32)


def _object(model: str, answered: Answered) -> dict[str, Any]:
    shown = [
        {
            "name": output.name,
            "datatype": output.datatype,
            "shape": list(output.array.shape),
            "data": [_json_value(value) for value in _values(output).ravel().tolist()],
        }
        for output in answered.outputs
    ]
    version = {"model_version": answered.version} if answered.version else {}
    return {"model_name": model, **version, "outputs": shown}


def _json_value(value: object) -> object:
    """JSON has no NaN and no infinity: those are strings."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value
