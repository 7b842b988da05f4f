"""Whether a model that drafts knows the same tokens as the model that it drafts for."""

from headrace.llm.tokenizer import Tokenizer

ALIKE = 0.99
"""Of the larger vocabulary's tokens, how many both must have: files differ in tokens that only fill it up."""


def difference(model: Tokenizer, draft: Tokenizer) -> str:
    """In words, why tokens of the one are not those of the other; empty where they are.

    No number may stand for two tokens. Numbers that only one of the two knows are few, and then proposed in vain.
    """
    ours, theirs = _by_id(model), _by_id(draft)
    both = ours.keys() & theirs.keys()
    unlike = min((index for index in both if ours[index] != theirs[index]), default=None)
    if unlike is not None:
        return f"token {unlike} is {theirs[unlike]!r} there and {ours[unlike]!r} in the model"
    if len(both) < ALIKE * max(len(ours), len(theirs)):
        return f"it has {len(theirs):,} tokens, the model {len(ours):,}"
    return ""


def _by_id(tokenizer: Tokenizer) -> dict[int, str]:
    return {index: token for token, index in tokenizer.library.get_vocab(with_added_tokens=True).items()}
