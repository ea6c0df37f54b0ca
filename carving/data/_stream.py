"""Which rows to keep of a file that is read from its beginning, record by record."""

from carving.data._values import resolved_rows


class RowPicker:
    """Counts records and says which are asked for, so that reading can end with the last of them."""

    def __init__(self, rows: slice | None) -> None:
        self._rows = rows
        self._start = 0 if rows is None or rows.start is None else rows.start
        self._stop = None if rows is None else rows.stop
        self._step = 1 if rows is None or rows.step is None else rows.step
        self.seen = 0

    @property
    def finished(self) -> bool:
        """Whether no later record is asked for."""
        return self._stop is not None and self.seen >= self._stop

    def takes_next(self) -> bool:
        """Count one more record; whether it is asked for."""
        row = self.seen
        self.seen += 1
        beyond = self._stop is not None and row >= self._stop
        return not beyond and row >= self._start and (row - self._start) % self._step == 0

    def rows(self, source: str) -> range:
        """Numbers of the rows taken; at least one."""
        return resolved_rows(self._rows, self.seen, source)
