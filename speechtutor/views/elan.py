"""Tiers as a document of ELAN (EAF 3.0, the schema of the Max Planck Institute for Psycholinguistics)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree as xml

from speechtutor.views.tiers import Tier

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The date of a document: the same results are the same bytes."""


def eaf(tiers: Mapping[str, Tier]) -> str:
    """The document: every interval with a label is an annotation between two time slots, in milliseconds.

    It names no recording: ELAN asks for it. An interval shorter than a millisecond, which ELAN cannot show,
    is left out, and so are signs of a label that XML cannot hold.
    """
    root = xml.Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "speechtutor", "DATE": _NEVER.isoformat(), "FORMAT": "3.0", "VERSION": "3.0", _XSI: SCHEMA,
    })  # fmt: skip
    xml.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    slots = xml.SubElement(root, "TIME_ORDER")
    rows = {
        name: [row for row in tier if _ms(row[1]) > _ms(row[0]) and row[2]] for name, tier in tiers.items()
    }
    times = sorted({_ms(time) for tier in rows.values() for row in tier for time in row[:2]})
    for number, time in enumerate(times, start=1):
        xml.SubElement(slots, "TIME_SLOT", TIME_SLOT_ID=f"ts{number}", TIME_VALUE=str(time))
    slot = {time: f"ts{number}" for number, time in enumerate(times, start=1)}
    n = 0
    for name, tier in rows.items():
        place = xml.SubElement(root, "TIER", LINGUISTIC_TYPE_REF="default", TIER_ID=name)
        for start, end, label in tier:
            n += 1
            held = xml.SubElement(place, "ANNOTATION")
            refs = {"TIME_SLOT_REF1": slot[_ms(start)], "TIME_SLOT_REF2": slot[_ms(end)]}
            span = xml.SubElement(held, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{n}", **refs})
            xml.SubElement(span, "ANNOTATION_VALUE").text = _plain(label)
    xml.SubElement(
        root,
        "LINGUISTIC_TYPE",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID="default",
        TIME_ALIGNABLE="true",
    )
    xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(root, encoding="unicode")}\n'


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


def _plain(label: str) -> str:
    """A label in the characters of XML 1.0."""
    return re.sub(r"[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", label)
