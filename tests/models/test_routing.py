"""What is wished for of a model is told to the registry and kept, and what stood before is remembered."""

from pathlib import Path
from typing import cast

from headrace.models.registry import Registry, Served
from headrace.models.routing import MOST_BEFORE, Routing
from headrace.models.state import State
from headrace.models.wishes import Wishes, labelled
from headrace.repository.repository import Catalog
from headrace.repository.version_policy import Latest
from headrace.servable import Servable
from headrace.types import Manifest, ModelRef, ModelVersion


def manifest(version: int) -> Manifest:
    return Manifest("m", version, Path("m"), "fake")


class Bench:
    def __init__(self, folder: Path | None, *versions: int) -> None:
        self.registry = Registry()
        self.routing = Routing(self.registry, State(folder))
        for version in versions:
            self.publish(version)

    def publish(self, version: int) -> None:
        stood = self.registry.default("m")
        self.registry.publish(Served(ModelVersion("m", version), manifest(version), cast(Servable, object())))
        self.routing.remember("m", stood)


async def test_a_wish_changes_what_answers_and_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, 2)
    await bench.routing.wish("m", labelled(Wishes(), "stable", 1))
    assert bench.registry.get(ModelRef("m")).version.version == 1
    assert bench.routing.before("m") == [1, 2]
    bench.routing.close()
    again = Bench(tmp_path)
    await again.routing.read()
    assert again.routing.of("m").labels == {"stable": 1}


async def test_only_so_many_versions_are_remembered() -> None:
    bench = Bench(None, *range(1, 40))
    assert bench.routing.before("m") == list(range(39 - MOST_BEFORE, 39))


async def test_a_version_that_was_gone_back_to_is_not_remembered_again() -> None:
    bench = Bench(None, 1, 2)
    await bench.routing.go_back("m", Wishes(held_back=frozenset({2})))
    assert bench.routing.before("m") == []
    assert bench.registry.get(ModelRef("m")).version.version == 1


async def test_what_a_new_version_stands_in_for_is_the_default_or_where_its_label_leads() -> None:
    bench = Bench(None, 1, 3)
    for version, stands_for in ((4, 3), (2, None)):
        served = bench.routing.stands_for("m", version)
        assert (served and served.version.version) == stands_for
    await bench.routing.wish("m", Wishes(labels={"stable": 1, "canary": 3}))
    await bench.routing.wish("m", labelled(bench.routing.of("m"), "canary", 5))
    for version, stands_for in ((4, None), (5, 3)):
        served = bench.routing.stands_for("m", version)
        assert (served and served.version.version) == stands_for


async def test_policy_and_labels_both_want_versions() -> None:
    bench = Bench(None, 1, 2)
    await bench.routing.wish("m", Wishes(labels={"stable": 1}))
    catalog = Catalog(tuple(manifest(version) for version in (1, 2, 3)), (), {"m": Latest()})
    assert bench.routing.wanted("m", catalog) == ([3], {1})


async def test_a_model_that_is_forgotten_has_no_past() -> None:
    bench = Bench(None, 1, 2)
    await bench.routing.wish("m", Wishes(asked=True, labels={"stable": 1}))
    assert bench.routing.asked() == {"m"}
    await bench.routing.forget("m")
    assert (bench.routing.of("m"), bench.routing.before("m"), bench.routing.asked()) == (Wishes(), [], set())
