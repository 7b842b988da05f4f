"""A second graph takes its share of memory where its model is small, and nothing is promised to a large one."""

from headrace.runtimes.second_room import FACTOR, MOST_BYTES, SHARE, most_second_bytes, second_bytes


def test_a_second_graph_takes_the_weights_again_and_their_file_and_large_models_have_none() -> None:
    assert second_bytes(1000) == int(1000 * FACTOR)
    assert second_bytes(1000, in_common=True) < 1000
    assert [second_bytes(MOST_BYTES) > 0, second_bytes(MOST_BYTES + 1)] == [True, 0]


def test_a_model_may_have_a_share_of_what_is_left_and_no_more_than_any_takes() -> None:
    assert most_second_bytes(1000) == int(1000 * SHARE)
    assert most_second_bytes(1 << 40) == second_bytes(MOST_BYTES)
