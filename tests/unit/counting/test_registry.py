from itertools import takewhile
from pathlib import Path

import pytest

from throng.counting.network import describe
from throng.counting.registry import FAMILIES, build, options_of
from throng.errors import ThrongError

NAMES = [name for names in FAMILIES.values() for name in names]
LOW = {"mode": "lowrank"}


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_every_counter_is_known_and_its_default_can_be_given(name):
    options = options_of(name)
    assert {"init", "last_activation", "target_scale"} <= options.keys()
    assert build(name, **options).architecture["options"].keys() == options.keys() - {"weights"}


@pytest.mark.parametrize("name", [names[0] for names in FAMILIES.values()])
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("init", "foo", "init must be he, gaussian or glorot, not 'foo'"),
        ("init", 3, "init must be he, gaussian or glorot, not 3"),
        ("last_activation", "tanh", "last_activation must be relu, softplus or linear, not 'tanh'"),
        ("target_scale", "100", "target_scale must be a number above 0, not '100'"),
        ("dropout", 0.5, "has no option dropout; known: init"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(name, option, value, message):
    with pytest.raises(ThrongError) as refusal:
        build(name, **{option: value})
    assert message.split("; known")[0] in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mcnn", {"target_scale": 0}, "target_scale must be a number above 0, not 0"),
        ("mcnn", {"target_scale": float("nan")}, "target_scale must be a number above 0, not nan"),
        ("mcnn", {"target_scale": True}, "target_scale must be a number above 0, not True"),
        ("sanet-paper", {"norm": 3}, "norm must be true or false, not 3"),
        ("sanet-paper", {"affine": 0}, "affine must be true or false, not 0"),
        ("gaunet-sanet", {"norm": "yes"}, "norm must be true or false, not 'yes'"),
        ("sanet-author", {"order": "norm-first"}, "order must be conv-norm-act or conv-act-norm, not 'norm-first'"),
        ("csrnet", {"stacks": 0}, "stacks must be a number of back ends, 1 or more, not 0"),
        ("csrnet", {"stacks": "2"}, "stacks must be a number of back ends"),
        ("gaunet-csrnet", {"stacks": 2}, "gaunet-csrnet' has no option stacks"),
        ("gaunet-mcnn", {"mode": "fast"}, "mode must be one of"),
        ("gaunet-mcnn", {"interpolation": 3}, "interpolation must be one of"),
        ("gaunet-mcnn", {"low_rank": "pca"}, "low_rank takes rank, basis, positions"),
        ("gaunet-mcnn", {**LOW, "low_rank": {"bases": "pca"}}, "low_rank takes rank, basis, positions"),
        ("gaunet-mcnn", {**LOW, "low_rank": {"rank": "3"}}, "low_rank.rank must be like 3, not '3'"),
        ("gaunet-mcnn", {**LOW, "low_rank": {"basis": "haar"}}, "basis must be pca or gaussian"),
        ("gaunet-mcnn", {"low_rank": {"rank": 3}}, "for mode 'lowrank'"),
    ],
    ids=str,
)
def test_a_wrong_option_of_one_family_is_refused(name, options, message):
    with pytest.raises(ThrongError) as refusal:
        build(name, **options)
    assert message in str(refusal.value)


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_counters_see_grey_or_colour_only(channels):
    with pytest.raises(ThrongError, match=r"1 \(grey\) or 3 \(RGB\) channels"):
        build("compact", channels)


def test_low_rank_options_may_come_from_yaml():
    model = build("gaunet-mcnn", mode="lowrank", low_rank={"positions": "grid", "grid": [2, 3]})
    assert model.network.branch1[0].conv.positions.query.shape[-2:] == (2, 3)


def documented(heading, columns):
    """The cells of a table in docs/counters.md, by the name in its first column."""
    text = (Path(__file__).parents[3] / "docs" / "counters.md").read_text()
    lines = text[text.index(heading) :].splitlines()[2:]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in takewhile(lambda x: x.startswith("|"), lines)]
    return {row[0].strip("`"): row[1:columns] for row in rows}


def test_the_table_of_counters_says_what_describe_says():
    table = documented("| name | parameters |", 4)
    assert sorted(table) == sorted(NAMES)
    for name, (parameters, stride, gmac) in table.items():
        line = f"{name}: {parameters} parameters, stride {stride}, {gmac} GMAC at 768x1024"
        assert describe(build(name)) == line


def test_the_table_of_options_has_every_option():
    assert documented("| option | of |", 2).keys() == {option for name in NAMES for option in options_of(name)}
