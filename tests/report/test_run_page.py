from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from speechtutor.cli import main
from speechtutor.errors import InputError
from speechtutor.evaluation import result
from speechtutor.evaluation.result import Gap, Metric, Summary
from speechtutor.report import charts, clips, export, heat, html, run_page, runs, sections, tables
from speechtutor.report.run_page import Options
from tests.support import evaluated
from tests.support.evaluated import EVIL

FEW = Options(draws=50)


class Shape(HTMLParser):
    """Headings, tags and ids of a page; complains when what was opened is not closed in order."""

    VOID = frozenset({"meta", "link", "br", "line", "circle", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> while open: {self.open[-3:]}"
        self.open.pop()

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(path: Path) -> tuple[str, Shape]:
    text = path.read_text(encoding="utf-8")
    return text, Shape(text)


def check(text: str, shape: Shape) -> None:
    """What holds for every report."""
    assert shape.of("html") == [{"lang": "en"}]
    assert shape.headings[0] == 1 and shape.headings.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(shape.headings, shape.headings[1:], strict=False))
    assert not shape.of("script") and not shape.of("iframe")
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*['\"]?\s*(?:https?:)?//", text), "nothing from outside"
    ids = [attrs["id"] for _, attrs in shape.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"] for a in shape.of("a")} <= {f"#{i}" for i in ids}
    for svg in shape.of("svg"):
        assert svg["role"] == "img" and svg["aria-label"]
    for player in shape.of("audio"):
        assert player["aria-label"] and "controls" in player
    assert len(shape.of("table")) == len(shape.of("caption"))
    assert all(th.get("scope") in ("col", "row") for th in shape.of("th"))
    regions = [a for a in shape.of("div") if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in regions)


@pytest.fixture(scope="module")
def asr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asr")
    for i in range(30):
        evaluated.tone(folder / f"audio/clips/u{i:04d}.flac", 0.3, i)
    return evaluated.asr_run(folder / "run", 60, root=folder / "audio", text=EVIL)


@pytest.fixture(scope="module")
def asr_page(asr: Path) -> tuple[str, Shape]:
    return read(run_page.build(asr, options=FEW).page)


def test_a_recognition_run_as_a_page(asr_page: tuple[str, Shape], asr: Path) -> None:
    text, shape = asr_page
    check(text, shape)
    summary = result.read(asr).summary
    wer = summary.metrics["wer_normalised"]
    assert f"{100 * (wer.value or 0):.1f} %" in text and f"{100 * (wer.low or 0):.1f} % to" in text
    for told in ("hears-a-lot", "0123456789abcdef", "feedfeed", "r1", "naïve", "not an audio file", "By age"):
        assert told in text
    assert "too few" in text, "one woman is a small cell"
    assert text.count("data:audio/flac;base64,") > 3
    assert "not in the folder of the recordings" in text, "missing audio is said"


def test_everything_from_files_is_escaped(asr_page: tuple[str, Shape], tmp_path: Path) -> None:
    assert "<script" not in asr_page[0] and "&lt;script&gt;" in asr_page[0]
    row = replace(
        evaluated.scored_row(0, text='<b>bold</b> "x"'), id="<i>", speaker="<u>", groups={"<k>": "<g>"}
    )
    folder = evaluated.scoring_run(tmp_path / "run", rows=[row, evaluated.scored_row(1)])
    text, shape = read(run_page.build(folder, options=FEW).page)
    check(text, shape)
    for tag in ("<i>", "<u>", "<k>", "<g>", "<b>bold"):
        assert tag not in text


def test_a_scoring_run_shows_sounds_in_words(tmp_path: Path) -> None:
    text, shape = read(run_page.build(evaluated.scoring_run(tmp_path / "run"), options=FEW).page)
    check(text, shape)
    for told in (
        "missed", "false alarm", "θ", "machine 20", "raters 10", "heard s", "said s", "heard nothing",
        "expected calibration error 0.012", "text only", "under 16 minus 16 or older", "they differ", "Zulu",
        "Raters and machine on 120 sounds", "Words and sounds are numbered",
    ):  # fmt: skip
        assert told in text, told
    # Without a folder of recordings there is no player, and that is said.
    assert not shape.of("audio") and "(--root)" in text


def test_json_and_csv_hold_everything(asr: Path, asr_page: tuple[str, Shape]) -> None:
    value = json.loads((asr / "report.json").read_text(encoding="utf-8"))
    assert len(value["utterances"]) == 61 and value["summary"]["kind"] == "asr"
    text = (asr / "report-utterances.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 61 and rows[0]["reference"] == EVIL and rows[0]["group age"] == "under 16"
    figures = list(csv.DictReader(io.StringIO((asr / "report-figures.csv").read_text(encoding="utf-8-sig"))))
    small = [row for row in figures if row["suppressed"] == "True"]
    assert small and all(not row["value"] for row in small)


def test_sounds_as_csv(tmp_path: Path) -> None:
    folder = evaluated.scoring_run(tmp_path / "run", 3)
    run_page.build(folder, options=FEW)
    rows = list(csv.DictReader(io.StringIO((folder / "report-sounds.csv").read_text(encoding="utf-8-sig"))))
    assert len(rows) == 3 * (2 + 7)
    assert rows[1]["expected"] == "TH" and rows[1]["ipa"] == "θ" and rows[1]["score"] == "20.0"
    assert [row["verdict"] for row in rows[:5]] == ["", "", "missed", "", "false alarm"]


@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-", "'-"), ("a=b", "a=b"), (-1.5, -1.5), (None, "")],
)
def test_no_text_is_a_formula(value: Any, written: Any) -> None:
    assert export.cell(value) == written


def test_two_runs_side_by_side(asr: Path, tmp_path: Path) -> None:
    other = evaluated.asr_run(tmp_path / "b", 60, error=0.1, seed=1, name="better <b>", text=EVIL)
    text, shape = read(run_page.build(asr, tmp_path / "two.html", other, FEW).page)
    check(text, shape)
    for told in (
        "Against better &lt;b&gt;",
        "Paired over 60 utterances of both runs; 1 more are left out",
        "became worse",
        "other run",
        "minus",
    ):
        assert told in text, told
    same = read(run_page.build(asr, tmp_path / "same.html", asr, FEW).page)[0]
    assert "0.0 % to 0.0 %" in same and "became worse" not in same


def test_runs_that_cannot_be_compared(asr: Path, tmp_path: Path) -> None:
    scoring = evaluated.scoring_run(tmp_path / "s")
    with pytest.raises(InputError, match="is an evaluation of scoring, not of asr"):
        run_page.build(asr, tmp_path / "x.html", scoring, FEW)
    (scoring / result.SUMMARY).unlink()
    with pytest.raises(InputError, match="not finished"):
        run_page.build(asr, tmp_path / "x.html", scoring, FEW)
    assert not (tmp_path / "x.html").exists()


def test_a_half_finished_run_is_shown_as_one(tmp_path: Path) -> None:
    folder = evaluated.asr_run(tmp_path / "run", 5)
    (folder / result.SUMMARY).unlink()
    path = folder / result.ROWS
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    built = run_page.build(folder, options=FEW)
    text, shape = read(built.page)
    check(text, shape)
    assert "not finished: 5 utterances so far" in text and "Row 6 was cut off" in text
    assert len(built.problems) == 2 and not (folder / "report-figures.csv").exists()
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([lines[0], "{nonsense", *lines[1:]]), encoding="utf-8")
    with pytest.raises(InputError, match="row 2: not a row"):
        run_page.build(folder, options=FEW)


def test_empty_runs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no evaluation"):
        run_page.build(folder)
    with pytest.raises(InputError, match="not a folder"):
        run_page.build(tmp_path / "nowhere")
    (folder / result.CONFIG).write_text('{"kind": "asr", "config": {}}', encoding="utf-8")
    text, shape = read(run_page.build(folder).page)
    check(text, shape)
    assert "0 utterances so far" in text
    full = evaluated.scoring_run(tmp_path / "none", rows=[])
    text, shape = read(run_page.build(full).page)
    check(text, shape)
    assert "holds no utterance" in text


def test_rows_without_judgement(tmp_path: Path) -> None:
    """A failed file, a declined one and a word whose sounds the machine did not compare."""
    row = evaluated.scored_row(3)
    nothing = dict.fromkeys(row.detail["model"])
    failed = replace(
        row, id="f", error="f.flac: empty", metrics={"phone_error": None},
        detail={**row.detail, "model": nothing, "raters": None, "words": []},
    )  # fmt: skip
    silent = dict.fromkeys(row.detail["words"][0]["model"])
    word = {**row.detail["words"][0], "model": silent, "raters": None, "error_type": None}
    word["phones"] = [
        {**p, "score": None, "error_probability": None, "expected": "XX"} for p in word["phones"]
    ]
    odd = replace(row, id="odd", detail={**row.detail, "words": [word]})
    text, shape = read(
        run_page.build(evaluated.scoring_run(tmp_path / "r", rows=[failed, odd]), options=FEW).page
    )
    check(text, shape)
    assert "f.flac: empty" in text and "not judged" in text and "XX" in text


def test_2500_rows_stay_small(tmp_path: Path) -> None:
    folder = evaluated.scoring_run(tmp_path / "run", 10)
    path = folder / result.ROWS
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    copies = (lines[i % 10].replace(f'"u{i % 10}"', f'"u{i}"') for i in range(2500))
    path.write_text("".join(copies), encoding="utf-8")
    built = run_page.build(folder, options=Options(n_worst=20, draws=20))
    text = built.page.read_text(encoding="utf-8")
    assert len(text) < 2_000_000
    assert text.count("<tr>") > 2500 and "u2499" in text
    assert sum(path.stat().st_size for path in built.beside) < 25_000_000


def test_the_audio_is_capped_linked_or_left_out(tmp_path: Path) -> None:
    root, rows = tmp_path / "a b", [evaluated.scored_row(i) for i in range(3)]
    for i in range(2):
        evaluated.tone(root / f"u{i}.flac", 0.5, i)
    (root / "u2.flac").write_bytes(b"no sound")
    out = tmp_path / "pages" / "r.html"
    found = clips.clips(rows, root, out, "embed")
    assert found["u0"].source.startswith("data:audio/flac;base64,") and found["u0"].n_bytes > 1000
    assert "u2.flac" in found["u2"].why_not and str(tmp_path) not in found["u2"].why_not
    tight = clips.clips(rows, root, out, "embed", limit=found["u0"].n_bytes)
    assert tight["u0"].source and "at most" in tight["u1"].why_not
    assert clips.clips(rows, root, out, "link")["u0"].source == "../a%20b/u0.flac"
    assert clips.clips(rows, root, out, "none")["u0"].why_not
    assert "not in the folder" in clips.clips(rows, tmp_path, out, "embed")["u0"].why_not


def test_worst_comes_first_in_either_direction() -> None:
    rows = [replace(evaluated.scored_row(i), metrics={"m": v}) for i, v in enumerate([0.1, None, 0.9, 0.5])]
    summary = result.Summary("scoring", "x", {"m": evaluated.metric("m", 0.5)}, {})
    run = runs.Evaluated(Path(), {}, summary, rows)
    assert [row.id for row in runs.worst(run, "m", 2)] == ["u0", "u3"], "higher is better"
    assert [row.id for row in runs.worst(replace(run, summary=None), "m", 9)] == ["u2", "u3", "u0"]
    assert runs.lead_metric(run) == "m"


def test_edits_are_those_of_the_error_rate() -> None:
    parts = [(e.kind, e.reference, e.hypothesis) for e in heat.edited("a b c d", "a x y")]
    assert parts[0] == ("same", "a", "a") and len(parts) == 4
    assert sorted(kind for kind, _, _ in parts) == ["changed", "changed", "left out", "same"]
    assert [(e.kind, e.hypothesis) for e in heat.edited("a b", "a b c")] == [("same", "a b"), ("put in", "c")]
    assert heat.edited("", "") == []
    assert heat.edited("a b", "")[0].kind == "left out" and heat.edited("", "a")[0].kind == "put in"


def test_verdicts() -> None:
    from speechtutor.tutor.labels import Label

    assert heat.verdict(Label.GOOD, 10) == "missed" and heat.verdict(Label.MISSING, 90) == "false alarm"
    assert (
        heat.verdict(Label.WRONG, 10) == heat.verdict(Label.GOOD, 90) == heat.verdict(Label.GOOD, None) == ""
    )


@pytest.mark.parametrize(("low", "high"), [(0, 0), (5, 5), (0, 1), (-0.3, 1e-4), (0.65, 0.84), (0, 1e-12)])
def test_an_axis_covers_its_values(low: float, high: float) -> None:
    marks = charts.ticks(low, high)
    assert len(marks) > 1 and marks[0] <= low + 1e-9 and marks[-1] >= high - 1e-9 and marks == sorted(marks)
    assert len(marks) <= 8


def test_charts_of_nothing_are_nothing() -> None:
    assert (
        charts.intervals([], "t", "a")
        == charts.reliability([], "t", "x", "y")
        == charts.bubbles([], "t", "x", "y")
    )
    assert "&lt;" in charts.intervals([charts.Estimate("<", 0.5, None, None)], "<t>", "<a>")


def test_the_letters_of_a_dark_cell_are_legible() -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.2) for every share."""

    def luminance(colour: str) -> float:
        if colour.startswith("#"):
            digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
            rgb = [int(digits[i : i + 2], 16) for i in (0, 2, 4)]
        else:
            rgb = [int(x) for x in re.findall(r"\d+", colour)]
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for share in range(101):
        ground, ink = re.findall(r":(rgb\([^)]*\)|#\w+)", charts.Cell(1, share / 100).style)
        high, low = sorted((luminance(ground), luminance(ink)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, share


def test_small_things() -> None:
    assert html.points(None) == "–" and html.points(12.6) == "13"
    assert sections.number(1, "file") == "1 file" and sections.number(2000, "file") == "2,000 files"
    assert sections.flat({"a": {"b": [1, 2], "c": None}}) == [("a.b", "1 2"), ("a.c", "–")]
    assert runs.shown(evaluated.metric("x", 0.5, "share"), 0.123) == "12.3 %"


def test_on_the_command_line(asr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.html"
    assert main(["report", str(asr), "--out", str(out), "--audio", "none", "--worst", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == str(out)
    for args, says in (
        ([], "name the folder"),
        ([str(tmp_path / "no")], "not a folder"),
        ([str(asr), "--metric", "beauty"], "'beauty'; there are cer_normalised"),
        ([str(asr), "--worst", "-1"], "0 or more"),
        ([str(asr), "--store", "sqlite://"], "only go with --class"),
        ([str(asr), "--class", "--against", str(asr)], "do not go with --class"),
        ([str(asr), "--root", str(tmp_path / "no")], "not a folder of recordings"),
    ):
        assert main(["report", *args]) == 2
        error = capsys.readouterr().err
        assert says in error and error.count("\n") == 1


def test_the_cards_say_first_how_good_it_is() -> None:
    """A bias has no better side, and the leading figure may only be what orders the utterances."""

    def metric(better: str) -> Metric:
        return Metric("x", 0.5, 0.4, 0.6, 10, "phones", 5, better=better)

    metrics = {"mse": metric("lower"), "pcc": metric("higher"), "bias": metric(""), "f1": metric("higher")}
    gaps = [Gap("gender", "f", "m", name, metric("")) for name in ("bias", "pcc", "f1")]
    summary = Summary("scoring", "x", metrics, evaluated.PROVENANCE, gaps=gaps)
    shown = tables.context(runs.Evaluated(Path(), {}, summary, ()), "mse")["cards"]
    assert shown == [metrics[name] for name in ("pcc", "f1", "mse", "bias")]
