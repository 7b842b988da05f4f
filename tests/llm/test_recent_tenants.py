"""Who asked of late."""

from headrace.llm.recent_tenants import RECENT_NS, RecentTenants


def test_who_asked_of_late_is_known_until_a_while_has_passed() -> None:
    tenants = RecentTenants()
    tenants.note("a", 0)
    tenants.note("b", 10)
    tenants.note("a", 20)
    assert tenants.others("a", 20) == ["b"]
    assert tenants.others("c", RECENT_NS + 10) == ["b", "a"]
    assert tenants.others("c", RECENT_NS + 11) == ["a"]
    assert tenants.others("c", RECENT_NS + 21) == []


def test_those_of_long_ago_are_forgotten() -> None:
    tenants = RecentTenants()
    for number in range(1000):
        tenants.note(str(number), number)
    tenants.note("x", RECENT_NS + 2000)
    assert tenants.others("x", 500) == []
