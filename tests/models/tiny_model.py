"""A random model over single bytes, small enough to be made in a test; its weights are large, so that no two tokens are nearly tied."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from codewright.core.chat import CHAT_TEMPLATE, END_OF_TEXT, PAD, SPECIAL_TOKENS


def save_tiny_model(path: Path, *, positions: int = 128, chat: bool = True, seed: int = 3) -> Path:
    """Save model and tokenizer; without `chat` it has no template, as base models."""
    vocabulary = {token: number for number, token in enumerate(SPECIAL_TOKENS)}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END_OF_TEXT, pad_token=PAD, chat_template=CHAT_TEMPLATE if chat else None,
        extra_special_tokens=[token for token in SPECIAL_TOKENS if token not in {END_OF_TEXT, PAD}],
    )  # fmt: skip
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=positions, initializer_range=0.4, tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=0, pad_token_id=3,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = [0, 2]
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path
