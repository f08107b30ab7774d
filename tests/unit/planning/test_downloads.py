"""Downloads: bytes that the registry knows, names of the rest, licences."""

import pytest
from support.planned_study import XLMR, costs

from langscale.config.model import Model
from langscale.data import catalogue
from langscale.models import pretrained
from langscale.planning.downloads import downloads, licences
from langscale.planning.summary import text


def test_a_download_is_what_the_registry_knows_and_the_rest_by_name():
    both = {"xquad-r": {}, "again": {"set": "xquad-r"}}
    plan = costs(models={"m": XLMR}, sources={"squad": {}}, benchmarks=both)
    entries = [
        *catalogue.source("squad").files(["en", "de", "ar"]),
        *catalogue.benchmark("xquad-r").files(["en", "de", "ar", "el"]),
    ]
    known, unknown = downloads(plan.study)
    xlmr = [e for e in pretrained.entries(Model(hub=XLMR["hub"])) if e.size]
    assert known == sum(e.size for e in [*entries, *xlmr] if e.size) > 10e6
    assert set(unknown) <= {"squad", XLMR["hub"]} and XLMR["hub"] in unknown
    assert downloads(costs().study) == (0, {})
    local = costs(models={"m": {"path": "/nowhere"}}, sources={"squad": {}}, benchmarks=both)
    assert XLMR["hub"] not in downloads(local.study)[1]


def test_mmarco_says_about_how_much_it_is():
    plan = costs(
        languages={"pool": ["en", "ar", "de", "es", "hi", "ru", "zh", "th"]},
        models={"m": XLMR},
        sources={"mmarco": {"pairs": 5}},
    )
    found = downloads(plan.study)[1]["mmarco"]
    assert found.files == 15 and found.estimate == pytest.approx(31e9, rel=0.05)
    assert "mmarco (15 files, about 31.5 GB)" in text(plan, plan.rows())


def test_licences_that_are_not_accepted_are_named():
    plan = costs(models={"m": XLMR}, benchmarks={"mlqa-r": {}})
    assert licences(plan.study) == ["mlqa-r"]
    assert "accept_licence: [mlqa-r]" in text(plan, plan.rows())
    accepted = costs(models={"m": XLMR}, benchmarks={"mlqa-r": {}}, accept_licence=["mlqa-r"])
    assert licences(accepted.study) == [] and "accept_licence" not in text(accepted, accepted.rows())
