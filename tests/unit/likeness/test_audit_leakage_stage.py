import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.rows import synthetic_row
from tests.unit.likeness.pictures import COPIES, cropped, picture
from throng.errors import ThrongError
from throng.images import encode_jpeg, encode_png, image_id
from throng.likeness.looking import Observer
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.release.leaking import leaking
from throng.sections.audit_leakage import AuditLeakage
from throng.sections.base import output_slice
from throng.stage import Context, Files
from throng.stages import audit_leakage
from throng.tables import images, synthetic
from throng.tables.images import ImageRow

PROVENANCE = Provenance("test", {}, "code", 0)
Record = dict[str, Any]


class World:
    """Photographs of one source, an image that was synthesised of none, and a known test set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.made = folder, [], []
        for name in ("photographs", "known", "results/ingest"):
            (folder / name).mkdir(parents=True)

    def photograph(self, name: str, split: str, data: bytes, *, redistributable: bool = True) -> None:
        (self.folder / "photographs" / name).write_bytes(data)
        values: Record = dict.fromkeys(ImageRow.__slots__) | {
            "id": image_id(data), "source": "web", "path": name, "sha256": "", "bytes": len(data), "format": "jpeg",
            "width": 320, "height": 240, "channels": 3, "split": split, "scene": f"web/{name}", "licence": "CC0-1.0",
            "redistributable": redistributable, "erratum": "", "status": "ok", "reason": "",
        }  # fmt: skip
        self.rows.append(ImageRow(**values))

    def synthesised(self, name: str, data: bytes) -> None:
        path = self.folder / "results" / "synthesize" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        self.made.append(synthetic_row(id=name, path=f"synthesize/{name}.png"))

    def run(self, threads: int = 1, encoder: Path | None = None, **said: Any) -> tuple[list[Record], Record]:
        """Return the rows of the table and the figures."""
        results = self.folder / "results"
        tables = {"images": results / "ingest" / "images.parquet", "synthetic": results / "synthetic.parquet"}
        write_table(tables["images"], images.TABLE, self.rows, PROVENANCE)
        write_table(tables["synthetic"], synthetic.TABLE, self.made, PROVENANCE)
        sets = [{"name": path.stem, "folder": str(path)} for path in sorted(self.folder.glob("known*"))]
        said |= {"test_sets": sets, "encoder": str(encoder) if encoder else None}
        config = AuditLeakage.model_validate(said)
        given = {name: [str(path)] for name, path in tables.items()}
        given |= {"test_sets": [one["folder"] for one in sets], "encoder": [str(encoder)] if encoder else []}
        named = {"table": "near_duplicates.parquet", "figures": "leakage.json", "page": "leakage.html"}
        outputs = Files({name: [str(results / "audit_leakage" / file)] for name, file in named.items()})
        context = Context(
            stage="audit_leakage", seed=0, threads=threads, wildcards={},
            roots={"results": results, "web": self.folder / "photographs"},
            config={"audit_leakage": output_slice(config), "seed": 0}, code="c0de", parents={},
        )  # fmt: skip
        audit_leakage.run(Files(given), outputs, config, context)
        return pq.read_table(outputs.one("table")).to_pylist(), json.loads(outputs.one("figures").read_text())

    @property
    def made_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "results" / "audit_leakage").iterdir()}


def changed(seed: int, how: str, quality: int = 95) -> bytes:
    return encode_jpeg(COPIES[how](picture(seed)), quality)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Twelve photographs; three of those for training, and a synthesised one, are copies of what is held out."""
    made = World(tmp_path)
    for seed, split in enumerate(["train"] * 6 + ["val"] * 3 + ["test"] * 3):
        made.photograph(f"{seed:02}.jpg", split, encode_jpeg(picture(seed)), redistributable=seed != 11)
    made.photograph("again.jpg", "train", changed(11, "compressed", 50))
    made.photograph("turned.jpg", "train", changed(8, "cropped and mirrored"))
    made.photograph("later.jpg", "val", changed(10, "halved"))
    made.synthesised("s1", encode_png(picture(20)))
    made.synthesised("s2", encode_png(picture(21)))
    (tmp_path / "known" / "exam.png").write_bytes(encode_png(picture(21)))
    (tmp_path / "known" / "other.png").write_bytes(encode_png(picture(22)))
    return made


def test_copies_of_held_out_images_are_found_and_nothing_else_is_claimed(world: World):
    rows, figures = world.run()
    leaks = {
        (row["path"], row["other_path"], row["mirrored"], row["identical"]) for row in rows if row["verdict"] == "leak"
    }
    assert leaks == {
        ("again.jpg", "11.jpg", False, False),
        ("turned.jpg", "08.jpg", True, False),
        ("later.jpg", "10.jpg", False, False),
        ("synthesize/s2.png", "exam.png", False, True),
    }
    assert figures["leaks"]["images"] == figures["leaks"]["pairs"] == 4
    assert figures["looked_at"] == {
        "images": {"train": 8, "val": 4, "test": 3}, "synthetic": {"train": 2}, "test_set": {"test": 2}
    }  # fmt: skip
    reasons = leaking(world.folder / "results" / "audit_leakage" / "near_duplicates.parquet")
    assert reasons["s2"] == "near copy of a held-out image: exam.png of known (test)"
    assert len(reasons) == 4


def test_the_page_shows_the_pairs_fetches_nothing_and_warns_of_closed_sources(world: World):
    world.run(title="who <leaks>?")
    page = world.made_files["leakage.html"].decode()
    assert "who &lt;leaks&gt;?" in page
    assert "Do not pass this page on" in page
    assert page.count("data:image/jpeg;base64") >= 8
    assert "http" not in page.replace("http-equiv", "")


def test_more_threads_give_the_same_bytes(world: World):
    world.run()
    alone = world.made_files
    world.run(threads=3)
    assert world.made_files == alone


def test_a_test_photograph_is_no_leak_into_the_test_set_that_it_belongs_to(tmp_path: Path):
    world = World(tmp_path)
    for seed in (1, 2):
        world.photograph(f"{seed}.jpg", "test", encode_jpeg(picture(seed)))
        (tmp_path / "known" / f"{seed}.jpg").write_bytes(encode_jpeg(picture(seed)))
    assert world.run()[0] == []


def test_a_test_set_may_be_a_zip_and_what_cannot_be_read_of_it_is_said(tmp_path: Path):
    world = World(tmp_path)
    world.photograph("1.jpg", "train", changed(1, "mirrored"))
    (tmp_path / "known").rmdir()
    with zipfile.ZipFile(tmp_path / "known.zip", "w") as archive:
        archive.writestr("images/a.png", encode_png(picture(1)))
        archive.writestr("images/broken.jpg", encode_jpeg(picture(2))[:500])
        archive.writestr("readme.txt", "no image")
    rows, figures = world.run()
    assert [(row["other_source"], row["other_path"]) for row in rows] == [("known", "images/a.png")]
    assert [(one["path"], bool(one["reason"])) for one in figures["not_looked_at"]] == [("images/broken.jpg", True)]
    assert "whether they leak is not known" in world.made_files["leakage.html"].decode()


def test_a_test_set_without_images_stops_the_stage(tmp_path: Path):
    world = World(tmp_path)
    world.photograph("1.jpg", "train", encode_jpeg(picture(1)))
    with pytest.raises(ThrongError, match=r"test_sets: known has no image in .*known; name the folder or \.zip"):
        world.run()


def test_even_images_are_copies_only_of_equal_bytes(tmp_path: Path):
    world = World(tmp_path)
    even = [np.full((50, 60, 3), grey, np.uint8) for grey in (0, 255)]
    world.photograph("black.jpg", "train", encode_jpeg(even[0]))
    world.photograph("white.jpg", "train", encode_jpeg(even[1]))
    (tmp_path / "known" / "black.jpg").write_bytes(encode_jpeg(even[0]))
    assert [(row["path"], row["identical"]) for row in world.run()[0]] == [("black.jpg", True)]


def test_a_killed_job_looks_at_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch):
    world.run()
    wanted = world.made_files
    looked: list[str] = []
    look: Callable[..., Any] = Observer.look

    def noted(self: Observer, key: str, batch: Any) -> Any:
        looked.append(key)
        return look(self, key, batch)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Observer, "look", noted)
    with monkeypatch.context() as broken:
        broken.setattr(audit_leakage, "write_table", killed)
        with pytest.raises(KeyboardInterrupt):
            world.run()
    first = len(looked)
    world.run()
    assert first == len(looked) > 0
    assert world.made_files == wanted
    assert not list((world.folder / "results" / ".work").rglob("*.json"))


@pytest.mark.slow  # imports torch
def test_an_encoder_finds_heavier_crops_than_hashes_do(tmp_path: Path):
    import torch

    from throng.encoders.files import save_network
    from throng.encoders.registry import build_encoder

    world = World(tmp_path)
    world.photograph("part.jpg", "train", encode_jpeg(cropped(picture(1, 480, 640), 0.55, 0.1, 0.7)))
    for seed in (1, 2):
        (tmp_path / "known" / f"{seed}.png").write_bytes(encode_png(picture(seed, 480, 640)))
    assert world.run()[0] == []
    torch.manual_seed(0)
    save_network(tmp_path / "net.safetensors", build_encoder("small"), kind="ranker", recipe={})
    rows, figures = world.run(encoder=tmp_path / "net.safetensors")
    assert [row["other_path"] for row in rows if row["verdict"] == "leak"] == ["1.png"]
    assert all(-1 <= row["similarity"] <= 1 for row in rows)
    assert len(figures["settings"]["encoder"]["sha256"]) == 64
