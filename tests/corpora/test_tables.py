"""Tables as people and programs write them: values come back exactly as they were put in."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from speechtutor.corpora import formats, sheets
from speechtutor.errors import InputError

NEEDED = ("audio", "text")
VALUES = [
    'Good\nmorning, "all".',
    "Hello\u2028there.",
    "a;b,c\td",
    "NEL\x85, VT\x0b, FS\x1c",
    " kept ",
    "naïve – 5 €",
]
"""What a cell may hold that a careless reader breaks: lines, quotes, delimiters, other separators."""


def written(delimiter: str, header: tuple[str, str] = NEEDED, end: str = "\r\n") -> str:
    stream = io.StringIO(newline="")
    rows = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    rows.writerow(header)
    rows.writerows((f"{i}.wav", value) for i, value in enumerate(VALUES))
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("header", [NEEDED, ("Audio", " TEXT ")])
def test_every_value_of_a_csv_comes_back(
    tmp_path: Path, delimiter: str, end: str, encoding: str, header: tuple[str, str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(written(delimiter, header, end).encode(encoding))
    found = list(formats.table(path, NEEDED))
    assert [row for _, row in found] == [{"audio": f"{i}.wav", "text": v} for i, v in enumerate(VALUES)]
    # Lines count as an editor does: the first value has a line break in it (CR LF ends count once).
    assert [line for line, _ in found] == [2, 4, 5, 6, 7, 8]


def test_quotes_are_letters_and_lines_end_at_line_feeds_in_a_tsv(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes('audio\ttext\n1.wav\tHe said "hello\u2028there\n2.wav\t"a" and b\x85\n'.encode())
    assert [row["text"] for _, row in formats.table(path, NEEDED)] == [
        'He said "hello\u2028there',
        '"a" and b\x85',
    ]


def test_an_xlsx_says_what_its_cells_show(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    book = pytest.importorskip("openpyxl").Workbook()
    for row in (
        ["Audio", "Text", "age", "overall"],
        ["1.wav", VALUES[0], 31, 7.5],
        [None] * 4,
        ["2.wav", "x", 40.0],
    ):
        book.active.append(row)
    book.save(path)
    assert list(formats.table(path, NEEDED)) == [
        (2, {"audio": "1.wav", "text": VALUES[0], "age": "31", "overall": "7.5"}),
        (4, {"audio": "2.wav", "text": "x", "age": "40", "overall": ""}),
    ]
    path.write_bytes(b"PK no zip")
    with pytest.raises(InputError, match=r"rows\.xlsx: not a spreadsheet"):
        list(sheets.rows(path))
    with pytest.raises(InputError, match=r"gone\.xlsx: No such file"):
        list(sheets.rows(tmp_path / "gone.xlsx"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("audio,Audio,text\n", "there are two columns audio"),
        ("name;text\n1.wav;hi\n", "no column audio, text; it has name;text"),
        ('audio,text\n1.wav,"a\nb"\n2.wav\n', "line 4: 1 cells under 2 columns"),
        ('audio,text\n1.wav,"' + "a" * 140_000 + '"\n', "line 2: not a row of a table"),
    ],
)
def test_a_table_that_cannot_be_used_is_named_by_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        list(formats.table(path, NEEDED))


def test_a_kaldi_text_keeps_what_is_no_blank(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("u1 Hello\u2028there\u00a0you\r\nu2\tone  two\n\nu3\n".encode())
    assert formats.keyed(path) == {"u1": "Hello\u2028there\u00a0you", "u2": "one  two", "u3": ""}


def test_hidden_files_are_nobodys_data(tmp_path: Path) -> None:
    for name in ("a/one.WAV", "a/._one.WAV", "__MACOSX/a/one.wav", ".git/x.wav", "a/two.wav", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [p.name for p in formats.files(tmp_path, (".wav",))] == ["one.WAV", "two.wav"]
