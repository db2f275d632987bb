"""What a terminal shows, as text: as much of a VT100 as full-screen programs use."""

import re

ROWS, COLUMNS = 40, 120

_SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<numbers>[?0-9;]*)(?P<final>[@-~])|[()#].|(?P<short>[^\[()#]))"
)
_LONGEST_SEQUENCE = 32


class Screen:
    """A grid of letters without attributes; `feed` draws on it."""

    def __init__(self) -> None:
        self._cells = [[" "] * COLUMNS for _ in range(ROWS)]
        self._row = self._column = 0
        self._top, self._bottom = 0, ROWS - 1
        self._saved = (0, 0)
        self._rest = ""

    def text(self) -> str:
        """All lines, without what is blank at their ends."""
        return "\n".join("".join(line).rstrip() for line in self._cells)

    def feed(self, text: str) -> None:
        """Draws; a sequence that is cut waits for its rest."""
        text = self._rest + text
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif found := _SEQUENCE.match(text, at):
                self._sequence(found)
                at = found.end()
            elif len(text) - at > _LONGEST_SEQUENCE:
                raise ValueError(f"no sequence of a VT100: {text[at : at + _LONGEST_SEQUENCE]!r}")
            else:
                self._rest = text[at:]
                return

    def _put(self, letter: str) -> None:
        match letter:
            case "\r":
                self._column = 0
            case "\n":
                self._down()
            case "\b":
                self._column = max(0, self._column - 1)
            case "\t":
                self._column = min(COLUMNS - 1, self._column // 8 * 8 + 8)
            case _ if letter >= " " and letter != "\x7f":
                # The last column is filled without a new line; the next letter begins one.
                if self._column == COLUMNS:
                    self._column = 0
                    self._down()
                self._cells[self._row][self._column] = letter
                self._column += 1

    def _sequence(self, found: re.Match[str]) -> None:
        if found["final"] is None:
            self._short(found["short"])
        elif not found["numbers"].startswith("?"):
            numbers = [int(number or 0) for number in found["numbers"].split(";")]
            self._control(found["final"], numbers)

    def _short(self, letter: str | None) -> None:
        match letter:
            case "D":
                self._down()
            case "M":
                self._up()
            case "7":
                self._saved = (self._row, self._column)
            case "8":
                self._row, self._column = self._saved

    def _control(self, final: str, numbers: list[int]) -> None:
        count = max(1, numbers[0])
        match final:
            case "A":
                self._row = max(0, self._row - count)
            case "B":
                self._row = min(ROWS - 1, self._row + count)
            case "C":
                self._column = min(COLUMNS - 1, self._column + count)
            case "D":
                self._column = max(0, min(self._column, COLUMNS - 1) - count)
            case "H":
                row, column = [*numbers, 1, 1][:2] if len(numbers) > 1 else (count, 1)
                self._row = min(max(1, row), ROWS) - 1
                self._column = min(max(1, column), COLUMNS) - 1
            case "J":
                self._erase_screen(numbers[0])
            case "K":
                self._erase_line(numbers[0])
            case "r":
                top, bottom = numbers if len(numbers) == 2 else (1, ROWS)
                self._top, self._bottom = max(1, top) - 1, min(bottom or ROWS, ROWS) - 1
                self._row = self._column = 0

    def _down(self) -> None:
        if self._row != self._bottom:
            self._row = min(ROWS - 1, self._row + 1)
        else:
            del self._cells[self._top]
            self._cells.insert(self._bottom, [" "] * COLUMNS)

    def _up(self) -> None:
        if self._row != self._top:
            self._row = max(0, self._row - 1)
        else:
            del self._cells[self._bottom]
            self._cells.insert(self._top, [" "] * COLUMNS)

    def _erase_line(self, part: int) -> None:
        """Part 0 is what begins at the cursor, 1 what ends there, 2 all."""
        start = 0 if part else self._column
        end = self._column + 1 if part == 1 else COLUMNS
        for column in range(start, min(end, COLUMNS)):
            self._cells[self._row][column] = " "

    def _erase_screen(self, part: int) -> None:
        self._erase_line(part)
        rows = range(self._row) if part == 1 else range(self._row + 1, ROWS)
        for row in range(ROWS) if part == 2 else rows:
            self._cells[row] = [" "] * COLUMNS
