"""A run is shared by rows, and each member's part is charged as what became of it."""

from headrace.batching.check import Checked
from headrace.batching.shares import shares_of
from headrace.batching.waiting import Waiting
from headrace.types import Context, ModelRef, Request


def _item(tenant: str = "", rows: int = 1, *, left: bool = False, queued: bool = False) -> Waiting:
    request = Request("1", ModelRef("m"), (), context=Context(0, tenant=tenant))
    item = Waiting(request, Checked(rows, ()), lambda answer: None, 0)
    item.left, item.queued = left, queued
    return item


def test_members_of_one_tenant_are_one_share() -> None:
    assert shares_of([_item("a", 2), _item("b", 1), _item("a", 3)], failed=False) == (
        ("a", "serve", 5),
        ("b", "serve", 1),
    )


def test_whose_caller_left_while_it_ran_is_cancelled() -> None:
    assert shares_of([_item("a", left=True), _item("a")], failed=False) == (("a", "cancelled", 1), ("a", "serve", 1))


def test_what_runs_again_is_retried_and_what_does_not_has_failed() -> None:
    assert shares_of([_item("a", queued=True), _item("b")], failed=True) == (("a", "retried", 1), ("b", "failed", 1))
    assert shares_of([_item("a", 4)], failed=True) == (("a", "failed", 4),)
