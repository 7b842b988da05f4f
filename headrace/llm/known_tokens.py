"""Whether the model has all the tokens of a text: fine-tunes add tokens to a tokenizer and no rows to the embedding."""

from collections.abc import Sequence

from headrace.errors import InvalidRequest
from headrace.llm.tokenizer import Tokenizer


def check_encoded(token_ids: Sequence[int], tokenizer: Tokenizer, vocabulary: int, where: str) -> None:
    """Raises InvalidRequest, naming the token, where the text of the field `where` has one that the model lacks."""
    if tokenizer.vocabulary <= vocabulary or max(token_ids, default=0) < vocabulary:
        return
    unknown = next(token_id for token_id in token_ids if token_id >= vocabulary)
    raise InvalidRequest(
        f"the text has {tokenizer.token_text(unknown)!r:.80}, which is token {unknown} of the tokenizer and none of "
        f"the model: they are 0 to {vocabulary - 1}",
        where,
    )
