"""Messages of libraries keep what a user can act on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtimes.reasons import LONGEST, is_out_of_memory, onnxruntime_reason, openvino_reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Reshape node. Name:'r' Status "
            "Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 "
            "onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, std::function<void(int)>) "
            "input_shape_size == requested_shape_size was false. Input shape:{6}, requested shape:{4,2}\n",
            "Reshape node 'r': input_shape_size == requested_shape_size was false. "
            "Input shape:{6}, requested shape:{4,2}",
        ),
        (
            "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x for the indices\n"
            " index: 1 Got: 5 Expected: 4\n Please fix either the inputs/outputs or the model.",
            "Got invalid dimensions for input: x for the indices index: 1 Got: 5 Expected: 4",
        ),
        (
            "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model from a/b.onnx failed:Protobuf parsing failed.",
            "the file is not a whole ONNX model: it is cut short or something else",
        ),
        (
            'External data path escapes model directory. External data path: "../s.bin" resolved path: "/srv/a/s.bin"',
            'External data path escapes model directory. External data path: "../s.bin" resolved path: "s.bin"',
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void "
            "onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::string&, int) ONNX Runtime only "
            "*guarantees* support for models stamped with official released onnx opset versions. Opset 99 is under "
            "development and support for this is limited. The operator schemas and or other functionality may change "
            "before next ONNX release and in this case ONNX Runtime will not guarantee backward compatibility. Current "
            "official support for domain ai.onnx is till opset 28.\n",
            "the file has opset 99 of ai.onnx, and the ONNX Runtime that is installed reads those up to 28: export it "
            "with one of them",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/onnxruntime/core/graph/model.cc:256 "
            "onnxruntime::Model::Model(onnx::ModelProto&&) Unsupported model IR version: 99, max supported IR version: "
            "14\n",
            "the file has IR version 99, and the ONNX Runtime that is installed reads those up to 14: "
            "save it as one of them",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Concat node. Name:'/m/cat' "
            "Status Message: concatbase.h:135 PrepareForComputeImpl Axis 1 has mismatched dimensions (4 and 3)",
            "Concat node '/m/cat': Axis 1 has mismatched dimensions (4 and 3)",
        ),
        ("something new", "something new"),
    ],
)
def test_onnx_runtimes_noise_is_left_out(message: str, reason: str) -> None:
    assert onnxruntime_reason(message) == reason


def test_openvinos_places_in_source_are_left_out() -> None:
    message = (
        "Exception from src/inference/src/cpp/core.cpp:84:\nCheck 'm->Parse(&file)' failed at src/a/b.cpp:563:\n"
        "FrontEnd API failed with GeneralFailure:\nModel can't be parsed\n\n"
    )
    assert openvino_reason(message) == "Model can't be parsed"


UNREAD = (
    "Exception from src/inference/src/model_reader.cpp:148:\n"
    'Unable to read the model: "/a/model{0}" Please check that model format: "{0}" is supported and the model '
    "is correct. Available frontends: jax paddle onnx\n"
)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            UNREAD.format(".json"),
            "of Paddle's, which are so since its version 3, save the model as .pdmodel",
        ),
        (UNREAD.format(".json"), "of XGBoost's, convert it with onnxmltools"),
        (UNREAD.format(".xml"), "the file is no OpenVINO IR: it is empty, cut short or something else"),
        (UNREAD.format(".pb"), "the file is no frozen graph of TensorFlow's: it is empty, cut short or something else"),
        (UNREAD.format(".tflite"), "the file is no TFLite model: it is empty, cut short or something else"),
        (
            "Check '!m_weights' failed at src/a.cpp:7:\nEmpty weights data in bin file or bin file cannot be found!\n",
            "its weights are not there: a .bin file of the same name belongs beside it",
        ),
        (
            "Exception from src/a.cpp:7:\nIncorrect weights in bin file!\n",
            "its weights do not fit: the .bin file beside it is cut short, or another model's",
        ),
        (
            "FrontEnd API failed with GeneralFailure:\nPaddlePaddle *.pdiparams format weight file doesn't exist!\n\n",
            "its weights are not there: a .pdiparams file of the same name belongs beside it",
        ),
        (
            "File containing constant with name w_2 wasn't successfully read.\n",
            "its weights do not fit: the .pdiparams file beside it is cut short, or another model's",
        ),
        (
            "Model wasn't fully converted.\nSummary:\n-- No conversion rule found for operations: Odd, Other\nTo "
            "facilitate the conversion of unsupported operations, refer to Frontend Extension documentation: http://x",
            "OpenVINO does not convert these of its operations: Odd, Other",
        ),
        ("Exception from src/a.cpp:7:\nUnexpected type: RESOURCE\n", "export it with its state as inputs and outputs"),
    ],
)
def test_what_openvino_does_not_read_is_told_with_what_would_be_right(message: str, reason: str) -> None:
    assert reason in openvino_reason(message)


@given(st.text())
def test_any_message_becomes_one_short_line(message: str) -> None:
    for reason in (onnxruntime_reason(message), openvino_reason(message)):
        assert len(reason) <= LONGEST
        assert "\n" not in reason


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("Failed to allocate memory"), RuntimeError("std::bad_alloc")]
)
def test_want_of_memory_is_known_by_its_words(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_other_errors_are_no_want_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("bad shape"))
