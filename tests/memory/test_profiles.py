"""What a load has shown is what the next is expected to take."""

from headrace.memory.profiles import FACTOR, OVERHEAD_BYTES, Files, Profile, Profiles

MIB = 1 << 20


def files(key: str = "a", size: int = 10 * MIB, runtime: str = "onnx") -> Files:
    return Files(key, size, runtime)


def test_before_anything_was_loaded_files_are_estimated_by_their_size() -> None:
    assert Profiles().peak_bytes(files()) == OVERHEAD_BYTES + int(FACTOR * 10 * MIB)


def test_a_load_teaches_the_peak_of_these_files() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 20 * MIB, 0.1, None)
    assert profiles.peak_bytes(files()) == 40 * MIB
    assert profiles.of(files("changed")) is None


def test_a_load_teaches_what_processes_of_its_runtime_take_beside_the_files() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 20 * MIB, 0.1, None)
    assert profiles.peak_bytes(files("b", 0)) == 40 * MIB - int(FACTOR * 10 * MIB)
    assert profiles.peak_bytes(files("b", 0, "openvino")) == OVERHEAD_BYTES


def test_what_a_version_came_to_is_remembered_for_its_next_stay() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 40 * MIB, 20 * MIB, 0.1, None)
    profiles.seen(files(), 33 * MIB)
    profiles.seen(files(), 30 * MIB)
    assert profiles.loaded(files(), 40 * MIB, 20 * MIB, 0.1, None).steady_bytes == 33 * MIB


def test_the_time_of_a_load_is_smoothed() -> None:
    profiles = Profiles()
    profiles.loaded(files(), 1, 1, 1.0, None)
    assert 1.0 < profiles.loaded(files(), 1, 1, 2.0, None).load_s < 1.5


def test_only_news_is_kept() -> None:
    kept: list[tuple[str, Profile]] = []
    profiles = Profiles(lambda key, profile: kept.append((key, profile)))
    profiles.loaded(files(), 100, 100, 0.1, None)
    profiles.loaded(files(), 105, 100, 0.1, None)
    profiles.seen(files(), 105)
    assert len(kept) == 1
    profiles.seen(files(), 150)
    profiles.seen(files("never loaded"), 150)
    assert [each.steady_bytes for _, each in kept] == [100, 150]


def test_what_earlier_starts_kept_is_known() -> None:
    profiles = Profiles()
    profiles.learnt_before({"a": Profile(1, "onnx", 77, 50, 0.2)})
    assert profiles.peak_bytes(files()) == 77
