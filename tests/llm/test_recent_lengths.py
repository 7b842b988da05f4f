"""How long texts have been of late."""

from headrace.llm.recent_lengths import FEW, REMEMBERED, RecentLengths


def test_nobody_can_say_until_a_few_are_known() -> None:
    lengths = RecentLengths()
    for _ in range(FEW - 1):
        lengths.learn(10)
    assert lengths.at(0.9) is None
    lengths.learn(10)
    assert lengths.at(0.9) == 10


def test_a_share_of_them_is_shorter() -> None:
    lengths = RecentLengths()
    for number in range(100):
        lengths.learn(number)
    assert [lengths.at(share) for share in (0.0, 0.5, 0.9, 1.0)] == [0, 50, 90, 99]


def test_the_oldest_are_forgotten() -> None:
    lengths = RecentLengths()
    for number in range(2 * REMEMBERED):
        lengths.learn(number)
    assert lengths.at(0.0) == REMEMBERED


def test_texts_that_were_cut_off_say_nothing_of_longer_ones() -> None:
    lengths = RecentLengths()
    for _ in range(20):
        lengths.learn(10, cut=True)
    assert lengths.at(0.9, 120) is None
    assert lengths.at(0.9, 10) == 10
    for _ in range(10):
        lengths.learn(40)
    assert lengths.at(0.9, 120) == 40
