"""What a child needs imported, by the runtime of its model: it may be forked from a process that has that already."""

RUNS_BATCHES, RUNS_STEPS = "headrace.child", "headrace.engine_child"
"""The programs of children: batch after batch of a tensor model, step after step of a language model."""

IMPORTS = {
    "onnx": (RUNS_BATCHES, "headrace.runtimes.onnx"),
    "openvino": (RUNS_BATCHES, "headrace.runtimes.openvino"),
    "fake": (RUNS_BATCHES, "headrace.runtimes.fake"),
    "llm": (RUNS_STEPS, "headrace.engine_load", "headrace.engine_decoder"),
    "fakellm": (RUNS_STEPS, "headrace.llm.fake_engine"),
}
