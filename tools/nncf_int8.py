"""A model in 8 bits by NNCF, calibrated on the sample texts: `python -m tools.nncf_int8 MODEL.onnx OUT.xml`.

NNCF is a tool of the set-up only: it is on this program's path, not in the environment (see `quantise_minilm.py`).
"""

import sys
from pathlib import Path

import nncf
import openvino

from tools.sample_texts import calibration, encoded


def write_nncf_int8(onnx_file: Path, tokenizer: Path, xml_file: Path) -> None:
    """Weights and activations in 8 bits; what a transformer needs in float32 stays so."""
    samples = encoded(calibration(), tokenizer)
    model = nncf.quantize(
        openvino.Core().read_model(onnx_file),
        nncf.Dataset(samples),
        subset_size=len(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,
    )
    openvino.save_model(model, xml_file, compress_to_fp16=False)


if __name__ == "__main__":
    write_nncf_int8(*map(Path, sys.argv[1:]))
