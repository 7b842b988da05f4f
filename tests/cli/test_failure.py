"""A command's failure."""

from headrace.cli.failure import Failure


def test_a_failure_is_the_users_fault_only_where_that_is_said() -> None:
    assert Failure("no").exit_code == 1
    assert Failure("no", exit_code=2).exit_code == 2
