"""Pieces of an open file, and bytes between them, read as one file: so that damage is left out without a copy."""

import io
from bisect import bisect_right
from itertools import accumulate


class Spliced(io.RawIOBase):
    """Reads ``pieces`` one after the other; each is bytes, or (start, length) of the open binary ``file``."""

    def __init__(self, file, pieces):
        self.file = file
        self.pieces = []
        for piece in pieces:
            last = self.pieces[-1] if self.pieces else b""
            if isinstance(piece, tuple) and isinstance(last, tuple) and sum(last) == piece[0]:  # neighbors in the file
                self.pieces[-1] = (last[0], last[1] + piece[1])
            elif self._length(piece):
                self.pieces.append(piece)
        self.starts = [0, *accumulate(map(self._length, self.pieces))]
        self.at = 0

    @staticmethod
    def _length(piece):
        return len(piece) if isinstance(piece, bytes) else piece[1]

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=io.SEEK_SET):
        self.at = max(0, offset + (0, self.at, self.starts[-1])[whence])
        return self.at

    def readinto(self, buffer):
        if self.at >= self.starts[-1]:
            return 0
        number = bisect_right(self.starts, self.at) - 1
        piece, begin = self.pieces[number], self.at - self.starts[number]
        count = min(len(buffer), self._length(piece) - begin)
        if isinstance(piece, bytes):
            data = piece[begin : begin + count]
        else:
            self.file.seek(piece[0] + begin)
            data = self.file.read(count)
        buffer[: len(data)] = data
        self.at += len(data)
        return len(data)


def spliced(file, pieces):
    """A buffered `Spliced`."""
    return io.BufferedReader(Spliced(file, pieces), 2**16)
