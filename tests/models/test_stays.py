"""How versions come and go, as the settings say."""

from headrace.models.sleeping import MayWait
from headrace.models.stays import stays_of
from headrace.settings import Models


def test_the_settings_say_how_long_requests_wait_and_the_rest_stays() -> None:
    stays = stays_of(Models(lazy=True, lazy_wait_s=7.0, load_parallel=3), MayWait(num_bytes=5), drain_s=9.0)
    assert (stays.lazy, stays.drain_s, stays.load_parallel) == (True, 9.0, 3)
    assert (stays.may_wait.seconds, stays.may_wait.num_bytes) == (7.0, 5)
