"""Models of ONNX's own node tests, with inputs and the outputs that its reference computes."""

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

NAMES = (
    # odd types
    "test_add_uint8",
    "test_add_int8",
    "test_sub_uint16",
    "test_mul_uint32",
    "test_div_uint64",
    "test_max_float16",
    "test_min_float64",
    "test_cast_FLOAT16_to_DOUBLE",
    "test_cast_FLOAT_to_BFLOAT16",
    "test_cast_BFLOAT16_to_FLOAT",
    "test_reversesequence_bfloat16",
    "test_compress_bfloat16",
    "test_and2d",
    "test_not_2d",
    "test_equal_int8",
    "test_isnan_float16",
    "test_bitshift_left_uint8",
    "test_qlinearmatmul_2D_uint8_float32",
    "test_dynamicquantizelinear",
    "test_matmulinteger",
    # scalars
    "test_pow_bcast_scalar",
    "test_einsum_scalar",
    "test_clip_default_inbounds",
    "test_size",
    "test_range_float_type_positive_delta",
    "test_range_int32_type_negative_delta",
    "test_range_bfloat16_type_positive_delta",
    "test_gemm_default_scalar_bias",
    "test_string_concat_zero_dimensional",
    # dimensions of no size
    "test_reduce_sum_empty_set",
    "test_reduce_max_empty_set",
    "test_reduce_log_sum_exp_empty_set",
    "test_constantofshape_int_shape_zero",
    "test_split_zero_size_splits_opset18",
    "test_reshape_allowzero_reordered",
    "test_triu_zero",
    "test_string_split_empty_tensor",
    # inputs that may be left out
    "test_clip_default_min",
    "test_clip_default_max",
    "test_resize_upsample_scales_nearest",
    "test_constant_pad",
    "test_maxpool_2d_pads",
    "test_layer_normalization_2d_axis0",
    "test_lstm_defaults",
    "test_gru_seq_length",
    # strings
    "test_equal_string",
    "test_equal_string_broadcast",
    "test_string_concat",
    "test_string_concat_utf8",
    "test_string_concat_empty_string",
    "test_string_split_basic",
    "test_string_split_maxsplit",
    "test_regex_full_match_email_domain",
    "test_regex_full_match_empty",
    "test_strnormalizer_nostopwords_nochangecase",
    "test_ai_onnx_ml_label_encoder_string_int",
    # several outputs, shapes that depend on the data, control flow
    "test_top_k",
    "test_unique_not_sorted_without_axis",
    "test_nonzero_example",
    "test_nonmaxsuppression_two_batches",
    "test_if",
    "test_loop11",
    "test_scan9_sum",
    "test_batchnorm_example_training_mode",
    "test_tfidfvectorizer_tf_batch_onlybigrams_skip5",
)
"""Chosen for odd types, scalars, dimensions of no size, inputs left out, strings and shapes that depend on data."""

BF16 = TensorProto.BFLOAT16


class NodeModel(NamedTuple):
    """A model file, what to give it and what it has to answer; arrays as headrace's runtimes hold them."""

    name: str
    path: Path
    inputs: dict[str, NDArray[np.generic]]
    outputs: dict[str, NDArray[np.generic]]
    datatypes: dict[str, int]  # of TensorProto, by name of input or output


def node_model(name: str, folder: Path) -> NodeModel:
    """Write one of the models to the folder, as `NAME.onnx`."""
    case = _cases()[name]
    path = folder / f"{name}.onnx"
    onnx.save_model(case.model, path)
    inputs, outputs = case.data_sets[0]
    graph = case.model.graph
    given, expected = _arrays(graph.input, inputs), _arrays(graph.output, outputs)
    types = {info.name: info.type.tensor_type.elem_type for info in (*graph.input, *graph.output)}
    return NodeModel(name, path, given, expected, types)


def assert_equal(model: NodeModel, found: dict[str, NDArray[np.generic]]) -> None:
    """Every output is the reference's to 1e-3 (to BF16's own step for BF16)."""
    assert set(found) == set(model.outputs)
    for name, expected in model.outputs.items():
        assert found[name].shape == expected.shape, name
        if expected.dtype.kind in "Ob":
            assert (found[name] == expected).all(), name
        elif model.datatypes[name] == BF16:
            np.testing.assert_allclose(_widened(found[name]), _widened(expected), rtol=1e-2)
        else:
            np.testing.assert_allclose(found[name].astype("f8"), expected.astype("f8"), rtol=1e-3, atol=1e-3)


@cache
def _cases() -> dict[str, Any]:
    """All cases by name; they are computed while their modules are imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflows that the cases mean
        return {case.name: case for case in load_model_tests(kind="node")}


def _arrays(infos: Sequence[onnx.ValueInfoProto], values: Sequence[Any]) -> dict[str, NDArray[np.generic]]:
    return {
        info.name: _array(value, info.type.tensor_type.elem_type) for info, value in zip(infos, values, strict=True)
    }


def _array(value: Any, datatype: int) -> NDArray[np.generic]:
    array: NDArray[np.generic] = numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)
    if datatype == TensorProto.STRING:
        texts = np.empty(array.size, dtype=object)
        texts[:] = [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()]
        return texts.reshape(array.shape)
    return array.view(np.uint16) if datatype == BF16 else array


def _widened(bits: NDArray[np.generic]) -> NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)
