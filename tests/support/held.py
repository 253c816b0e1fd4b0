"""A stand-in for the status page's held words."""

from __future__ import annotations


class Words(dict):
    """A set of words with an optional limit."""

    limit = 1024

    def add(self, word: int) -> bool:
        if word not in self and len(self) >= self.limit:
            return False
        self[word] = None
        return True

    def discard(self, word: int) -> None:
        self.pop(word, None)
