"""Whether requests wait for company: `batching.policy` and `batching.max_delay_ms` must agree on it. Pure."""

from collections.abc import Mapping

from headrace.errors import ModelInvalid
from headrace.repository.overrides import Overrides


def check_company(said: Overrides, provenance: Mapping[str, str]) -> None:
    """Raises ModelInvalid, which names file and key, where a model.toml has requests wait that never share a run.

    A config.pbtxt may say so: what stands there is another server's, and a policy beside it sets it aside.
    """
    source = provenance.get("batching.max_delay_ms", "")
    if said.batching.policy == "none" and said.batching.max_delay_ms and source.endswith("model.toml"):
        where = provenance["batching.policy"]
        message = f'has no effect, for with policy = "none" ({where}) each request has a run of its own; leave it out'
        raise ModelInvalid(message, f"{source}: batching.max_delay_ms")
