#!/usr/bin/env python3
"""Makes parquet/: small Parquet files and the rows that pyarrow itself reads out of them.

    make_parquet_rows.py      needs pyarrow

rows.parquet has a column of each type that rows may hold, over two row groups, with nulls; rows.jsonl
holds what to_pylist gives. Each refused_*.parquet has one column that a row cannot hold. choice.parquet
and choice.jsonl hold the same multiple-choice documents, for evaluations of both; toy.parquet those of
the first toy task of tests/scheduler/service/harness.cc.
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

CHOICES = ["아니다", "그렇다", "모른다", "둘 다"]


def choice_rows():
    """Sums to judge: a question, four choices and the right one's index."""
    rows = []
    for i in range(24):
        claimed = 2 * i + i % 3 % 2
        rows.append({"question": f"{i} 더하기 {i}의 값은 {claimed}인가?", "choices": CHOICES,
                     "label": 1 if claimed == 2 * i else 0})
    return rows


def write_lines(name, rows):
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (OUT / name).write_text("".join(lines), encoding="utf-8")


def main():
    OUT.mkdir(exist_ok=True)
    rows = choice_rows()
    pq.write_table(pa.Table.from_pylist(rows), OUT / "choice.parquet", row_group_size=10,
                   compression="zstd")
    write_lines("choice.jsonl", rows)
    toy = [{"question": f"toy_a {i}?", "choices": [f"choice {c}" for c in range(3)], "label": i % 3}
           for i in range(6)]
    pq.write_table(pa.Table.from_pylist(toy), OUT / "toy.parquet", compression="snappy")
    table = pa.table({name: pa.array(values, kind) for name, (values, kind) in COLUMNS.items()})
    pq.write_table(table, OUT / "rows.parquet", row_group_size=3, compression="zstd")
    write_lines("rows.jsonl", pq.read_table(OUT / "rows.parquet").to_pylist())
    for name, (values, kind) in REFUSED.items():
        table = pa.table({"id": [1], "column": pa.array(values, kind)})
        pq.write_table(table, OUT / f"refused_{name}.parquet", compression="snappy")


if __name__ == "__main__":
    main()
