"""A generation that is to begin: the sequences and the choices that it is made of."""

from collections.abc import Sequence as Values

import msgspec

from headrace.generation import Generate
from headrace.llm.choice import Choice
from headrace.llm.choosing import Choosing
from headrace.llm.engine_protocol import Told
from headrace.llm.preparing import Prepared, Preparing
from headrace.llm.sequence import Sequence
from headrace.llm.terms import Terms


class Beginning(msgspec.Struct, frozen=True):
    """What was asked; or, with `told`, to go on behind what another engine has told of each choice."""

    number: int
    ask: Generate
    terms: Terms
    heard_ns: int
    told: Values[Told] = ()

    def sequence(self, id_: int, index: int, prepared: Prepared, prefix_cache: bool) -> Sequence:
        """Of the choice at `index`; `prefix_cache`: whether it shares blocks with other requests."""
        ask, terms, told = self.ask, self.terms, self.told
        sequence = Sequence(
            id_,
            prepared.prompt_ids,
            max_tokens=prepared.max_tokens,
            salt=self._salt(prefix_cache),
            terms=msgspec.structs.replace(terms, ttft_ns=None) if told else terms,  # that one was kept, or not
            arrived_ns=self.heard_ns if terms.arrived_ns is None else terms.arrived_ns,
            prompt_rows=ask.sampling.prompt_logprobs is not None and not index and not told,
            generated=told[index].token_ids if told else (),
        )
        sequence.request = self.number
        return sequence

    def choice(
        self, index: int, sequence: Sequence, prepared: Prepared, preparing: Preparing, vocabulary: int, seed: int
    ) -> Choice:
        """At `index`; `seed` is for requests that have none."""
        ask, eos_ids = self.ask, preparing.eos_ids
        choosing = Choosing(
            ask.sampling,
            prepared.prompt_ids,
            fresh_seed=seed,
            choice=index,
            eos_ids=eos_ids,
            scored=ask.best_of is not None and ask.best_of > ask.n,
            forbidden=prepared.forbidden,
        )
        text, limit = prepared.told_text(preparing.tokenizer, ask.sampling), prepared.thought_limit()
        masks = prepared.masks(vocabulary, eos_ids)
        return Choice(index, sequence, choosing, text, preparing.tokenizer, eos_ids, masks, limit)

    def _salt(self, prefix_cache: bool) -> str:
        """Texts of the same share cached blocks: those of one tenant, or of callers of its that say so."""
        whose = f"{self.terms.tenant}\0{self.ask.salt}"
        return whose if prefix_cache else f"{whose}\0{self.number}"
