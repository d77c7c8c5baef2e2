"""The tree, its proofs and its checkpoints against published vectors and pymerkle's own tree."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.log import Entry, StoredTree, checkpoints, decode, encode, grow, leaf_hash
from anju.trust.log.checkpoints import COSIGNATURE, Checkpoint, Note, Verifier
from anju.trust.log.proofs import is_consistent, is_included
from anju.trust.log.tiles import Place, edge
from anju.trust.log.verifying import Frontier
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "merkle_rfc6962.json").read_text())
AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


class Shelf:
    """Tiles in memory, counting how many were read."""

    def __init__(self) -> None:
        self.tiles: dict[Place, bytes] = {}
        self.size = self.read = 0

    def append(self, leaves: Sequence[bytes]) -> None:
        self.tiles.update(grow(self.size, leaves, {p: self.tiles[p] for p in edge(self.size)}))
        self.size += len(leaves)

    def __call__(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        self.read += len(places)
        return {p: self.tiles[p] for p in places if p in self.tiles}

    def tree(self) -> StoredTree:
        return StoredTree(self.size, self)


def test_roots_and_proofs_of_the_published_tree() -> None:
    told = VECTORS["tree"]
    shelf = Shelf()
    shelf.append([leaf_hash(bytes.fromhex(leaf)) for leaf in told["leaves_hex"]])
    for size, root in enumerate(told["roots_hex_by_size"]):
        assert shelf.tree().root(size).hex() == root
    for seq, path in enumerate(told["inclusion_proofs_size8_hex"]):
        assert [h.hex() for h in shelf.tree().inclusion(seq)] == path
    for pair, path in told["consistency_hex"].items():
        first, second = map(int, pair.split("-"))
        assert [h.hex() for h in shelf.tree().consistency(first, second)] == path


def _path(case: dict[str, Any]) -> list[bytes]:
    return [b64decode(h) for h in case["proof"] or ()]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda c: c["case"])
def test_published_inclusion_cases(case: dict[str, Any]) -> None:
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    assert is_included(case["leafIdx"], case["treeSize"], leaf, root, _path(case)) is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda c: c["case"])
def test_published_consistency_cases(case: dict[str, Any]) -> None:
    roots = b64decode(case["root1"]), b64decode(case["root2"])
    holds = is_consistent(case["size1"], roots[0], case["size2"], roots[1], _path(case))
    # A tree of nothing proves nothing: refused by choice.
    assert holds is not (case["wantErr"] or case["size1"] == 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=5), st.data())
def test_any_way_of_appending_gives_pymerkles_tree(batches: list[int], data: st.DataObject) -> None:
    shelf, other, frontier = Shelf(), InmemoryTree("sha256"), Frontier()
    for batch in batches:
        lines = [b"%d" % (shelf.size + i) for i in range(batch)]
        shelf.append([leaf_hash(line) for line in lines])
        for line in lines:
            other.append_entry(line)
            frontier.add(leaf_hash(line))
    size = shelf.size
    assert shelf.tree().root() == other.get_root() == frontier.root()
    if size:
        seq = data.draw(st.integers(0, size - 1))
        prior = data.draw(st.integers(1, size))
        leaf, root, proof = leaf_hash(b"%d" % seq), shelf.tree().root(), shelf.tree().inclusion(seq)
        assert proof == other.prove_inclusion(seq + 1).path[1:]
        assert is_included(seq, size, leaf, root, proof)
        assert not is_included(seq, size, leaf_hash(b"x"), root, proof)
        earlier, proof = shelf.tree().root(prior), shelf.tree().consistency(prior)
        assert is_consistent(prior, earlier, size, root, proof)
        assert not is_consistent(prior, leaf_hash(b"x"), size, root, proof)
        assert not is_consistent(prior, earlier, size, root, [*proof, root])


def test_a_proof_touches_few_tiles() -> None:
    shelf = Shelf()
    shelf.append([b"%032d" % i for i in range(70_000)])
    shelf.read = 0
    shelf.tree().inclusion(12_345)
    assert shelf.read <= 8


def test_an_entry_comes_back_and_its_hash_tells_nothing() -> None:
    actor = Actor("account:1", "station_worker", "990102", "")
    entry = Entry.of(
        actor, "person.read", AT, purpose="schooling", subject="person:0123456789ABC", detail={"n": 2}
    )
    first, second = encode([entry, entry])
    assert decode(first) == decode(second) == entry
    assert entry.person_code == "0123456789ABC"
    assert leaf_hash(first) != leaf_hash(second)


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "maybe"},
        {"action": ""},
        {"at": datetime(2026, 1, 1)},
        {"detail": {"x": "y" * 201}},
        {"subject": "person:" + "9" * 18},
        {"subject": "batch:" + "x" * 120},
        {"subject": "batch:\x00"},
        {"office": "police:" + "9" * 16},
        {"account": "a\nb"},
        {"detail": {"x": [1]}},
    ],
)
def test_a_broken_entry_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        Entry(**{"at": AT, "account": "a", "role": "r", "action": "person.read"} | wrong)  # type: ignore[arg-type]


def test_a_note_signed_elsewhere_verifies() -> None:
    """The example of the note format's reference documentation."""
    key = Verifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert Note.parse(text).signed_by(key)
    assert not Note.parse(text.replace("answer", "ANSWER")).signed_by(key)


def test_a_checkpoint_with_log_witness_and_national_signatures() -> None:
    log, eye = bytes([1]) * 32, bytes([2]) * 32
    told = Checkpoint("example.org/log", 5, bytes(32))
    note = checkpoints.add_national(checkpoints.sign(told, told.origin, log), told.origin, log)
    note = checkpoints.cosign(note, "example.org/witness", eye, 1_700_000_000)
    back = Note.parse(note.text())
    assert back == note
    assert back.checkpoint == told
    own = Verifier(told.origin, checkpoints.ED25519, INTERNATIONAL.public(log))
    national = Verifier(told.origin, checkpoints.SM2, NATIONAL.public(log))
    witness = Verifier("example.org/witness", COSIGNATURE, INTERNATIONAL.public(eye))
    assert all(back.signed_by(Verifier.parse(str(v))) for v in (own, national, witness))
    assert back.witnessed_at(witness) == 1_700_000_000
    later = Note(back.body, tuple(s for s in back.signatures if s.key_id != witness.id))
    assert later.witnessed_at(witness) is None
    moved = Note.parse(note.text().replace("\n5\n", "\n6\n"))
    assert not any(moved.signed_by(v) for v in (own, national, witness))


@pytest.mark.parametrize(
    "text", ["", "a\n1\nAAA=\n", "a\nx\n\n\n— a b\n", "a\n1\n" + "A" * 43 + "=\n\n", "x\n\n— a !!\n"]
)
def test_broken_notes_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        Note.parse(text).checkpoint  # noqa: B018
