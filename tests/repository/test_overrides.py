"""Tests of how the files that say something of a model add up."""

from headrace.repository.overrides import Layer, Overrides, combine
from headrace.types import Batching, Cache, LanguageChoices, Objective, TensorSpec, WarmUp


def test_the_first_layer_wins_key_by_key() -> None:
    said, provenance = combine(
        [Layer("model.toml", Overrides(threads=2)), Layer("config.pbtxt", Overrides(threads=4, instances=3))]
    )
    assert (said.threads, said.instances) == (2, 3)
    assert provenance == {"threads": "model.toml", "instances": "config.pbtxt"}


def test_batching_and_parameters_are_joined_by_key() -> None:
    strong = Overrides(batching=Batching(max_delay_ms=0.0), parameters={"a": "1"})
    weak = Overrides(batching=Batching(enabled=True, max_delay_ms=5), parameters={"a": "2", "b": "3"})
    said, provenance = combine([Layer("strong", strong), Layer("weak", weak)])
    assert said.batching == Batching(enabled=True, max_delay_ms=0.0)
    assert said.parameters == {"a": "1", "b": "3"}
    assert provenance["batching.enabled"] == "weak"
    assert provenance["parameters.a"] == "strong"


def test_objectives_are_joined_by_key() -> None:
    strong, weak = Objective(p99_ms=50), Objective(p99_ms=90, ttft_ms=200)
    said, provenance = combine(
        [Layer("2/model.toml", Overrides(objective=strong)), Layer("model.toml", Overrides(objective=weak))]
    )
    assert said.objective == Objective(p99_ms=50, ttft_ms=200)
    assert provenance == {"objective.p99_ms": "2/model.toml", "objective.ttft_ms": "model.toml"}


def test_settings_of_language_models_are_joined_by_key() -> None:
    strong, weak = LanguageChoices(precision="int4"), LanguageChoices(precision="f32", prefix_cache=False)
    said, provenance = combine([Layer("strong", Overrides(llm=strong)), Layer("weak", Overrides(llm=weak))])
    assert said.llm == LanguageChoices(precision="int4", prefix_cache=False)
    assert provenance == {"llm.precision": "strong", "llm.prefix_cache": "weak"}


def test_tensors_are_joined_by_name() -> None:
    strong = Overrides(inputs=(TensorSpec("y", "", (), labels=("cat",)),))
    weak = Overrides(inputs=(TensorSpec("x", "FP32", (1,)), TensorSpec("y", "INT8", (1,))))
    said, provenance = combine([Layer("strong", strong), Layer("weak", weak)])
    assert {spec.name: spec for spec in said.inputs} == {"x": weak.inputs[0], "y": strong.inputs[0]}
    assert provenance == {"inputs.y": "strong", "inputs.x": "weak"}


def test_warm_up_is_taken_whole_and_warnings_are_all_kept() -> None:
    strong = Overrides(warm_up=(WarmUp("a"),), warnings=("one",))
    weak = Overrides(warm_up=(WarmUp("b"),), warnings=("two",), config={"name": "m"})
    said, _ = combine([Layer("strong", strong), Layer("weak", weak)])
    assert (said.warm_up, said.warnings, said.config) == (strong.warm_up, ("one", "two"), {"name": "m"})


def test_no_layers_say_nothing() -> None:
    assert combine([]) == (Overrides(), {})


def test_a_cache_that_is_refused_outweighs_one_that_is_asked_for() -> None:
    layers = [Layer("model.toml", Overrides(cache=False)), Layer("config.pbtxt", Overrides(cache=Cache()))]
    said, provenance = combine(layers)
    assert (said.cache, provenance) == (False, {"cache": "model.toml"})
