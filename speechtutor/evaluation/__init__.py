"""Evaluation: how good a recogniser, a scorer, wording or a corrector is, with intervals over speakers.

A run writes one folder with these files; `speechtutor report` and `--against` read exactly these.
All JSON is strict: what is not defined or not measured is null, never NaN and never 0.

    config.json       what was asked: {"kind", "config", "fingerprint", "commit", "versions", "device"}
    utterances.jsonl  one `Row` a line, in manifest order once the run is complete
    summary.json      one `Summary`, written last: a folder without it holds an unfinished run
    errors.log        tracebacks of rows that failed in a way that nobody expected, where there are any

`Row` and `Summary` are the dataclasses of `speechtutor.evaluation.result`; their fields are the JSON
keys, in the same shape for every kind. `result.read(folder)` gives both back as a `Run`.

A **row** has `id`, `speaker`, `split`, `audio` (relative to the root that the run was given),
`reference` (the text), `hypothesis` (null where the kind has none, or where the file failed),
`duration` and `elapsed` in seconds, `error` (null, or one line saying why this file failed),
`groups` ({"age": "under 16", …}), `metrics` ({name: number or null} of this utterance alone) and
`detail`, which depends on the kind:

- asr: `{"counts": {"words_normalised": [hits, substitutions, deletions, insertions],
  "characters_normalised": …, "words_verbatim": …, "characters_verbatim": …, "phones": …},
  "normalised": [reference, hypothesis], "unpronounceable": [words without phones],
  "words": [human word scores 0-100 or null, in the order of the text] | null,
  "repairs": [mispronounced words, of them written as the text, other words, of them written] | null}`;
- scoring: `{"model": {"overall", "accuracy", "fluency", "prosody"} 0-100, "raters": the same | null,
  "warnings": [codes], "declined": bool, "heard": [freely decoded phones] | null,
  "decoded": [hits, substitutions, deletions, insertions] of them against the canonical phones | null,
  "decoded_perceived": the same against the phones that people transcribed | null,
  "words": [{"text", "start", "end", "error_type", "model": {"accuracy", "stress", "total"},
  "raters": the same | null, "phones": [{"expected", "start", "end", "score", "rated", "gop",
  "error_probability", "said_probability", "heard", "perceived"}]}]}`, every score 0-100, `perceived` null
  where nobody wrote down what was said, else the phone that people heard ("" for nothing);
- feedback: `{"finding": kind, "rules": whether they spoke and the model was not asked, "violations":
  [why the reply was refused], "dropped", "word", "sound": whether it names those of the finding or null,
  "n_words", "grade", "first": seconds to the first text}`; `hypothesis` is the reply;
- grammar: `{"corrected": the reference that agrees best, "edits": [right, wrong, missed], "by_kind": the
  same by type, "grams", "copied": the sums of GLEU of the correction and of the source, "was_right",
  "changed", "refused"}`; `speaker` is the dialogue, `reference` what the learner said;
- learner: a row is a speaker: `{"utterances": how many, "foretold": {"3": {"right", "model", "speaker",
  "phone", "text"}, …}: a list each over the phones after the first k utterances, "placed": the overall
  score in [0, 1] that the placement ends at | null, "n_placed": its items, "raters": the speaker's mean of
  the raters | null, "raters_rest": the same without the items of the placement | null}`;
- diagnosis: a row is a recording of one group of known errors: `{"cases": texts it was held against,
  "declined": how many of them, "places": [{"kind", "wanted", "said", "place", "level", "found": {system:
  bool}, "heard": {"diagnosis", "scorer": phone | null}}]}`, the wrong sounds, or else the right phones.

`details` has the same as types, and a folder is read by them.

A **summary** has `kind`, `name` (the system), `metrics` ({name: `Metric`}), `groups` (`Group`:
a dimension, a cell of it, its metrics; a small cell has `suppressed` true and no metrics), `gaps`
(`Gap`: one cell minus another, and whether they differ), `baselines` ({name: {metric: `Metric`}}),
`comparison` (this run minus an earlier one over what both judged, or null), `calibration`
(`Calibration`: the bins of the reliability diagram, which is also drawn in reliability.svg),
`confusions` (`Confusion`: unit "word" or "phone", what it was read as, "" for left out or put in),
`counts` ({name: whole number}), `lists` ({"failed": [ids], …}), `timing`, `minimum_cell`, `notes`
(sentences that belong under the tables), `tables` (`Table`: counts that are no figures), `over` (what
intervals are over: speakers, or dialogues that stand for them) and `provenance`.

A **metric** carries its own label, unit, direction and n, so that a report needs no table of names. Below
`metrics.LEAST_SPEAKERS` it has no interval and says `why`; what differs is said by `significance` alone.
"""
