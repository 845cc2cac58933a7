"""The commands ``throng release sign`` and ``throng release credentials``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(soft_wrap=True)
Folder = Annotated[Path, typer.Argument(help="folder of a release", exists=True, file_okay=False)]


def sign(
    release: Folder,
    certificate: Annotated[
        Path, typer.Option(help="certificate chain, PEM, its own first", exists=True, dir_okay=False)
    ],
    key: Annotated[Path, typer.Option(help="private key of the certificate, PEM", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="Parquet file to write, outside of the release")],
    algorithm: Annotated[str, typer.Option(help="es256, es384, es512, ps256, ps384, ps512 or ed25519")] = "es256",
    authority: Annotated[
        str | None, typer.Option(help="URL of a time stamp authority (RFC 3161); none: no time")
    ] = None,
) -> None:
    """Sign Content Credentials (C2PA) for every image of a release that was made or edited, beside the release."""
    from throng.release.credentials import Signature, sign

    number = sign(release, out, Signature(certificate, key, algorithm, authority))
    console.print(f"{out}: manifests of {number} images")


def credentials(
    release: Folder,
    file: Annotated[Path, typer.Argument(help="what throng release sign wrote", exists=True, dir_okay=False)],
) -> None:
    """Check that every made or edited image of a release has Content Credentials that hold for its bytes."""
    from throng.release.credentials import check

    console.print(f"the manifests of {check(release, file)} images hold; whom to trust is yours to say")
