"""`headrace captures`: what a running server has captured of requests; take it as training data, or forget it."""

import json
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from headrace.arrays import split_bytes, to_array
from headrace.cli.asking import add_json_flag, add_server_flags, ask
from headrace.cli.captured import Captured, Text, captured, nothing_of
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.joined_rows import joined_rows
from headrace.cli.parser import Parser
from headrace.memory.sizes import shown
from headrace.printable import printable
from headrace.types import Tensor


def parser() -> Parser:
    made = Parser("headrace captures", description="What a running server has captured of requests.")
    made.add_argument("model", metavar="MODEL", nargs="?", help="only of this model")
    made.add_argument("--version", type=int, metavar="N", help="with --export: of this version")
    made.add_argument(
        "--export", metavar="FILE", help="inputs and answers as training data: FILE.npz, rows joined, or FILE.jsonl"
    )
    made.add_argument("--remove", action="store_true", help="forget all that was captured of the model")
    add_json_flag(made)
    add_server_flags(made, timeout_s=60)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if (options.export or options.remove) and not options.model:
        raise Failure("say of which model: headrace captures MODEL", exit_code=2)
    if options.export and options.remove:
        raise Failure("--remove forgets what --export would take; give one after the other", exit_code=2)
    if options.version is not None and not options.export:
        raise Failure("--version goes with --export: what is shown or forgotten is of all versions", exit_code=2)
    if options.remove:
        told = ask(options, "DELETE", f"/v2/headrace/captures/{quote(options.model, safe='')}")
        print(json.dumps(told) if options.json else f"{told['removed']} captured requests are forgotten.")
    elif options.export:
        _export(options)
    else:
        _list(options)
    return 0


def _list(options: Namespace) -> None:
    told = ask(options, "GET", "/v2/headrace/captures")
    found = [each for each in told["captures"] if options.model in (None, each["model"])]
    if options.model and not found:
        next(captured(options, options.model, None, 1), None)  # refused where there is no such model
    if options.json:
        print(json.dumps({"captures": found}, indent=2))
        return
    if not found:
        print(nothing_of(printable(options.model or "any model")))
        return
    rows = table("model", "version", "requests", "size", "oldest", "newest")
    for each in found:
        times = (datetime.fromtimestamp(each[when]).isoformat(" ", "seconds") for when in ("oldest", "newest"))
        rows.add_row(printable(each["model"]), each["version"], str(each["requests"]), shown(each["bytes"]), *times)
    console().print(rows)


def _export(options: Namespace) -> None:
    path = Path(options.export)
    if path.suffix not in (".npz", ".jsonl"):
        raise Failure(f"--export {options.export}: the name ends in .npz or .jsonl", exit_code=2)
    found = list(captured(options, options.model, options.version, None))
    if not found:
        raise Failure(nothing_of(printable(options.model)))
    try:
        if path.suffix == ".npz":
            np.savez_compressed(path, allow_pickle=False, **joined_rows(found))
        else:
            path.write_text("".join(json.dumps(line(each)) + "\n" for each in found))
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}") from error
    if options.json:
        print(json.dumps({"requests": len(found), "file": str(path)}))
    else:
        print(f"1 request is in {path}." if len(found) == 1 else f"{len(found)} requests are in {path}.")


def line(each: Captured) -> dict[str, Any]:
    """One request as JSON: of a text what trainers read, else by tensor's name, where numbers that JSON has no word for
    are null."""
    if each.text is not None:
        return _text_line(each, each.text)
    return {
        "request": each.request,
        "version": each.version,
        "inputs": {tensor.name: _values(tensor) for tensor in each.inputs},
        "outputs": {tensor.name: _values(tensor) for tensor in each.outputs},
    }


def _text_line(each: Captured, text: Text) -> dict[str, Any]:
    prompt, answer = text.ask.get("prompt", {}), text.choices[0].text if text.choices else ""
    known = {"request": each.request, "version": each.version}
    if "messages" in prompt:
        return known | {"messages": [*prompt["messages"], {"role": "assistant", "content": answer}]}
    return known | {"prompt": prompt.get("text", ""), "completion": answer}


def _values(tensor: Tensor) -> Any:
    if tensor.datatype == "BYTES":
        texts = [element.decode(errors="replace") for element in split_bytes(tensor.data)]
        return np.array(texts, dtype=object).reshape(tensor.shape).tolist()
    array = to_array(tensor)
    if tensor.datatype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if array.dtype.kind != "f":
        return array.tolist()
    values = array.astype(object)
    values[~np.isfinite(array)] = None
    return values.tolist()
