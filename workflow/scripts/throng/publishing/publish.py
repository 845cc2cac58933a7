"""One address for every place: a folder, a store's URL, a repository of the hub."""

from __future__ import annotations

from pathlib import Path

from throng.errors import ThrongError
from throng.publishing.folders import FolderTarget
from throng.publishing.hub import PREFIX, HubTarget
from throng.publishing.parcel import Target
from throng.publishing.stores import StoreTarget


def target_of(address: str, *, private: bool = False, jobs: int = 4) -> Target:
    """Return the place at an address; raises ThrongError for an address of no known kind."""
    if address.startswith(PREFIX):
        return HubTarget(address, private=private)
    if private:
        raise ThrongError(f"{address}: only a repository of the hub can be made private here; leave --private out")
    if address.startswith("hf://"):
        raise ThrongError(f"{address}: a release is a dataset; expected {PREFIX}owner/name")
    protocol, separator, rest = address.partition("://")
    if not separator:
        return FolderTarget(Path(address).expanduser())
    if protocol in {"file", "local"}:
        return FolderTarget(Path(rest))
    return StoreTarget(address, jobs)
