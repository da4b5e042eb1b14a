"""What does batching local generation gain over one request at a time? Prints a Markdown table and the ratio; wanted: 4.

    python benchmarks/generation.py [--model FOLDER] [--problems 64] [--max-tokens 64] [--rounds 3] [--threads N]

Without a folder the model is made here: the demo's size (about 2M parameters), random weights, so that replies run to the limit.
The questions are those of the bundled benchmark, asked greedily through `evals.generation`, journal included. CPU seconds are
of the whole process, all threads; loading is left out; the best of the rounds counts. The answers have to be the same.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from measuring import table
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from codewright.core.chat import CHAT_TEMPLATE, END_OF_TEXT, PAD
from codewright.core.journal import Journal
from codewright.core.records import Message
from codewright.evals import generation
from codewright.evals.benchmark import load_benchmark
from codewright.models.model import Model, Reply, Sampling, open_model
from codewright.train.tokenizer import train_bpe

VOCABULARY = 2048
WANTED = 4.0


def make_model(folder: Path) -> Path:
    """Save a random model of the demo's size, with a tokenizer trained on the questions."""
    texts = [
        problem.prompt + problem.meta["instruction"] for problem in load_benchmark("drills").problems(None)
    ]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_bpe(texts, VOCABULARY),
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=192, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True, initializer_range=0.2,
        bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Measured:
    """One way of asking. tokens: generated, in all."""

    batch: int
    tokens: int
    cpu_s: float
    wall_s: float
    texts: tuple[str, ...]


class Counting:
    """A model that counts the tokens of its replies."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.tokens = 0

    def count(self, replies: list[Reply]) -> list[Reply]:
        """Take note of replies."""
        self.tokens += sum(reply.completion_tokens for reply in replies)
        return replies

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer, and count."""
        return self.count(await self.model.generate(chats, sampling))

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue, and count."""
        return self.count(await self.model.complete(texts, sampling))


def measure(model: Model, batch: int, number: int, sampling: Sampling) -> Measured:
    """Ask the questions in batches of so many."""
    benchmark = load_benchmark("drills")
    problems = benchmark.problems(None)[:number]
    counting = Counting(model)
    generation.BATCH = batch
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder, "journal"), {})
        wall, cpu = time.perf_counter(), time.process_time()
        pairs = asyncio.run(
            generation.generate_answers(
                benchmark, problems, counting, form="chat", n=1, sampling=sampling, journal=journal
            )
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        journal.close()
    return Measured(batch, counting.tokens, cpu, wall, tuple(answer.response for _, answer in pairs))


def main() -> None:
    """Measure both and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a model folder; made here unless given")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of torch; its own choice unless given")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    sampling = Sampling(max_tokens=options.max_tokens)
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(options.model or str(make_model(Path(folder, "model"))))
        measure(model, 8, 8, sampling)  # the first passes are slower than all others
        rounds = [
            [measure(model, batch, options.problems, sampling) for batch in (1, 64)]
            for _ in range(options.rounds)
        ]
    single, batched = (min(found, key=lambda one: one.cpu_s) for found in zip(*rounds, strict=True))
    print(f"{torch.get_num_threads()} threads, {options.problems} questions, {options.rounds} rounds\n")
    rows = [
        (one.batch, one.tokens, f"{one.cpu_s:.2f}", f"{one.wall_s:.2f}", f"{one.tokens / one.cpu_s:.0f}")
        for one in (single, batched)
    ]
    print(table(["requests in a batch", "tokens", "CPU s", "wall s", "tokens per CPU s"], rows))
    same = sum(a == b for a, b in zip(single.texts, batched.texts, strict=True))
    ratio = (batched.tokens / batched.cpu_s) / (single.tokens / single.cpu_s)
    print(
        f"\nBatched: {ratio:.1f} times the tokens per CPU second (wanted: {WANTED:g}); {same} of {len(single.texts)} answers equal."
    )


if __name__ == "__main__":
    main()
