"""Tables of results that are none, given to what reads curves."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from corpus import Malformed
from unoise import tables

TABLE = "curves.parquet"


def read(folder: Path) -> None:
    """Read the table of curves in a folder."""
    tables.read(folder / TABLE, tables.CURVES)


def table(name: str, make: Callable[[Path], object], said: str) -> Malformed:
    return Malformed(name, lambda folder: make(folder / TABLE), (TABLE, said, "Delete it and run again"))


def curves(**changed: object) -> pa.Table:
    """One row, with columns of another content."""
    row = {field.name: "x" if field.type == pa.string() else 1.0 for field in tables.CURVES} | changed
    return pa.Table.from_pylist([row])


def sound(path: Path) -> bytes:
    pq.write_table(curves(), path)
    return path.read_bytes()


def flipped(path: Path) -> None:
    content = bytearray(sound(path))
    content[-40] ^= 255
    path.write_bytes(content)


MALFORMED = [
    table("nothing in it", lambda path: path.write_bytes(b""), "it cannot be read as Parquet"),
    table("text", lambda path: path.write_text("model,target\na,b\n"), "it cannot be read as Parquet"),
    table("cut short", lambda path: path.write_bytes(sound(path)[:-100]), "it cannot be read as Parquet"),
    table("cut at the start", lambda path: path.write_bytes(sound(path)[50:]), "it cannot be read as Parquet"),
    table("damaged at its end", flipped, "it cannot be read as Parquet"),
    table("missing", lambda path: shutil.rmtree(path, ignore_errors=True), "it cannot be read as Parquet"),
    table("other columns", lambda path: pd.DataFrame({"a": [1]}).to_parquet(path), "its columns are not"),
    table("words for numbers", lambda path: pq.write_table(curves(visibility="half"), path), "it cannot be read"),
    table("lists for texts", lambda path: pq.write_table(curves(model=["a"]), path), "it cannot be read"),
]
