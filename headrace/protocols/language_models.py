"""Which language model a request is for, and whether it can do what is asked."""

from typing import Literal

from starlette.requests import Request

from headrace.errors import HeadraceError, InvalidRequest
from headrace.generation import LanguageFacts
from headrace.models.registry import Served, is_label
from headrace.protocols.oip.front import Front
from headrace.protocols.unread import meant
from headrace.types import ModelRef

Task = Literal["generate", "embed", "score"]


def language_models(front: Front) -> list[Served]:
    """What answers for every language model where no version is asked for, by name."""
    answering = (front.registry.default(name) for name in front.registry.names())
    return [served for served in answering if served and served.signature.language is not None]


async def find_model(
    front: Front, request: Request, name: str | None, task: Task | None = None
) -> tuple[ModelRef, LanguageFacts]:
    """The model of that name, `NAME:VERSION` or `NAME@LABEL` for one version; no name: the only one that does the task.
    One that never was in memory is waited for.

    Raises ModelNotFound, ModelUnavailable, or InvalidRequest where it is no language model or does not do the task.
    """
    if name is None:
        name = _only(front, task)
    ref = _reference(front, name)
    meant(request, ref)
    try:
        facts = (await front.repository.know(ref)).signature.language
    except HeadraceError as error:
        error.where = error.where or "model"
        raise
    if facts is None:
        raise InvalidRequest(
            f"model {name!r} is not a language model; it takes tensors, and /v2/models/{ref.name} tells which", "model"
        )
    if task is not None and not _does(facts, task):
        raise InvalidRequest(f"model {name!r} cannot {task}; it can {', '.join(facts.tasks)}", "model")
    return ref, facts


def _only(front: Front, task: Task | None) -> str:
    served = [each for each in language_models(front) if task is None or _does(_facts(each), task)]
    if len(served) != 1:
        names = ", ".join(each.version.name for each in served) or "none is ready"
        raise InvalidRequest(f"is missing; models for this: {names}", "model")
    return served[0].version.name


def _does(facts: LanguageFacts, task: Task) -> bool:
    """Texts can be scored by comparing their embeddings, too."""
    return task in facts.tasks or (task == "score" and "embed" in facts.tasks)


def _facts(served: Served) -> LanguageFacts:
    facts = served.signature.language
    assert facts is not None
    return facts


def _reference(front: Front, name: str) -> ModelRef:
    base, _, label = name.rpartition("@")
    if base and is_label(label) and not front.registry.versions(name):
        return ModelRef(base, None, label)
    base, _, version = name.rpartition(":")
    if base and version.isascii() and version.isdigit() and len(version) < 10 and not front.registry.versions(name):
        return ModelRef(base, int(version))
    return ModelRef(name)
