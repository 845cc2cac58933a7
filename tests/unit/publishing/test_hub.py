"""A repository of the hub holds a release from one commit on, whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from tests.unit.publishing.hub_stand_in import Hub, running
from tests.unit.publishing.parcels import contents, make
from throng.errors import ThrongError
from throng.publishing.hub import HubTarget
from throng.publishing.parcel import Entry, parcel_of

REPO = "crowds/small"
# the hub's client sends commits as its HTTP library would rather not have them
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class DeadError(Exception):
    """An error of a library that nobody imports here."""


def quiet(_: Entry) -> None:
    """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with running() as hub:
        yield hub


def target(hub: Hub, private: bool = False) -> HubTarget:
    return HubTarget(f"hf://datasets/{REPO}", private=private, api=HfApi(endpoint=hub.endpoint, token="hf_x"))


@pytest.mark.parametrize("private", [False, True])
def test_release_arrives_in_one_commit(tmp_path: Path, hub: Hub, private: bool) -> None:
    parcel = parcel_of(make(tmp_path / "release"))
    plan = target(hub, private).survey(parcel)
    assert (len(plan.send), plan.there, plan.delete) == (8, [], [])
    assert plan.notes == [f"makes the {'private' if private else 'public'} repository"]
    assert hub.commits == {}
    seen: list[Entry] = []
    where = target(hub, private).publish(parcel, seen.append)
    assert where == f"{hub.endpoint}/datasets/{REPO}"
    assert len(hub.commits[REPO]) == 2
    assert hub.private[REPO] == private
    assert {name: data for name, data in hub.files(REPO).items() if name != ".gitattributes"} == contents(parcel.folder)
    assert len(seen) == 8


def test_interrupted_upload_shows_nothing_and_sends_nothing_twice(tmp_path: Path, hub: Hub) -> None:
    parcel = parcel_of(make(tmp_path / "release"))
    hub.fail_after = 2
    with pytest.raises(ThrongError, match=r"cannot commit .*what has arrived is kept"):
        target(hub).publish(parcel, quiet)
    assert set(hub.files(REPO)) == {".gitattributes"}
    hub.fail_after = None
    target(hub).publish(parcel, quiet)
    assert len(hub.sent) == len(set(hub.sent)) == 5
    assert len(hub.commits[REPO]) == 2


def test_next_version_sends_what_changed_and_deletes_what_went(tmp_path: Path, hub: Hub) -> None:
    target(hub).publish(parcel_of(make(tmp_path / "old", "0.1.0", data__a=b"a", data__b=b"b")), quiet)
    parcel = parcel_of(make(tmp_path / "new", "0.2.0", data__a=b"a", data__c=b"c"))
    plan = target(hub).survey(parcel)
    assert [entry.path for entry in plan.there] == ["data/a"]
    assert plan.delete == ["data/b"]
    target(hub).publish(parcel, quiet)
    assert set(hub.files(REPO)) == {*parcel.files, ".gitattributes"}
    assert hub.files(REPO)["data/c"] == b"c"
    before = len(hub.commits[REPO])
    target(hub).publish(parcel, quiet)
    assert len(hub.commits[REPO]) == before


def test_commit_of_somebody_else_meanwhile_is_not_written_over(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    target(hub).publish(parcel_of(make(tmp_path / "old")), quiet)
    commit = Hub.commit

    def late(self: Hub, repo: str, lines: list) -> bool:
        self.commits[repo].append(self.files(repo) | {"theirs.txt": b"x"})
        return commit(self, repo, lines)

    monkeypatch.setattr(Hub, "commit", late)
    with pytest.raises(ThrongError, match=r"cannot commit .*a commit has happened since"):
        target(hub).publish(parcel_of(make(tmp_path / "new", "0.2.0")), quiet)
    assert hub.files(REPO)["theirs.txt"] == b"x"


def test_garbled_file_is_noticed_by_the_hash_that_the_hub_states(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Hub.commit

    def garbled(self: Hub, repo: str, lines: list) -> bool:
        done = commit(self, repo, lines)
        self.files(repo)["data/1.parquet"] = b"?"
        return done

    monkeypatch.setattr(Hub, "commit", garbled)
    with pytest.raises(ThrongError, match=r"data/1\.parquet: arrived with another sha256"):
        target(hub).publish(parcel_of(make(tmp_path / "release")), quiet)


@pytest.mark.parametrize("url", ["hf://datasets/name", "hf://datasets//name", "hf://datasets/a/b/c"])
def test_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(ThrongError, match="expected hf://datasets/owner/name"):
        HubTarget(url)


def test_hub_that_does_not_answer_is_said_in_one_sentence(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(*_: object, **__: object) -> None:
        raise DeadError("connection refused")

    monkeypatch.setattr(HfApi, "list_repo_tree", dead)
    with pytest.raises(
        ThrongError, match=r"cannot list the repository \(connection refused\); log in with `hf auth login`"
    ):
        target(hub).survey(parcel_of(make(tmp_path / "release")))
