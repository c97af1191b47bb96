"""The operations of a calculation on tensors, noted while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakIdKeyDictionary


class Operations(TorchDispatchMode):
    """A function's operations on its inputs, with their numbers and where tensors come from.

    Two calculations with the same `key` differ in the values of tensors alone: of their inputs, and
    of those that they take from outside (`captured`, in the order of their first use). Running a
    step and noting it takes some ten milliseconds, recording it as a graph some hundreds.
    """

    def __init__(self, function: Callable[..., Any], *inputs: Tensor) -> None:
        """Run the function, for real."""
        super().__init__()
        self.captured: list[Tensor] = []
        self._number, self._count = WeakIdKeyDictionary(), 0
        self._hash = hashlib.sha256()
        for tensor in inputs:
            self._meet(tensor)
        with self:
            function(*inputs)
        self.key = self._hash.hexdigest()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation and note it."""
        kwargs = kwargs or {}
        self._note(str(func), *tree_leaves(tree_map(self._named, (args, kwargs))))
        result = func(*args, **kwargs)
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._give_number(tensor)
        return result

    def _named(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return repr(value)
        if value not in self._number:
            self.captured.append(value)
            self._meet(value)
        return self._number[value]

    def _meet(self, tensor: Tensor) -> None:
        """Number a tensor from outside."""
        self._give_number(tensor)
        self._note(tensor.shape, tensor.stride(), tensor.dtype, tensor.device)

    def _give_number(self, tensor: Tensor) -> None:
        self._number[tensor] = self._count
        self._count += 1

    def _note(self, *values: Any) -> None:
        self._hash.update(repr(values).encode())

    def places(self, tensors: Sequence[Tensor]) -> list[int] | None:
        """Return where tensors are among the captured; None where one was made on the way."""
        place = {id(tensor): i for i, tensor in enumerate(self.captured)}
        found = [place.get(id(tensor)) for tensor in tensors]
        return None if None in found else [i for i in found if i is not None]
