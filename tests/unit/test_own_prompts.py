"""A prompt table of the user's own: read as it stands, or refused in one sentence naming file, row and column."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throng.errors import ThrongError
from throng.own_prompts import own_rows
from throng.prompts import prompt_rows
from throng.sections.prompt import Prompt


def csv_file(folder, text):
    path = folder / "mine.csv"
    path.write_text(text)
    return path


def test_a_csv_is_asked_for_row_by_row(tmp_path):
    path = csv_file(
        tmp_path,
        "count,density,fewest,most,text,negative,seed,split,repeats\n"
        '3,,,,"a choir, three rows",cars,7,val,2\n'
        ",sparse,2,9,a few people in a park,,,,\n"
        "0,,,,nobody {at} all,,,test,\n",
    )
    rows = own_rows(path, 0)
    said = [(row.count, row.density, row.fewest, row.most, row.text, row.negative, row.split) for row in rows]
    assert said == [
        (3, "", 3, 3, "a choir, three rows", "cars", "val"),
        (3, "", 3, 3, "a choir, three rows", "cars", "val"),
        (None, "sparse", 2, 9, "a few people in a park", "", "train"),
        (0, "", 0, 0, "nobody {at} all", "", "test"),
    ]
    assert [row.repeat for row in rows] == [0, 1, 0, 0]
    assert rows[0].seed == 7 and len({row.seed for row in rows}) == len({row.id for row in rows}) == 4
    assert {(row.template, row.viewpoint, row.conditions, row.wording) for row in rows} == {("file", "", "", "")}


def test_parquet_and_csv_ask_for_the_same(tmp_path):
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "count": [1, 2], "negative": [None, "x"]}), path)
    same = csv_file(tmp_path, "text,count,negative\na,1,\nb,2,x\n")
    assert own_rows(path, 0) == own_rows(same, 0)


def test_editing_one_row_leaves_the_others_as_they_were(tmp_path):
    before = {row.id: row for row in own_rows(csv_file(tmp_path, "text,count\na,1\nb,2\n"), 0)}
    after = {row.id: row for row in own_rows(csv_file(tmp_path, "text,count\nnew,9\na,1\nB,2\n"), 0)}
    assert [before[key].text for key in before.keys() & after.keys()] == ["a"]
    assert {key: after[key] for key in before.keys() & after.keys()}.items() <= before.items()


def test_a_table_never_takes_a_templates_row(tmp_path):
    text = next(prompt_rows(0, Prompt())).text
    rows = own_rows(csv_file(tmp_path, f'text,count\n"{text}",0\n'), 0)
    assert not {row.id for row in rows} & {row.id for row in prompt_rows(0, Prompt())}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,count\na,-1\n", "row 1, column 'count': Input should be greater than or equal to 0, got '-1'"),
        ("text,count\na,3\nb,many\n", "row 2, column 'count': Input should be a valid integer"),
        ("text,count\na,3\n,3\n", "row 2, column 'text': Field required"),
        ("text,count\n  ,3\n", "row 1, column 'text': String should have at least 1 character"),
        (
            "text,count\na,3\nb,1\na,3\n",
            "row 3: asks for the same as row 1; for several images of",
        ),
        ("text,count,seed\na,3,4\na,3,5\na,3,4\n", "row 3: asks for the same as row 1"),
        ("text,cuont\na,3\n", "unknown column 'cuont'; known are text, count"),
        ("count\n3\n", "needs a column 'text' and a column 'count' or 'density'"),
        ("text,count,count\na,3,3\n", "a column is named twice"),
        ("text,count\na,3,4\n", "row 1: has more values than the heading"),
        ("text,count,density\na,3,dense\n", "row 1: a row has either a count or a density"),
        ("text,count\na,\n", "row 1: a row has either a count or a density"),
        ("text,density\na,dense\n", "row 1: density dense needs fewest and most"),
        ("text,density,fewest,most\na,none,0,4\n", "row 1: fewest and most belong to"),
        ("text,density\na,crowded\n", "row 1, column 'density': Input should be 'none', 'sparse' or 'dense'"),
        ("text,count,split\na,1,holdout\n", "row 1, column 'split': Input should be 'train', 'val' or 'test'"),
        ("text,count,repeats\na,1,0\n", "row 1, column 'repeats'"),
        ("text,count,seed\na,1,-3\n", "row 1, column 'seed'"),
        ("text,count\n", "has no rows"),
        ('text,count\n"a,1\n', "is no UTF-8 CSV file"),
    ],
)
def test_a_bad_table_is_refused_in_one_sentence(tmp_path, text, said):
    path = csv_file(tmp_path, text)
    with pytest.raises(ThrongError) as caught:
        own_rows(path, 0)
    assert str(caught.value).startswith(str(path)) and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files_are_named(tmp_path):
    binary = csv_file(tmp_path, "")
    binary.write_bytes(b"text,count\n\xff\xfe,1\n")
    parquet = tmp_path / "mine.parquet"
    parquet.write_bytes(b"PAR1 nothing")
    cases = (binary, "UTF-8"), (parquet, "not a readable Parquet"), (tmp_path / "a.xlsx", "neither .csv nor .parquet")
    for path, said in (*cases, (tmp_path / "none.csv", "does not exist")):
        with pytest.raises(ThrongError, match=said) as caught:
            own_rows(path, 0)
        assert str(path) in str(caught.value)
