"""Tables: their schemas, and how they are written and read."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unoise.errors import UserError
from unoise.files import whole_file
from unoise.tables.columns import TEXT, VOLATILE, field, stable
from unoise.tables.comparison import CONTESTS, GUARANTEE, RANK_CORRELATION, RANKING
from unoise.tables.evaluation import (
    CURVES,
    LEAK,
    LEAK_COUNTS,
    METRICS,
    NOISE,
    NOISE_BINS,
    PAPER_PROTOCOL,
    PROBE,
    PROTOCOLS,
    SEAMS,
    STABILITY,
)
from unoise.tables.models import CASES, COSTS, HISTORY, RUNTIME, SEGMENTATION
from unoise.tables.regions import REGION_COUNTS, REGION_MASS, REGION_NECESSITY
from unoise.tables.sanity import SANITY
from unoise.tables.scores import FAITHFULNESS, MAPS, SCORES, SUBGROUPS
from unoise.tables.truth import INTERVENTIONS, TRUTH

__all__ = [
    "CASES",
    "CONTESTS",
    "COSTS",
    "CURVES",
    "FAITHFULNESS",
    "GUARANTEE",
    "HISTORY",
    "INTERVENTIONS",
    "LEAK",
    "LEAK_COUNTS",
    "MAPS",
    "METRICS",
    "NOISE",
    "NOISE_BINS",
    "PAPER_PROTOCOL",
    "PROBE",
    "PROTOCOLS",
    "RANKING",
    "RANK_CORRELATION",
    "REGION_COUNTS",
    "REGION_MASS",
    "REGION_NECESSITY",
    "RUNTIME",
    "SANITY",
    "SCORES",
    "SEAMS",
    "SEGMENTATION",
    "STABILITY",
    "SUBGROUPS",
    "TRUTH",
    "VOLATILE",
    "read",
    "stable",
    "with_subgroups",
    "write",
]


def write(path: Path, schema: pa.Schema, rows: Iterable[dict] | pd.DataFrame) -> None:
    """Write a Parquet table, whole or not at all; a column that a row lacks is null.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value is not of its column's type.
    ValueError
        If a number is infinite or NaN: where there is nothing, write None.
    """
    if isinstance(rows, pd.DataFrame):
        rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
    table = pa.Table.from_pylist(list(rows), schema=schema)
    for name, column in zip(schema.names, table.columns, strict=True):
        numbers = pc.list_flatten(column) if pa.types.is_fixed_size_list(column.type) else column
        if pa.types.is_floating(numbers.type) and pc.any(pc.invert(pc.is_finite(numbers))).as_py():
            raise ValueError(f"column {name!r} of {path} has numbers that are not finite; it is not written")
    with whole_file(path) as temporary:
        pq.write_table(table, temporary)


def with_subgroups(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """A schema and, after its columns, the further columns of the manifest."""
    further = [field(name, TEXT, "further column of the manifest; null where it is empty") for name in names]
    return pa.schema([*schema, *further])


def read(paths: Path | Iterable[Path], schema: pa.Schema) -> pd.DataFrame:
    """Read one table, or several below each other; columns after the schema's are left out.

    Raises
    ------
    UserError
        If a file is no Parquet file, or its columns do not begin with the schema's.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    parts = []
    for path in paths:
        try:
            part = pq.read_table(path, partitioning=None)
            fits = part.schema.names[: len(schema.names)] == schema.names
            part = part.select(schema.names).cast(schema) if fits else None
        except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
            raise UserError(
                f"it cannot be read as Parquet ({str(error)[:500]})", file=path, remedy="Delete it and run again"
            ) from None
        if part is None:
            raise UserError(f"its columns are not {schema.names}", file=path, remedy="Delete it and run again")
        parts.append(part)
    return pa.concat_tables(parts).to_pandas() if parts else schema.empty_table().to_pandas()
