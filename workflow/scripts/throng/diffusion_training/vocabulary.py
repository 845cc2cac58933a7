"""CLIP's tokenizer with a vocabulary of bytes and our own words: each of these is one token, any other is spelt."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORD_END = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"


def tokenizer(words: Sequence[str], length: int, folder: Path) -> Any:
    """Return a CLIPTokenizer for prompts of at most ``length`` tokens; its files are written to ``folder``."""
    from transformers import CLIPTokenizer

    merges = learn_merges(words)
    symbols = list(_byte_symbols())
    entries = [*symbols, *(symbol + WORD_END for symbol in symbols), *("".join(pair) for pair in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, listed = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({entry: index for index, entry in enumerate(entries)}))
    listed.write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)]) + "\n")
    return CLIPTokenizer(str(vocabulary), str(listed), model_max_length=length)


def learn_merges(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return byte-pair merges, in order, that make a single symbol of every word of letters.

    The most frequent pair of neighbours is merged first, of equals the first in the alphabet (Sennrich et al. 2016,
    "Neural Machine Translation of Rare Words with Subword Units", algorithm 1).
    """
    spelt = {word: [*word[:-1], word[-1] + WORD_END] for word in sorted(set(words)) if word.isalpha()}
    merges: list[tuple[str, str]] = []
    while True:
        counts: dict[tuple[str, str], int] = {}
        for symbols in spelt.values():
            for pair in itertools.pairwise(symbols):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return merges
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelt = {word: _merged(symbols, best) for word, symbols in spelt.items()}


def _merged(symbols: Sequence[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for symbol in symbols:
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
        else:
            joined.append(symbol)
    return joined


def _byte_symbols() -> list[str]:
    """Return the printable stand-in of every byte, in the order of the byte-level alphabet, as CLIP's files list it."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())
