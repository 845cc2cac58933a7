from tests.rows import calibrated_row
from tests.unit.synthesizers.drawn import image_row
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.stages import label_density
from throng.tables import calibrated_counts, density_labels, images
from throng.tables.density_labels import DensityLabelRow

FOOTER = Provenance("test", {}, "code", 0)
BAD = {"status": "rejected", "reason": "broken: file"}


def test_every_good_row_gets_a_density_label(tmp_path):
    known = [{"count": 10}, {"count": 11}, {"count": 31}, {}, BAD]
    photographs = [image_row(f"p{index}", "s", f"{index}.png", (8, 8), **said) for index, said in enumerate(known)]
    counted = [
        calibrated_row(id="s0"),
        calibrated_row(id="s1", count=20.4, exact=False),
        calibrated_row(id="s2", **BAD),
    ]
    paths = {name: tmp_path / f"{name}.parquet" for name in ("images", "calibrated", "table")}
    write_table(paths["images"], images.TABLE, photographs, FOOTER)
    write_table(paths["calibrated"], calibrated_counts.TABLE, counted, FOOTER)
    inputs = Files({name: [str(paths[name])] for name in ("images", "calibrated")})
    context = Context("label_density", 0, 1, {}, {}, {"label_density": {}}, "code", {})
    label_density.run(inputs, Files({"table": [str(paths["table"])]}), LabelDensity(), context)
    rows = read_rows(paths["table"], density_labels.TABLE, DensityLabelRow)
    labels = {
        (row.table, row.id): (row.density_class, row.class_name, row.score and round(row.score, 3)) for row in rows
    }
    assert labels == {
        ("images", "p0"): (0, "low", 10.0),
        ("images", "p1"): (1, "medium", 11.0),
        ("images", "p2"): (2, "high", 31.0),
        ("images", "p3"): (None, "", None),
        ("synthetic", "s0"): (0, "low", 0.0),
        ("synthetic", "s1"): (1, "medium", 20.4),
    }
    assert {row.reason.split(":")[0] for row in rows if row.status == "rejected"} == {"unlabelled"}
    assert {row.method for row in rows} == {"threshold"}
