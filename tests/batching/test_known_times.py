"""What is known of models while they are loaded."""

from headrace.batching.known_times import Known, KnownTimes
from headrace.batching.latency import Latency
from headrace.types import ModelVersion

VERSION = ModelVersion("m", 2)


def known() -> Known:
    latency = Latency()
    latency.learn(1, 0, 1e6)
    return Known(latency, 16, 2)


def test_what_is_known_is_told_with_how_the_model_is_run() -> None:
    times, one = KnownTimes(), known()
    times.add(VERSION, "", one)
    assert times.told(VERSION, "") == {
        "model_name": "m",
        "model_version": "2",
        "variant": "",
        "max_size": 16,
        "instances": 2,
        "packed": False,
        "latency": one.latency.to_json(),
    }
    assert times.told(VERSION, "small") is None
    assert times.variants(VERSION) == [""]


def test_the_own_file_of_a_model_with_variants_is_the_first() -> None:
    times = KnownTimes()
    for variant in ("fp32", "int8"):
        times.add(VERSION, variant, known())
    told = times.told(VERSION, "")
    assert told
    assert told["variant"] == "fp32"
    assert times.variants(VERSION) == ["fp32", "int8"]


def test_a_model_that_never_ran_has_no_times() -> None:
    times = KnownTimes()
    times.add(VERSION, "", Known(Latency(), 16, 1))
    assert times.told(VERSION, "") is None


def test_what_was_loaded_anew_stays_when_the_old_one_goes() -> None:
    times, old, new = KnownTimes(), known(), known()
    times.add(VERSION, "", old)
    times.add(VERSION, "", new)
    times.remove(VERSION, "", old)
    assert times.told(VERSION, "")
    times.remove(VERSION, "", new)
    assert times.told(VERSION, "") is None
