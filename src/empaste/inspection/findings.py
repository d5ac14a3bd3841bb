"""The findings of an inspection in words: a line per kind for the table, a row per image for ``findings.csv``."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from empaste.datasets.preparing import NEED_OTHERS
from empaste.errors import install_command
from empaste.inspection.inspecting import Inspection, name_of
from empaste.inspection.labels import Doubt
from empaste.report.names import isolated
from empaste.report.sheets.panels import counted

OK, LOOK, BAD, OPEN = "ok", "look", "bad", "open"
MIN_PER_CLASS = 20
"""Training images of a class under which its foregrounds have hardly any statistics."""


class Finding(NamedTuple):
    """What was checked, how it stands (`OPEN`: it was not), the result, and what to do about it."""

    what: str
    state: str
    result: str
    advice: str = ""


def summarise_findings(found: Inspection) -> list[Finding]:
    """A line per check."""
    return [
        _looked_at(found),
        _unreadable(found),
        _unlabelled(found),
        _classes(found),
        _across(found),
        _within(found),
        _labels(found),
        _small(found),
        _margins(found),
    ]


def findings_table(found: Inspection) -> pd.DataFrame:
    """One row per image and finding: file, split, finding, detail."""
    return pd.DataFrame(_rows(found), columns=["file", "split", "finding", "detail"])


def doubt_text(found: Inspection, doubt: Doubt) -> str:
    """A doubt as a sentence."""
    name = isolated(list(found.class_names.values())[doubt.label])
    if doubt.is_given:
        return f"labelled {name}, which is unlikely ({doubt.prob:.0%})"
    return f"not labelled {name}, which is likely ({doubt.prob:.0%})"


def _rows(found: Inspection) -> Iterator[tuple[str, str, str, str]]:
    for one in found.unreadable:
        yield name_of(one.example), one.example.split, "unreadable", one.error
    for file, reason in found.left_out:
        yield file, "", "left out", reason
    for pair in found.pairs:
        kind = "across splits" if found.split(pair.first) != found.split(pair.second) else "within a split"
        detail = f"{'the same pixels as' if pair.same else 'nearly'} {found.name(pair.second)}"
        yield found.name(pair.first), found.split(pair.first), f"near-duplicate {kind}", detail
    for doubt in found.judged.doubts if found.judged else ():
        yield found.name(doubt.image), found.split(doubt.image), "label doubted", doubt_text(found, doubt)
    for place in found.small.images if found.small else ():
        detail = f"the largest object takes up {max(found.looks[place].areas):.2%} of the image"
        yield found.name(place), found.split(place), "objects too small", detail

    for place in found.with_margins:
        yield found.name(place), found.split(place), "plain margins", margin_text(found, place)


def margin_text(found: Inspection, place: int) -> str:
    """How large the margins of an image are."""
    return f"its margins take up {found.looks[place].margin_area:.0%} of the image"


def _looked_at(found: Inspection) -> Finding:
    num = len(found.looks)
    if num == found.num_images:
        return Finding("images", OK, f"{num:,}, all looked at")
    return Finding("images", LOOK, f"{num:,} of {found.num_images:,} looked at", "--max-images 0 looks at all")


def _unreadable(found: Inspection) -> Finding:
    bad = found.unreadable
    if not bad:
        return Finding("unreadable", OK, "none")
    advice = "prepare stops at them: replace them, or leave them out (of a folder: by a line in left_out.csv)"
    return Finding("unreadable", BAD, f"{len(bad):,}, such as {name_of(bad[0].example)}", advice)


def _unlabelled(found: Inspection) -> Finding:
    others = len(found.left_out)
    said = f"; {counted(others, 'image')} in left_out.csv" if others else ""
    if not found.without_label:
        return Finding("without label", OK, f"none{said}")
    return Finding("without label", LOOK, f"{found.without_label:,}{said}", "label them to use them")


def _classes(found: Inspection) -> Finding:
    train = {name: counts["train"] for name, counts in found.counts.items()}
    smallest, largest = min(train, key=lambda name: train[name]), max(train, key=lambda name: train[name])
    ends = (
        f"{isolated(smallest)} has {counted(train[smallest], 'training image')}, {isolated(largest)} {train[largest]:,}"
    )
    advice = []
    if few := [name for name, number in train.items() if number < MIN_PER_CLASS]:
        advice.append(f"{len(few)} with fewer than {MIN_PER_CLASS}: add images of them")
    if always := [name for name, number in train.items() if number == found.num_train]:
        advice.append(f"{len(always)} that every training image shows: {NEED_OTHERS}")
    if unseen := [name for name, counts in found.counts.items() if not counts["val"]]:
        advice.append(f"{len(unseen)} without a validation image: not measured")
    return Finding("classes", LOOK if advice else OK, f"{len(train)}; {ends}", "; ".join(advice))


def _across(found: Inspection) -> Finding:
    pairs = found.pairs_across(True)
    if not pairs:
        return Finding("near-duplicates across splits", OK, "none")
    same = sum(pair.same for pair in pairs)
    advice = "keep both in one split: figures look better than they are"
    return Finding(
        "near-duplicates across splits", BAD, f"{counted(len(pairs), 'pair')}, {same:,} of the same pixels", advice
    )


def _within(found: Inspection) -> Finding:
    pairs = found.pairs_across(False)
    if not pairs:
        return Finding("near-duplicates within a split", OK, "none")
    same = sum(pair.same for pair in pairs)
    result = f"{counted(len(pairs), 'pair')}, {same:,} of the same pixels"
    return Finding("near-duplicates within a split", LOOK, result, "they count twice; drop one of each")


def _labels(found: Inspection) -> Finding:
    if found.judged is None:
        how = f"needs ImageNet's weights; install them with: {install_command('imagenet')}"
        return Finding("labels doubted", OPEN, "not checked", how)
    doubts, unjudged = found.judged
    advice = ["look at them on the page"] if doubts else []
    if unjudged:
        advice.append(
            f"{counted(len(unjudged), 'label')} not checked: too few images, or the classifier does not know them well"
        )
    given, images = sum(one.is_given for one in doubts), len({one.image for one in doubts})
    result = (
        f"{counted(images, 'image')}: {given:,} labels given, {len(doubts) - given:,} lacking" if doubts else "none"
    )
    return Finding("labels doubted", LOOK if advice else OK, result, "; ".join(advice))


def _small(found: Inspection) -> Finding:
    what = f"objects under {found.min_area:.1%} of the image"
    if found.small is None:
        return Finding(what, OPEN, "not checked: the data set has no masks or boxes to measure")
    objects, small, images = found.small
    if not small:
        return Finding(what, OK, f"none of {objects:,}")
    advice = "no proposal is so small; lower proposals.min_area, or crop the images"
    result = f"{small:,} of {objects:,} objects; in {counted(len(images), 'image')} all of them"
    return Finding(what, LOOK, result, advice)


def _margins(found: Inspection) -> Finding:
    what, num = "plain margins around training images", len(found.with_margins)
    if not num:
        return Finding(what, OK, "none")
    if found.trims_margins:
        return Finding(what, OK, f"{counted(num, 'image')}, which prepare cuts off (prepare.trim_margins)")
    return Finding(what, LOOK, counted(num, "image"), "set prepare.trim_margins to true: prepare then cuts them off")
