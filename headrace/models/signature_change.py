"""Whether clients of the version that is served can go on with another. Pure."""

from headrace.models.same_signature import differences
from headrace.types import Signature


def signature_change(served: Signature, new: Signature) -> tuple[str, ...]:
    """What a client would run into, a sentence each; nothing where the new version can stand in for it."""
    before, after = served.language, new.language
    if before is None and after is None:
        return differences(served, new)
    if before is None or after is None:
        return ("it is a language model" if after else "it is no language model",)
    return (*(f"it cannot {task}" for task in before.tasks if task not in after.tasks), *differences(served, new))
