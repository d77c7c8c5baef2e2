"""Large files are cut where rows end, or not at all; what executors run needs no Django."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anju.exchange.intake.reading import sniff
from anju.jobs.pipeline.reading import pieces as intake_pieces
from anju.jobs.pipeline.reading import spark as intake_spark
from anju.kernel.refusal import Refusal

HEAD = "登记编号,登记状态,姓名,公民身份号码,性别,出生日期,联系电话,现住址,登记日期"
ROWS = [f"J{n:04d},正常,张三,,男,1990-01-01,,和安市云津区,2026-06-30" for n in range(500)]


def cut(path: Path, body: bytes) -> tuple[intake_pieces.Piece, ...]:
    path.write_bytes(body)
    return intake_pieces._pieces(sniff(path), 5_000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pieces_are_the_file_and_know_their_first_line(tmp_path: Path, encoding: str, end: str) -> None:
    body = end.join(["和安市居住登记表", "", HEAD, *ROWS, ""]).encode(encoding)
    path = tmp_path / "居住登记.csv"
    pieces = cut(path, body)
    assert len(pieces) > 4
    assert b"".join(body[p.begin : p.end] for p in pieces) == body
    lines = body.decode(encoding).split(end)
    found = sniff(path)
    for piece in pieces[1:]:
        first = body[piece.begin : piece.end].decode(encoding).split(end)[0]
        assert lines[piece.line] == first
        alone = tmp_path / f"{piece.number}.csv"
        shift = intake_pieces._written(found, piece, alone)
        assert alone.read_bytes().decode(encoding).split(end)[:4] == ["和安市居住登记表", "", HEAD, first]
        # Its first row's number as a reader of the piece counts, and as one of the whole file does.
        assert found.header_row + 2 + shift == piece.line + 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("quoted", lambda text: text.replace("J0300", '"J0300"')),
        ("a lone return", lambda text: text.replace("J0300", "J0300\r")),
        ("old Mac", lambda text: text.replace("\n", "\r")),
    ],
)
def test_where_a_line_may_be_no_row_nothing_is_cut(tmp_path: Path, name: str, change: object) -> None:
    assert callable(change)
    body = "\n".join([HEAD, *ROWS])
    assert cut(tmp_path / "居住登记.csv", body.encode())
    assert cut(tmp_path / f"居住登记 {name}.csv", change(body).encode()) == ()


def test_what_executors_run_imports_with_django_blocked() -> None:
    script = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'django', 'psycopg'}: raise ImportError('blocked: ' + name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import anju.jobs.pipeline.reading.spark\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_an_executor_answers_quotes_no_row() -> None:
    def refused() -> None:
        raise Refusal("intake.formula", file="x.csv", where="姓名 7")

    def broke(row: str = "张" + "三") -> None:
        raise ValueError(row)

    def too_large() -> None:
        raise MemoryError

    no = intake_spark._answered(refused)
    assert (no.code, no.facts) == ("intake.formula", {"file": "x.csv", "where": "姓名 7"})
    no = intake_spark._answered(broke)
    assert (no.code, no.facts) == ("intake.not_read", {"what": "ValueError"})
    assert "张三" not in no.where
    with pytest.raises(Refusal, match=r"out_of_memory.*x\.csv"):
        intake_spark._checked("x.csv", [intake_spark._answered(too_large)])
    assert intake_spark._answered(lambda: 7) == 7
