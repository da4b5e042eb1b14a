"""Train a byte-level BPE tokenizer on a corpus and save it as an ordinary Hugging Face tokenizer folder, `out/model`.

Every byte sequence can be encoded and comes back exactly. Digits and closing brackets stand alone, so that small
models can copy numbers and balance brackets; a newline and each four spaces of indentation are pieces of their own.
Merges never cross those borders.
"""

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from codewright.core.chat import CHAT_TEMPLATE, END_OF_TEXT, PAD, SPECIAL_TOKENS
from codewright.core.errors import ConfigError
from codewright.engine.stage import StageContext, StageResult
from codewright.train.config import TokenizerConfig
from codewright.train.documents import sample_documents
from codewright.train.folders import MODEL_FOLDER

_MEASURED_DOCUMENTS = 100
"""How many documents the reported bytes per token are measured on."""

PIECES = r"\n| {4}(?= )|\p{N}|[)\]}]|[^\S\n]?\p{L}+|[^\S\n]?[^\s\p{L}\p{N})\]}]+|[^\S\n]+"
"""What merges stay inside of: a newline; an indentation unit; one digit; one closing bracket; letters or signs with one
leading space; spaces."""


def run(config: TokenizerConfig, context: StageContext) -> StageResult:
    """Train and save the tokenizer. Raises ConfigError for an empty corpus or a vocabulary below the 256 bytes."""
    smallest = len(SPECIAL_TOKENS) + len(pre_tokenizers.ByteLevel.alphabet())
    if config.vocab_size < smallest:
        raise ConfigError(
            f"{context.id}: vocab_size is {config.vocab_size}, byte-level BPE needs at least {smallest}"
        )
    dataset = context.dataset(config.corpus)
    with context.reporter.bar("sample and count", total=2) as advance:
        sample = sample_documents(dataset, config.sample_bytes, context.seed, "tokenizer")
        texts = [content for _, content in sorted(sample)]
        if not texts:
            raise ConfigError(
                f"{context.id}: corpus '{config.corpus}' has no documents to train a tokenizer on"
            )
        advance()
        backend = train_bpe(texts, config.vocab_size)
        advance()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        extra_special_tokens=[token for token in SPECIAL_TOKENS if token not in {END_OF_TEXT, PAD}],
        chat_template=CHAT_TEMPLATE,
        model_max_length=config.max_length,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.save_pretrained(context.out / MODEL_FOLDER)
    measured = texts[:_MEASURED_DOCUMENTS]
    tokens = sum(len(encoding) for encoding in backend.encode_batch_fast(measured))
    size = sum(len(text.encode()) for text in measured)
    details = {
        "vocab_size": len(tokenizer),
        "bytes_per_token": round(size / max(tokens, 1), 4),
        "documents": len(texts),
    }
    return StageResult(counts=None, details=details)


def train_bpe(texts: list[str], vocab_size: int) -> Tokenizer:
    """Train byte-level BPE; the special tokens take the first ids, in the order of core.chat."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
