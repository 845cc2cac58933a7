"""Section ``report``: the page to look at."""

from throng.sections.base import Section, setting


class Report(Section):
    """The explorer: counts per stage, every sample with what made it, curves and metrics."""

    title: str = setting("throng", "title of the page")
    most: int = setting(100_000, "samples of each kind that can be looked at; more are drawn from by hash", ge=1)
    page: int = setting(100, "samples in one data file, which the page reads when it shows one of them", ge=1)
    thumbnail: int = setting(256, "width of a thumbnail, pixels", ge=64)
    views: int = setting(200, "samples of each kind, those shown first, whose images are kept large too", ge=0)
    view: int = setting(1024, "width of a large image, pixels; no image is enlarged", ge=64)
    gans: list[str] = setting([], "names in train_gan.gans whose training and evaluation the page shows; runs both")
    rankers: list[str] = setting([], "names in pretrain_rank.encoders whose training the page shows; runs it")
    ladder: bool = setting(False, "show the table of counters without labels; runs stage ladder")
