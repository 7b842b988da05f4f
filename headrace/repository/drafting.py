"""Which file or folder the model has that proposes tokens for another one."""

from pathlib import Path

from headrace.errors import ModelInvalid, ModelNotFound
from headrace.repository.references import inside
from headrace.repository.repository import LocalRepository
from headrace.repository.version_policy import wanted
from headrace.types import Manifest


def draft_path(name: str, manifest: Manifest, repository: LocalRepository) -> Path | None:
    """Where the model called `name` lies that is to draft for the manifest's; None where it is that model itself.

    A path inside the model's own folder goes before the name of another model, of which the highest version drafts that
    its policy wants served. Raises ModelInvalid, without the field, for what is neither.
    """
    try:
        return inside(manifest.folder or manifest.path.parent, name, "")
    except ModelInvalid as error:
        refusal = error
    if name == manifest.name:
        return None
    try:
        found = repository.find(name)
    except ModelNotFound:
        raise ModelInvalid(f"{refusal.message}, and the repository has no other model of that name") from None
    versions = {each.version: each for each in found.manifests}
    numbers = wanted(found.policy[name], versions)
    if not numbers:
        reasons = "; ".join(status.reason for status in found.broken) or "it has no version"
        raise ModelInvalid(f"the model {name!r} cannot be read: {reasons}")
    other = versions[numbers[-1]]
    if other.runtime != "llm":
        raise ModelInvalid(f"the model {name!r} is read by {other.runtime!r}; only a language model drafts")
    return other.path
