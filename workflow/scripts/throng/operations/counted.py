"""What a job counts while it works: each number is taken where the stage itself counts, never a second time."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterable, Mapping


@dataclasses.dataclass
class Counted:
    """The rows, images and models of one job, by the parts of throng that read, check and write them."""

    rows_in: dict[str, int] = dataclasses.field(default_factory=dict)
    tables: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    resumed: int = 0
    images_written: int = 0
    models: int = 0
    _images_read: dict[int, int] = dataclasses.field(default_factory=dict)

    def came_in(self, stage: str, rows: int) -> None:
        """Take the number of rows that the conservation check of ``stage`` was given."""
        self.rows_in[stage] = self.rows_in.get(stage, 0) + rows

    def went_out(self, table: str, outcomes: Mapping[str, int]) -> None:
        """Take the outcomes of a table that was written: ``ok``, and ``rejected: <reason>`` for every reason."""
        self.tables[table] = dict(outcomes)

    def went_on(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Take the scratch rows that an earlier attempt finished; one that holds a batch counts for all of it."""
        for row in rows:
            batch = row.get("rows")
            self.resumed += len(batch) if isinstance(batch, list) else 1

    def loaded_model(self) -> None:
        """Count one more model whose weights were loaded."""
        self.models += 1

    def read_image(self) -> None:
        """Count one more image file that was read; safe in any thread."""
        thread = threading.get_ident()
        self._images_read[thread] = self._images_read.get(thread, 0) + 1

    @property
    def images_read(self) -> int:
        """Image files that this process has read."""
        return sum(list(self._images_read.values()))

    @property
    def kept(self) -> int | None:
        """Rows written and not rejected, of all tables; None when the job writes no table."""
        return sum(outcomes.get("ok", 0) for outcomes in self.tables.values()) if self.tables else None

    @property
    def rejected(self) -> dict[str, int]:
        """Rows rejected, by reason, of all tables."""
        reasons: Counter[str] = Counter()
        for outcomes in self.tables.values():
            reasons.update({reason.removeprefix("rejected: "): n for reason, n in outcomes.items() if reason != "ok"})
        return dict(sorted(reasons.items()))


# one process does one job
JOB = Counted()
