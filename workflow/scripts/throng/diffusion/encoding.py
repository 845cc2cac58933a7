"""Encoding every text by itself, once: what a text means to the model then never depends on its batch."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MEMORY_BYTES = 1 << 30  # of encoded texts, on the model's device; whatever was not asked for longest is forgotten


def one_by_one(encode: Callable[..., Any], *, remember: bool) -> Callable[..., Any]:
    """Return a text encoder's forward that runs once per row of its tokens, and answers known rows from memory."""
    import torch

    memory = _Memory()

    def run(*args: Any, **kwargs: Any) -> Any:
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
        rows = tensors[0].shape[0]
        answers = []
        for row in range(rows):
            mine = [_row(value, row, rows) for value in args]
            named = {name: _row(value, row, rows) for name, value in kwargs.items()}
            key = (*map(_key, mine), *((name, _key(value)) for name, value in sorted(named.items())))
            answer = memory.get(key) if remember else None
            if answer is None:
                answer = encode(*mine, **named)
                if remember:
                    memory.put(key, answer)
            answers.append(answer)
        return _stacked(answers)

    return run


class _Memory:
    """Answers by key, as many as fit."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Any) -> Any:
        if key not in self._answers:
            return None
        self._answers.move_to_end(key)
        return self._answers[key][0]

    def put(self, key: Any, answer: Any) -> None:
        size = _size(answer)
        self._answers[key] = answer, size
        self._bytes += size
        while self._bytes > MEMORY_BYTES and len(self._answers) > 1:
            self._bytes -= self._answers.popitem(last=False)[1][1]


def _row(value: Any, row: int, rows: int) -> Any:
    per_row = getattr(value, "shape", None) and value.shape[0] == rows
    return value[row : row + 1] if per_row else value


def _key(value: Any) -> Any:
    if hasattr(value, "cpu"):
        return tuple(value.shape), value.cpu().numpy().tobytes()
    return repr(value)


def _parts(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, Mapping) else list(value)


def _size(answer: Any) -> int:
    if answer is None:
        return 0
    if hasattr(answer, "nbytes"):
        return answer.nbytes
    return sum(map(_size, _parts(answer)))


def _stacked(answers: Sequence[Any]) -> Any:
    """Return one answer of all rows: tensors joined, inside whatever the encoder wraps them in."""
    import torch

    first = answers[0]
    if first is None or len(answers) == 1:
        return first
    if isinstance(first, torch.Tensor):
        return torch.cat(list(answers))
    if isinstance(first, Mapping):
        return type(first)(**{name: _stacked([answer[name] for answer in answers]) for name in first})
    if isinstance(first, tuple | list):
        return type(first)(_stacked(parts) for parts in zip(*map(_parts, answers), strict=True))
    raise TypeError(f"its text encoder answers with a {type(first).__name__}")
