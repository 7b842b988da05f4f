"""Whether a file is computed by our own kernels: an encoder that is recognised in its graph, where it may be."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.devices.inventory import cpu_features
from headrace.errors import ModelInvalid
from headrace.runtimes.onnx_content import is_quantised
from headrace.runtimes.packed_texts import IDS, MASK, OUTPUT, TYPES, PackedTexts
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import Manifest

log = logging.getLogger(__name__)

WHOSE = ("auto", "own", "runtime")
"""The setting `parameters.kernels`. "auto": ours for files whose matrices are quantised; numbers that are whole floats
in the file are computed as its runtime does it, unless asked otherwise."""

RUNTIMES = ("onnx", "openvino")
LENGTHS = (3, 17, 40, 128)  # of texts that both are held against each other with, or as many as the model takes
LEAST_LIKE, LEAST_OF_ALL = 0.9, 0.5  # cosine of a token's states: of a text on the mean, and of every token
SEED = 0


def by_own_kernels(model: LoadedModel, manifest: Manifest, threads: int, folder: Path | None) -> LoadedModel:
    """The file as it is to be run: `model`, which its runtime made, or ours in its place, which closes that.

    Ours stands only where the graph was recognised whole, and gives what the file's own runtime gives, as far as files
    in 8 bits are true to themselves. `folder` keeps the kernels. Raises ModelInvalid where ours is asked for and cannot
    be had.
    """
    whose = manifest.parameters.get("kernels", "auto")
    if whose not in WHOSE:
        raise ModelInvalid(f"is one of {', '.join(WHOSE)}, not {whose!r}", "parameters.kernels")
    if not _may_be(model, manifest, whose):
        if whose == "own":
            raise ModelInvalid("is 'own', which is for encoders of texts alone, in f32 on a CPU", "parameters.kernels")
        return model
    try:
        ours, why = _made(model, manifest, threads, folder, asked=whose == "own")
    except Exception as error:  # whatever is wrong with reading it: its own runtime may take it all the same
        ours, why = None, str(error) or type(error).__name__
    if ours is not None:
        model.close()
        return ours
    if whose == "own":
        raise ModelInvalid(f"is 'own', but {why}", "parameters.kernels")
    log.info("%s is computed by its own runtime: %s", manifest.path.name, why)
    return model


def _may_be(model: LoadedModel, manifest: Manifest, whose: str) -> bool:
    """What can be seen without reading the graph."""
    names = {spec.name for spec in model.inputs}
    fits = {IDS, MASK} <= names <= {IDS, MASK, TYPES} and [spec.name for spec in model.outputs] == [OUTPUT]
    exact = manifest.parameters.get("precision", "f32") == "f32"  # what else is asked for is the runtime's to do
    if whose == "runtime" or not (fits and exact and manifest.device == "cpu" and manifest.runtime in RUNTIMES):
        return False
    return whose == "own" or manifest.runtime == "openvino" or is_quantised(manifest.path)


def _made(
    model: LoadedModel, manifest: Manifest, threads: int, folder: Path | None, *, asked: bool
) -> tuple[PackedTexts | None, str]:
    """Ours, or why not. Raises whatever reading, compiling or trying it does."""
    try:
        from headrace.kernels.library import library  # they need OpenVINO, which is an extra
        from headrace.runtimes.openvino_packed import open_packed
    except ImportError as error:
        return None, f"{error.name} is not installed: pip install 'headrace[openvino]'"
    own = library(folder, cpu_features())
    if own.path is None:
        return None, f"that needs {own.lacks or 'a processor with tiles (AMX)'}"
    opened = open_packed(manifest.path, own.path, threads)
    if opened is None:
        return None, "its graph is not that of an encoder as they are known here"
    if not (opened.quantised or asked):
        return None, "its matrices are whole floats"
    ours = PackedTexts(model, opened.compiled, opened.checkpoint, opened.told)
    facts = opened.checkpoint.architecture
    alike = likeness(model, ours, facts.vocabulary, facts.max_context)
    if not (alike.mean >= LEAST_LIKE and alike.least >= LEAST_OF_ALL):  # nor what is no number
        ours.close()
        return None, f"its answers would be others (a cosine of {alike.mean:.3f}, of a token {alike.least:.3f})"
    return ours, ""


class Likeness(NamedTuple):
    """Cosines of tokens' states: of the text that is least alike on the mean, and of the token that is."""

    mean: float
    least: float


def likeness(one: LoadedModel, other: LoadedModel, vocabulary: int, longest: int) -> Likeness:
    """Of made-up texts, which both are asked for alone and padded."""
    lengths = np.minimum(LENGTHS, longest)
    ids = np.random.default_rng(SEED).integers(0, vocabulary, (len(lengths), lengths.max()))
    there = np.arange(lengths.max()) < lengths[:, None]
    together = {IDS: np.where(there, ids, 0), MASK: there.astype(np.int64), TYPES: np.zeros_like(ids)}
    alone = {name: array[:1, : lengths[0]] for name, array in together.items()}
    tried = (together, there), (alone, there[:1, : lengths[0]])
    texts = [text for arrays, kept in tried for text in _cosines(_states(one, arrays), _states(other, arrays), kept)]
    return Likeness(min(float(text.mean()) for text in texts), min(float(text.min()) for text in texts))


def _states(model: LoadedModel, arrays: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
    taken: Arrays = {
        spec.name: arrays[spec.name].astype(np.int32 if spec.datatype == "INT32" else np.int64) for spec in model.inputs
    }
    states: NDArray[np.float32] = model.run(taken, ())[OUTPUT].astype(np.float32)
    return states


def _cosines(
    one: NDArray[np.float32], other: NDArray[np.float32], kept: NDArray[np.bool_]
) -> list[NDArray[np.float32]]:
    """Of the tokens of each text that are kept."""
    if one.shape != other.shape:
        return [np.full(1, -1, np.float32)]
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    found = (one * other).sum(axis=2) / np.maximum(lengths, 1e-12)
    return [text[there] for text, there in zip(found, kept, strict=True)]
