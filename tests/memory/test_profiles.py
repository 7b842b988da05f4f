"""What a load has shown is what the next is expected to take."""

import msgspec

from headrace.memory.profiles import (
    FACTOR,
    OVERHEAD_BYTES,
    OVERHEAD_OF_LANGUAGE_BYTES,
    RECENT,
    WEIGHTS_FACTOR,
    Files,
    Profile,
    Profiles,
)

MIB = 1 << 20


def files(key: str = "a", size: int = 10 * MIB, runtime: str = "onnx") -> Files:
    return Files(key, size, runtime)


def test_before_anything_was_loaded_files_are_estimated_by_their_size() -> None:
    assert Profiles().peak_bytes(files()) == OVERHEAD_BYTES + int(FACTOR * 10 * MIB)


def test_each_of_its_processes_counts_and_a_language_model_takes_more() -> None:
    profiles = Profiles()
    assert profiles.peak_bytes(Files("v", 0, "onnx", processes=3)) == 3 * OVERHEAD_BYTES
    assert profiles.peak_bytes(Files("l", 0, "llm", language=True)) == OVERHEAD_OF_LANGUAGE_BYTES
    profiles.loaded(Files("v", 0, "onnx", processes=3), 90 * MIB, 0.1, None)
    assert profiles.peak_bytes(files(size=0)) == 30 * MIB


def test_weights_that_are_larger_in_memory_than_in_their_file_count_too() -> None:
    quantised = Files("l", 10 * MIB, "llm", language=True, weights_bytes=30 * MIB)
    from_file = OVERHEAD_OF_LANGUAGE_BYTES + int(FACTOR * 10 * MIB)
    assert Profiles().peak_bytes(quantised) == from_file + int(WEIGHTS_FACTOR * 30 * MIB)
    assert Profiles().held_bytes(quantised) == OVERHEAD_OF_LANGUAGE_BYTES + 40 * MIB
    assert Profiles().peak_bytes(msgspec.structs.replace(quantised, weights_bytes=10 * MIB)) == from_file


def test_what_processes_take_beside_weights_is_learnt_of_the_first_load_and_of_later_ones() -> None:
    profiles = Profiles()
    quantised = Files("l", 10 * MIB, "llm", language=True, weights_bytes=30 * MIB)
    for weights_bytes in (30 * MIB, 0):  # once they are known nobody reads their header
        profiles.loaded(msgspec.structs.replace(quantised, weights_bytes=weights_bytes), 100 * MIB, 0.1, None)
    empty = Files("o", 0, "llm", language=True)
    assert profiles.peak_bytes(empty) == 100 * MIB - int(FACTOR * 10 * MIB) - int(WEIGHTS_FACTOR * 30 * MIB)


def test_a_load_teaches_the_peak_of_these_files() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 0.1, None)
    assert profiles.peak_bytes(files()) == 40 * MIB
    assert profiles.of(files("changed")) is None


def test_the_least_that_these_files_were_seen_to_hold_counts_with_a_cache_of_theirs() -> None:
    profiles = Profiles()
    profiles.held(files(), 20 * MIB)  # of what was never loaded nothing is known
    profiles.loaded(files(), 40 * MIB, 0.1, None)
    assert profiles.held_bytes(files()) is None
    for seen in (35, 30, 33, 0):
        profiles.held(files(), seen * MIB)
    profiles.loaded(files(), 45 * MIB, 0.1, None)
    assert profiles.held_bytes(msgspec.structs.replace(files(), cache_bytes=5 * MIB)) == 35 * MIB


def test_a_load_teaches_what_processes_of_its_runtime_take_beside_the_files() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 0.1, None)
    assert profiles.peak_bytes(files("b", 0)) == 40 * MIB - int(FACTOR * 10 * MIB)
    assert profiles.peak_bytes(files("b", 0, "openvino")) == OVERHEAD_BYTES


def test_only_recent_loads_say_what_processes_of_a_runtime_take() -> None:
    profiles = Profiles()
    profiles.loaded(files(size=0), 90 * MIB, 0.1, None)
    for name in range(RECENT):
        profiles.loaded(files(str(name), 0), 40 * MIB, 0.1, None)
    assert profiles.peak_bytes(files("b", 0)) == 40 * MIB


def test_what_a_version_grew_by_is_remembered_for_its_next_stay() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 0.1, None)
    profiles.grew(files(), 33 * MIB)
    profiles.grew(files(), 30 * MIB)
    assert profiles.loaded(files(), 40 * MIB, 0.1, None).growth_bytes == 33 * MIB


def test_the_time_of_a_load_is_smoothed() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 1, 1.0, None)
    assert 1.0 < profiles.loaded(files(), 1, 2.0, None).load_s < 1.5


def test_only_news_is_kept() -> None:
    kept: list[tuple[str, Profile]] = []
    profiles = Profiles(lambda key, profile: kept.append((key, profile)))
    profiles.loaded(files(), 100 * MIB, 0.1, None)
    profiles.loaded(files(), 105 * MIB, 0.1, None)
    profiles.grew(files(), MIB)
    assert len(kept) == 1
    profiles.grew(files(), 5 * MIB)
    profiles.grew(files("never loaded"), 5 * MIB)
    assert [each.growth_bytes for _, each in kept] == [0, 5 * MIB]


def test_what_earlier_starts_kept_is_known() -> None:
    profiles = Profiles()
    profiles.learnt_before({"a": Profile(1, "onnx", 77, 50, 0.2)})
    assert profiles.peak_bytes(files()) == 77
