"""What a sampler draws: what was asked for, the same in any division of the work, and after a kill."""

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.gan.generators import ENCODINGS, saved
from throng.errors import ThrongError
from throng.gan.files import read_generator
from throng.gan.painter import Painter
from throng.gan.requests import requests_of
from throng.images import decode
from throng.manifest import read_footer, read_rows
from throng.sections.base import output_slice
from throng.sections.sample_gan import AsTrained, Chosen, Every, Permission, Sampler
from throng.stage import Context, Files
from throng.stages import sample_gan
from throng.tables import gan_samples
from throng.tables.gan_samples import GanSampleRow


def job(root: Path, generator: Path, config: Sampler, part: str = "part-000-of-001") -> tuple[Files, Files, Context]:
    results = root / "results"
    folder = results / "sample_gan" / config.name
    context = Context(
        stage="sample_gan",
        seed=7,
        threads=1,
        wildcards={"sampler": config.name, "part": part},
        roots={"results": results},
        config={"sample_gan": output_slice(config), "seed": 7},
        code="c0de",
        parents={},
    )
    outputs = Files({"table": [str(folder / f"{part}.parquet")], "pixels": [str(folder / f"{part}.zip")]})
    return Files({"generator": [str(generator)]}), outputs, context


def sample(
    root: Path, generator: Path, parts: int = 1, **said: Any
) -> tuple[list[GanSampleRow], dict[str, bytes], list[Files]]:
    """Draw with one sampler in ``parts`` jobs and return rows, images by id, and the jobs' outputs."""
    config = Sampler(**({"labels": Every(per_label=2)} | said))
    rows: list[GanSampleRow] = []
    images: dict[str, bytes] = {}
    made = []
    for index in range(parts):
        inputs, outputs, context = job(root, generator, config, f"part-{index:03d}-of-{parts:03d}")
        sample_gan.run(inputs, outputs, config, context)
        part = read_rows(outputs.one("table"), gan_samples.TABLE, GanSampleRow)
        with zipfile.ZipFile(outputs.one("pixels")) as archive:
            images |= {row.id: archive.read(f"{row.id}.png") for row in part if row.status == "ok"}
            assert len(archive.namelist()) == sum(row.status == "ok" for row in part)
        rows += part
        made.append(outputs)
    return sorted(rows, key=lambda row: row.id), images, made


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("generator") / "generator.safetensors")


def test_every_class_gets_its_images_from_shared_scenes(generator: Path, tmp_path: Path) -> None:
    rows, images, _ = sample(tmp_path, generator)
    assert sorted((row.label_name, row.seed_index) for row in rows) == [
        (name, index) for name in ("few", "many", "some") for index in range(2)
    ]
    assert len({row.seed for row in rows}) == len({row.scene for row in rows}) == 2
    assert len({hashlib.sha256(data).hexdigest() for data in images.values()}) == 6
    for row in rows:
        assert hashlib.sha256(images[row.id]).hexdigest() == row.sha256
        assert decode(images[row.id]).shape == (row.height, row.width, 3) == (16, 16, 3)
        assert row.path == f"sample_gan/crowds/part-000-of-001.zip/{row.id}.png"
        assert (row.gan, row.run, row.licence, row.redistributable, row.split) == (
            "crowds",
            "seed-1",
            "CC0-1.0",
            True,
            "train",
        )


def test_a_row_says_how_its_image_is_drawn_again(generator: Path, tmp_path: Path) -> None:
    rows, images, _ = sample(tmp_path, generator, truncation=0.7)
    stored = read_generator(generator)
    row = rows[0]
    assert row.generator == stored.digest == hashlib.sha256(generator.read_bytes()).hexdigest()
    label = requests_of(stored, [row.label_name])
    (image,) = Painter(stored).images([row.seed], label, truncation=row.truncation)
    np.testing.assert_array_equal(image, decode(images[row.id]))


def test_any_number_of_chunks_gives_the_same_images(generator: Path, tmp_path: Path) -> None:
    whole, images, _ = sample(tmp_path / "a", generator)
    parts, again, _ = sample(tmp_path / "b", generator, parts=3)
    assert again == images
    assert [dataclasses.replace(row, path="") for row in parts] == [dataclasses.replace(row, path="") for row in whole]


def test_a_second_run_gives_the_same_bytes(generator: Path, tmp_path: Path) -> None:
    made = [sample(tmp_path / name, generator)[2][0] for name in "ab"]
    for name in ("table", "pixels"):
        assert made[0].one(name).read_bytes() == made[1].one(name).read_bytes()


def test_a_killed_job_draws_only_what_is_missing(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Sampler(labels=Every(per_label=2))
    inputs, outputs, context = job(tmp_path / "killed", generator, config)
    drawn: list[int] = []
    images = Painter.images

    def dying(painter: Painter, *arguments: Any, **options: Any) -> Any:
        drawn.append(1)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return images(painter, *arguments, **options)

    monkeypatch.setattr(Painter, "images", dying)
    with pytest.raises(KeyboardInterrupt):
        sample_gan.run(inputs, outputs, config, context)
    assert not outputs.one("table").exists()
    sample_gan.run(inputs, outputs, config, context)
    assert len(drawn) == 4 + 3
    unhurt = sample(tmp_path / "unhurt", generator)[2][0]
    for name in ("table", "pixels"):
        assert outputs.one(name).read_bytes() == unhurt.one(name).read_bytes()


@pytest.mark.parametrize("name", ["stylegan3", "r3gan"])
@pytest.mark.parametrize("kind", list(ENCODINGS))
def test_generators_of_every_kind_are_drawn_from(kind: str, name: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "generator.st", ENCODINGS[kind], name=name)
    labels = Chosen(kind="chosen", values=[[0.5, 2]], per_label=1) if kind == "vector" else Every(per_label=1)
    rows, images, _ = sample(tmp_path, path, labels=labels)
    assert [row.label_kind for row in rows] == [kind] * {"class": 3, "score": 3, "vector": 1, "none": 1}[kind]
    assert {row.backend for row in rows} == {name}
    assert len(images) == len(rows)


def test_labels_spread_as_in_training_and_named_ones(generator: Path, tmp_path: Path) -> None:
    spread, _, _ = sample(tmp_path / "a", generator, labels=AsTrained(kind="histogram", images=12))
    assert len(spread) == 12
    assert {row.label_name for row in spread} == {"few", "many"}
    assert sorted(row.seed_index for row in spread if row.label_name == "few") == list(
        range(sum(row.label_name == "few" for row in spread))
    )
    chosen = Chosen(kind="chosen", values=["many", 0], per_label=3)
    rows, _, _ = sample(tmp_path / "b", generator, labels=chosen, same_scenes=False)
    assert sorted(row.label_name for row in rows) == ["few"] * 3 + ["many"] * 3
    assert len({row.seed for row in rows}) == 6


def test_closed_images_stay_closed_unless_somebody_is_named(tmp_path: Path) -> None:
    closed = saved(tmp_path / "closed.st", redistributable=False, licence="research only")
    leave = Permission(by="the owner, 1 May", licence="CC-BY-4.0")
    terms = {
        name: {(row.redistributable, row.licence, row.permission) for row in sample(tmp_path / name, path, **said)[0]}
        for name, path, said in (
            ("closed", closed, {}),
            ("allowed", closed, {"permission": leave}),
            ("open", saved(tmp_path / "open.st"), {"permission": leave}),
            ("silent", saved(tmp_path / "silent.st", redistributable=None, licence=None), {}),
        )
    }
    assert terms == {
        "closed": {(False, "research only", "")},
        "allowed": {(True, "CC-BY-4.0", "the owner, 1 May")},
        "open": {(True, "CC0-1.0", "")},
        "silent": {(False, "unknown", "")},
    }


def test_a_generator_that_learnt_from_test_photographs_says_so(tmp_path: Path) -> None:
    rows, _, _ = sample(tmp_path, saved(tmp_path / "g.st", splits=["train", "test"]))
    assert {tuple(row.learnt_from) for row in rows} == {("test", "train")}


def test_images_that_are_no_numbers_are_kept_as_rejected_rows(tmp_path: Path) -> None:
    rows, images, (outputs,) = sample(tmp_path, saved(tmp_path / "broken.st", damage=True))
    assert images == {}
    assert {(row.status, row.reason.partition(":")[0], row.path) for row in rows} == {("rejected", "not finite", "")}
    footer = read_footer(outputs.one("table"))
    assert (footer["model"]["asked"], footer["backend"]) == ("6", "stylegan3")


def test_mistakes_are_refused_in_a_sentence(generator: Path, tmp_path: Path) -> None:
    (tmp_path / "text.st").write_text("text")
    for path, values, said in (
        (generator, ["crowd"], "no class 'crowd': this generator knows 0 few, 1 some, 2 many"),
        (generator, ["few", 0], "label 'few' is asked for twice"),
        (tmp_path / "text.st", [0], "is not a readable safetensors file"),
        (tmp_path / "none.st", [0], "no generator at"),
    ):
        with pytest.raises(ThrongError, match=said):
            sample(tmp_path, path, labels=Chosen(kind="chosen", values=values))
