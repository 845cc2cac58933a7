"""Section ``audit_leakage``: which images are near copies of each other across splits and known test sets."""

from typing import Annotated

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, runtime, setting

Share = Annotated[float, Field(ge=0.5, lt=1)]


class TestSet(Section):
    """Images that nothing of a release may show, because others are measured on them."""

    name: str = setting(
        ..., "name of the test set, used in the table and on the page", pattern=r"^[a-z0-9][a-z0-9_-]*$"
    )
    folder: str = runtime(..., "the user's copy: a folder or .zip of its test images, absolute or below data_root")


class AuditLeakage(Section):
    """Looks for near copies across splits and in known test sets, by perceptual hash and by embedding; a page."""

    title: str = setting("near copies", "title of the page")
    distance: int = setting(
        10, "most bits, of 64, in which the perceptual hashes of images that are compared differ", ge=0, le=16
    )
    crops: list[Share] = setting(
        [0.9, 0.8], "shares of width or height that a crop may have kept to be found by its hash; [] for none"
    )
    agreement: float = setting(
        0.75, "share of blocks that agree, one picture laid over the other, from which on they are copies", gt=0, le=1
    )
    neighbours: int = setting(8, "most images of the nearest hashes, and of features, that one is compared with", ge=1)
    test_sets: Annotated[list[TestSet], AfterValidator(named_apart)] = setting(
        [], "known test sets that no released sample may show again"
    )
    encoder: str | None = runtime(
        None,
        "file of pretrain_rank, pretrain_count or fit_counts, or hub:<name>, whose features find heavier crops than "
        "hashes do; its sha256 is recorded; null: hashes alone",
    )
    device: str = runtime("cpu", "torch device of the encoder: cpu, cuda, cuda:0, ...")
    pictures: int = setting(40, "most pairs on the page, copies first", ge=0)
    picture: int = setting(320, "width of a picture on the page, pixels", ge=16)


def chosen_modules(section: AuditLeakage) -> tuple[str, ...]:
    """Return the modules that only a section with an encoder needs."""
    return ("throng.likeness.features",) if section.encoder else ()
