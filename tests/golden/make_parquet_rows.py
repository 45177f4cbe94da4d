#!/usr/bin/env python3
"""Makes parquet/: small Parquet files and the rows that pyarrow itself reads out of them.

    make_parquet_rows.py      needs pyarrow

rows.parquet has a column of each type that rows may hold, over two row groups, with nulls; rows.jsonl
holds what to_pylist gives. Each refused_*.parquet has one column that a row cannot hold.
"""
import datetime
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parent / "parquet"

COLUMNS = {
    "question": (["하늘은 무슨 색인가?", "", None, "\u3000빈칸 \"따옴표\"\n둘째 줄", "👩‍👩‍👧"], pa.string()),
    "long": (["a", "나", None, "", "z"], pa.large_string()),
    "label": ([0, -1, None, 2**31, 7], pa.int64()),
    "small": ([1, -128, 127, None, 0], pa.int8()),
    "wide": ([2**64 - 1, 0, None, 1, 2], pa.uint64()),
    "score": ([0.1, -2.5, None, 1e300, 3.0], pa.float64()),
    "single": ([0.1, 1.5, None, 2.0, -0.25], pa.float32()),
    "half": ([0.1, 1.5, None, -0.0, 65504.0], pa.float16()),
    "flag": ([True, False, None, True, False], pa.bool_()),
    "nothing": ([None] * 5, pa.null()),
    "choices": ([["가", "나"], [], None, [None, "다"], ["라"]], pa.list_(pa.string())),
    "pairs": ([[1, 2], [3, 4], None, [5, 6], [7, 8]], pa.list_(pa.int32(), 2)),
    "answers": (
        [{"text": ["가"], "start": [0]}, {"text": [], "start": None}, None,
         {"text": None, "start": [1, 2]}, {"text": ["나", "다"], "start": []}],
        pa.struct([("text", pa.list_(pa.string())), ("start", pa.list_(pa.int32()))])),
    "subject": (["물리", "화학", None, "물리", "물리"], pa.dictionary(pa.int32(), pa.string())),
}

REFUSED = {
    "bytes": ([b"\xff\x00"], pa.binary()),
    "time": ([datetime.datetime(2024, 1, 1)], pa.timestamp("us")),
    "decimal": ([decimal.Decimal("1.10")], pa.decimal128(5, 2)),
    "map": ([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
    "not_finite": ([float("nan")], pa.float64()),
}


def main():
    OUT.mkdir(exist_ok=True)
    table = pa.table({name: pa.array(values, kind) for name, (values, kind) in COLUMNS.items()})
    pq.write_table(table, OUT / "rows.parquet", row_group_size=3, compression="zstd")
    rows = pq.read_table(OUT / "rows.parquet").to_pylist()
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (OUT / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    for name, (values, kind) in REFUSED.items():
        table = pa.table({"id": [1], "column": pa.array(values, kind)})
        pq.write_table(table, OUT / f"refused_{name}.parquet", compression="snappy")


if __name__ == "__main__":
    main()
