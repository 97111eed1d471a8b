"""A language model of a few thousand random weights, as a folder of Hugging Face's format."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from recweave.models.base import Recipe
from recweave.models.language.cllm4rec import CLLM4Rec
from recweave.models.news.settings import NewsRecipe

_FOLDER = TemporaryDirectory(prefix="recweave-llama-")
"""Removed when the process ends."""


def write(folder: Path, *, context: int = 96, seed: int = 0, template: str | None = None) -> Path:
    """A Llama of three blocks whose tokens are the bytes of a text, `<s>` and `</s>`.

    Args:
        folder: To write to.
        context: Tokens that it reads at most.
        seed: Of its weights.
        template: Chat template of its tokenizer.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<s>", "</s>"], initial_alphabet=letters)
    bpe.train_from_iterator([], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=bpe.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=context,
        bos_token_id=0, eos_token_id=1, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@cache
def of_all_tests() -> Path:
    """One that reads 256 tokens, written once in a process; not to be changed."""
    return write(Path(_FOLDER.name) / "tiny", context=256)


def small(recipe: Recipe) -> Recipe:
    """The recipe; with this language model in place of smollm2, if it is made from one.

    Networks of news read the feature `text` in place of words.
    """
    if isinstance(recipe, NewsRecipe):
        return recipe.model_copy(update={"read": "vectors", "vectors": "text"})
    if not isinstance(recipe, CLLM4Rec):
        return recipe
    pytest.importorskip("transformers")
    tiny = {"backbone": str(of_all_tests()), "layers": 1, "rounds": 1}
    return recipe.model_copy(update=tiny)
