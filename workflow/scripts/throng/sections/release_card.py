"""What the card and the Croissant file say that no run can know."""

from throng.sections.base import Section, setting


class Card(Section):
    """Who releases the dataset, when, what for, and on what it was made."""

    creators: list[str] = setting(
        ["the makers of this release"], "who releases it: names of bodies, or of people as Family, Given", min_length=1
    )
    date: str = setting("2026-01-01", "day of publication, YYYY-MM-DD", pattern=r"^\d{4}-\d{2}-\d{2}$")
    url: str = setting("https://example.org/throng", "where the release is found")
    contact: str | None = setting(None, "where to write about errors and opt-outs; null: at url")
    purpose: str | None = setting(None, "why the dataset was made, in its makers' words")
    funding: str | None = setting(None, "who paid for it")
    bibtex: str | None = setting(
        None, "BibTeX entry of a publication to cite; null: an entry of the dataset itself is made from the keys above"
    )
    maintenance: str | None = setting(None, "how the dataset is kept up, and for how long")
    origins: dict[str, str] = setting({}, "by name of a source: the URL of the dataset that it is or was made from")
    model_licences: dict[str, str] = setting(
        {}, "by a model's file name, repository or sha256: its licence, passed through to the card"
    )
    hardware: str | None = setting(
        None,
        "class of machine that the run was made on, e.g. 2 CPU cores, no GPU: with it the card states what each stage "
        "took there, which differs between two runs, so that the card's bytes do as well; null: no times",
    )
    gpu_stages: list[str] = setting(
        [], "stages whose jobs ran on a GPU of that machine each: their seconds are GPU-seconds"
    )
