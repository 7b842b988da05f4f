"""What libraries say when they fail, without what only their authors can read."""

import re

LONGEST = 600
"""Characters of a reason that are kept."""

_PREFIXES = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed:\s*|Fatal error: |This is an invalid model\. "
)
_NODE = re.compile(r"Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: ")
_ADVICE = re.compile(r"\s*Please fix either the inputs/outputs or the model\.?")
_SOURCE = re.compile(r"\S*/onnxruntime\S*/\S+?:\d+ ")
_SHORT_SOURCE = re.compile(r"(?<![\w/])\w+\.(?:cc|h):\d+ \w+ ")  # a file of its source, and a function
_CHECK = re.compile(r"^(?:Check '.*?' failed at|Exception from) \S+?:\d+:$|^(?:FrontEnd API failed with \w+:)$", re.M)
_PLACE = re.compile(r"""(?<=["'])(?<!node ')/[^"']*/(?=[^"'/]+["'])""")
"""The folders of a quoted path, for clients see reasons. Names of nodes look the same, and stay."""
_MEMORY = re.compile(r"failed to allocate memory|bad_alloc|out of memory|cannot allocate", re.I)

_NO_READER = re.compile(r'Please check that model format: "(\.\w+)" is supported')
_NOT_WHOLE = {
    ".xml": "the file is no OpenVINO IR: it is empty, cut short or something else",
    ".pb": "the file is no frozen graph of TensorFlow's: it is empty, cut short or something else",
    ".tflite": "the file is no TFLite model: it is empty, cut short or something else",
    ".json": (
        "OpenVINO reads no .json file: of Paddle's, which are so since its version 3, save the model as .pdmodel, or "
        "convert it to ONNX with paddle2onnx; of XGBoost's, convert it with onnxmltools"
    ),
}
"""By the suffix of a file that none of OpenVINO's readers takes."""

_NOT_THERE = "its weights are not there: a {} file of the same name belongs beside it"
_NOT_ITS_OWN = "its weights do not fit: the {} file beside it is cut short, or another model's"
_WEIGHTS = {
    "Empty weights data in bin file or bin file cannot be found!": _NOT_THERE.format(".bin"),
    "Incorrect weights in bin file!": _NOT_ITS_OWN.format(".bin"),
    "PaddlePaddle *.pdiparams format weight file doesn't exist!": _NOT_THERE.format(".pdiparams"),
    "wasn't successfully read.": _NOT_ITS_OWN.format(".pdiparams"),
}
"""How OpenVINO's readers say that they lack weights, each as it ends."""

_RESOURCE = "Unexpected type: RESOURCE"
_STATEFUL = (
    "the model keeps its state in variables, which OpenVINO does not read from a TFLite file: "
    "export it with its state as inputs and outputs"
)

_UNCONVERTED = re.compile(r"No conversion rule found for operations: (.*)")

_NEW_OPSET = re.compile(r"Opset (\d+) is under development .* support for domain (\S+) is till opset (\d+)", re.S)
_NEW_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")
_READS = "the ONNX Runtime that is installed reads those"

_CUSTOM = "is not a registered function/op"

_SHORT = {
    "Protobuf parsing failed.": "the file is not a whole ONNX model: it is cut short or something else",
    "No graph was found in the protobuf.": "the file has no ONNX graph in it: it is empty or something else",
}


def onnxruntime_reason(message: str) -> str:
    """ONNX Runtime's message in one line: no error numbers, no places in its source or on this disk."""
    if newer := _NEW_OPSET.search(message):
        return f"the file has opset {newer[1]} of {newer[2]}, and {_READS} up to {newer[3]}: export it with one of them"
    if newer := _NEW_IR.search(message):
        return f"the file has IR version {newer[1]}, and {_READS} up to {newer[2]}: save it as one of them"
    text = _ADVICE.sub("", _PREFIXES.sub("", message))
    text = _NODE.sub(lambda found: f"{found[1]} node{f' {found[2]!r}' if found[2] else ''}: ", text)
    text = _SHORT_SOURCE.sub("", text)
    while place := _SOURCE.search(text):
        text = text[: place.start()] + _after_signature(text[place.end() :])
    text = " ".join(_PLACE.sub("", text).split())
    if text.endswith(_CUSTOM):
        text += "; libraries of custom operators are not loaded: export the model without it"
    return _SHORT.get(text, text)[:LONGEST]


def openvino_reason(message: str) -> str:
    """OpenVINO's message in one line: no places in its source or on this disk."""
    if (unread := _NO_READER.search(message)) and unread[1] in _NOT_WHOLE:
        return _NOT_WHOLE[unread[1]]
    if _RESOURCE in message:
        return _STATEFUL
    if unconverted := _UNCONVERTED.search(message):
        return f"OpenVINO does not convert these of its operations: {unconverted[1].strip()}"[:LONGEST]
    lines = [line.strip() for line in _CHECK.sub("", message).splitlines()]
    text = _PLACE.sub("", "; ".join(line for line in lines if line))
    return next((said for end, said in _WEIGHTS.items() if text.endswith(end)), text)[:LONGEST]


def is_out_of_memory(error: Exception) -> bool:
    """Whether a library failed for want of memory."""
    return isinstance(error, MemoryError) or _MEMORY.search(str(error)) is not None


def _after_signature(text: str) -> str:
    """What follows a C++ function's signature, or all of it where there is none."""
    start, depth = text.find("("), 0
    if start < 0:
        return text
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0 and text[at + 1 : at + 2] != "(":
            return text[at + 1 :].removeprefix(" const").lstrip()
    return text
