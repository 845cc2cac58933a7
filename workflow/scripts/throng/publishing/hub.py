"""A release published to a dataset repository of the Hugging Face hub: everything in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from throng.errors import ThrongError
from throng.publishing.parcel import Entry, Parcel, Plan

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PREFIX = "hf://datasets/"
KIND = "dataset"
# the hub stores what is larger by its sha256 alone
GIT_BYTES = 32 * 2**20
KEPT = frozenset({".gitattributes"})


class HubTarget:
    """A dataset repository by ``hf://datasets/owner/name``, with ``@revision`` for a branch other than main.

    Readers see the repository before the commit or after it. What an interrupted attempt has sent stays on the hub
    without a commit, and is not sent again.
    """

    def __init__(self, url: str, *, private: bool = False, api: HfApi | None = None) -> None:
        """Take the address apart; raises ThrongError when it is none."""
        import huggingface_hub

        self.url, self._private = url, private
        self._repo, _, revision = url.removeprefix(PREFIX).partition("@")
        self._revision = revision or "main"
        if self._repo.count("/") != 1 or not all(self._repo.split("/")):
            raise ThrongError(f"{url}: expected {PREFIX}owner/name, or {PREFIX}owner/name@branch")
        self._api = api or huggingface_hub.HfApi()

    def survey(self, parcel: Parcel) -> Plan:
        """Compare the files with those of the repository, by the hashes that the hub states."""
        stated = self._stated()
        notes = [] if stated is not None else [f"makes the {'private' if self._private else 'public'} repository"]
        known = stated or {}
        there = [entry for entry in parcel.files.values() if known.get(entry.path) in _hashes(parcel, entry)]
        delete = sorted(set(known) - set(parcel.files) - KEPT)
        return Plan([entry for entry in parcel.files.values() if entry not in there], there, delete, notes)

    def publish(self, parcel: Parcel, done: Callable[[Entry], None]) -> str:
        """Send what the hub has not, commit it at once with what goes, and compare the hashes of the commit."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        if self._stated() is None:
            self._call("make the repository", self._make)
        plan = self.survey(parcel)
        head = self._call("look at the repository", self._api.repo_info, self._repo, **self._place()).sha
        additions = [CommitOperationAdd(entry.path, str(parcel.local(entry))) for entry in plan.send]
        if additions or plan.delete:
            self._call(
                "commit",
                self._api.create_commit,
                self._repo,
                [*additions, *(CommitOperationDelete(path) for path in plan.delete)],
                commit_message=f"{parcel.name} {parcel.version}",
                parent_commit=head,
                **self._place(),
            )
        stated = self._stated() or {}
        for entry in parcel.files.values():
            if stated.get(entry.path) not in _hashes(parcel, entry):
                raise parcel.differs(entry, f"{self.url}/{entry.path}")
            done(entry)
        return f"{self._api.endpoint}/datasets/{self._repo}"

    def _place(self) -> dict[str, Any]:
        return {"repo_type": KIND, "revision": self._revision}

    def _make(self) -> None:
        self._api.create_repo(self._repo, repo_type=KIND, private=self._private, exist_ok=True)
        if self._revision != "main":
            self._api.create_branch(self._repo, branch=self._revision, repo_type=KIND, exist_ok=True)

    def _stated(self) -> dict[str, str] | None:
        """Return the sha256 or the git hash of every file of the repository, None when there is none yet."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        def listed() -> dict[str, str]:
            tree = self._api.list_repo_tree(self._repo, recursive=True, **self._place())
            return {file.path: _stated_hash(file) for file in tree if hasattr(file, "blob_id")}

        try:
            return self._call("list the repository", listed)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None

    def _call(self, what: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            return function(*given, **named)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            if what == "list the repository":
                raise
            raise ThrongError(f"{self.url}: cannot {what}: the hub knows no such repository for this login") from None
        except Exception as error:  # the client's HTTP library has errors of its own, which are no OSError
            said = " ".join(str(error).split())
            raise ThrongError(
                f"{self.url}: cannot {what} ({said}); log in with `hf auth login` or set HF_TOKEN, and publish again: "
                f"what has arrived is kept"
            ) from error


def _stated_hash(file: Any) -> str:
    return file.lfs.sha256 if file.lfs else file.blob_id


def _hashes(parcel: Parcel, entry: Entry) -> tuple[str, ...]:
    """Return the hashes by which the hub may state a file: its sha256, and for small ones that of git."""
    if entry.bytes > GIT_BYTES:
        return (entry.sha256,)
    data = parcel.local(entry).read_bytes()
    return entry.sha256, hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
