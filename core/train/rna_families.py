"""Synthetic families of RNAs: relatives that evolved from one ancestor, a shuffle, and the ensemble of structures of each.

Relatives descend from an ancestor (:mod:`core.train.rna_evolution`). A shuffle of a member keeps its length and every dinucleotide count
(Altschul and Erickson 1985): a negative that composition cannot tell apart. Every sequence is folded: its best structure, its pair probabilities
and structures drawn from its ensemble, with which a network learns not to trust a single one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.errors import Cancelled, InputError
from core.rna.ensemble import PairEnsemble, fold_ensemble
from core.storage import write_atomic
from core.train.rna_evolution import LONGEST, MARGIN, draw_ancestor, evolve

DISTRIBUTION = "rna-families-v3"
RELATIVES, SHUFFLES, SAMPLES = 4, 1, 2
"""Relatives and shuffles of a family, and structures drawn of each."""
MEMBERS = RELATIVES + SHUFFLES
MILDEST, FURTHEST = 0.05, (0.25, 0.75)
"""A relative strays by a strength between the mildest and its family's furthest, which lies in the given range."""
BLOCK = 50
"""Families a worker makes at a time."""
HELD_OUT = Path(__file__).resolve().parents[2] / "assets" / "rna" / "relatives.npz"
HELD_OUT_SEED, HELD_OUT_COUNT = 43, 200
"""Shipped families that no network is trained, selected or tested on: of them a trial asks what a network knows."""


@dataclass(frozen=True, eq=False)
class Families:
    """F families in few arrays.

    Attributes:
        sequences, folded: [F, MEMBERS] bytes; shuffles last; ``folded`` is the best structure.
        samples: [F, MEMBERS, SAMPLES] structures drawn from the ensemble.
        designed: [F, RELATIVES] the ancestor's structure carried through each relative's changes, as a curated consensus would be.
        origins: [F, RELATIVES, n] int16, the column of the ancestor each base comes from; -1: none.
        first, second, probability: base pairs of all sequences end to end, and ``pairs`` [F * MEMBERS]: how many each has.
    """

    sequences: np.ndarray
    folded: np.ndarray
    samples: np.ndarray
    designed: np.ndarray
    origins: np.ndarray
    first: np.ndarray
    second: np.ndarray
    probability: np.ndarray
    pairs: np.ndarray

    def __len__(self) -> int:
        return len(self.sequences)

    def lengths(self) -> np.ndarray:
        """[F] length (nt) of each family's first member."""
        return np.char.str_len(self.sequences[:, 0])

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.pairs)])

    def ensemble(self, family: int, member: int) -> PairEnsemble:
        """Pair probabilities of one sequence."""
        row = family * MEMBERS + member
        part = slice(self._ends[row], self._ends[row + 1])
        first, second = self.first[part].astype(np.int64), self.second[part].astype(np.int64)
        return PairEnsemble(len(self.sequences[family, member]), first, second, self.probability[part].astype(np.float32))

    @classmethod
    def join(cls, blocks: Sequence[dict[str, np.ndarray]], count: int) -> Families:
        """The first ``count`` families of blocks in order."""
        joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        kept = int(joined["pairs"][: count * MEMBERS].sum())
        flat = ("first", "second", "probability")
        return cls(**{k: v[: kept if k in flat else count * MEMBERS if k == "pairs" else count] for k, v in joined.items()})

    def save(self, path: Path) -> None:
        """Writes them as one file."""
        write_atomic(path, lambda p: np.savez_compressed(p, **{one.name: getattr(self, one.name) for one in fields(self)}))


@lru_cache(maxsize=1)
def held_out_families() -> Families:
    """The shipped families, made by ``python -m core library relatives``.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with np.load(HELD_OUT) as stored:
            return Families(**dict(stored))
    except (OSError, ValueError, TypeError, BadZipFile):
        raise InputError(f"The families of {HELD_OUT.name} cannot be read; restore assets/rna/{HELD_OUT.name} from the release.") from None


def make_families(
    count: int,
    seed: int,
    folder: Path,
    *,
    executor: Executor,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Families:
    """``count`` families of a seed, in blocks kept in ``folder``: what is on disk is not made again.

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    paths = [folder / f"families-{seed}" / f"{b:05d}.npz" for b in range(-(-count // BLOCK))]
    in_blocks(paths, lambda b: executor.submit(family_block, seed, b), on_progress=on_progress, should_stop=should_stop)
    blocks = []
    for path in paths:
        with np.load(path) as stored:
            blocks.append(dict(stored))
    return Families.join(blocks, count)


def in_blocks(
    paths: Sequence[Path],
    submit: Callable[[int], Future[dict[str, np.ndarray]]],
    *,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Computes the blocks whose files are missing and writes each as it comes; progress counts families.

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    waiting = {submit(b): b for b, path in enumerate(paths) if not path.exists()}
    while waiting:
        done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            arrays = future.result()
            write_atomic(paths[waiting.pop(future)], lambda p, a=arrays: np.savez_compressed(p, **a))  # type: ignore[misc]
        if on_progress:
            on_progress((len(paths) - len(waiting)) * BLOCK, len(paths) * BLOCK)
        if should_stop and should_stop():
            for future in waiting:
                future.cancel()
            raise Cancelled("Making the training data was stopped; the same command goes on from the finished blocks.")


def family_block(seed: int, block: int) -> dict[str, np.ndarray]:
    """The families of one block as arrays; depends on the seed and the block alone."""
    rng = random.Random(seed * 1_000_003 + block)
    made = [make_family(rng) for _ in range(BLOCK)]
    width = LONGEST + MARGIN
    origins = np.full((BLOCK, RELATIVES, width), -1, dtype=np.int16)
    for f, family in enumerate(made):
        for r, places in enumerate(family.origins):
            origins[f, r, : len(places)] = places
    ensembles = [ensemble for family in made for _, ensemble, _ in family.folds]
    joined = {name: np.concatenate([getattr(e, name) for e in ensembles]) for name in ("first", "second", "probability")}
    return {
        "sequences": _bytes([family.sequences for family in made], width),
        "folded": _bytes([[best for best, _, _ in family.folds] for family in made], width),
        "samples": _bytes([[drawn for _, _, drawn in family.folds] for family in made], width),
        "designed": _bytes([family.designed for family in made], width),
        "origins": origins,
        "first": joined["first"].astype(np.int16),
        "second": joined["second"].astype(np.int16),
        "probability": joined["probability"].astype(np.float16),
        "pairs": np.array([len(e.first) for e in ensembles], dtype=np.int32),
    }


@dataclass(frozen=True)
class Family:
    """``sequences`` (relatives, then shuffles), their ``folds`` (best structure, ensemble, drawn structures), and of the relatives the ``designed``
    structures and the ``origins`` of their bases."""

    sequences: list[str]
    folds: list[tuple[str, PairEnsemble, list[str]]]
    designed: list[str]
    origins: list[list[int]]


def make_family(rng: random.Random) -> Family:
    """One family."""
    ancestor = draw_ancestor(rng)
    furthest = rng.uniform(*FURTHEST)
    relatives = [evolve(ancestor, rng.uniform(MILDEST, furthest), rng) for _ in range(RELATIVES)]
    sequences = [sequence for sequence, _, _ in relatives]
    sequences += [shuffle_dinucleotides(sequences[i], rng) for i in range(SHUFFLES)]
    folds = [fold_ensemble(sequence, samples=SAMPLES, seed=rng.randrange(2**31)) for sequence in sequences]
    return Family(sequences, folds, [designed for _, designed, _ in relatives], [origins for _, _, origins in relatives])


def shuffle_dinucleotides(sequence: str, rng: random.Random) -> str:
    """A random sequence with exactly the same dinucleotide counts, first and last base (Altschul and Erickson 1985).

    The sequence is an Eulerian path over its letters; a random arborescence of last edges into the last letter makes the
    other edges free to be shuffled.
    """
    if len(sequence) < 3:
        return sequence
    edges: dict[str, list[str]] = {}
    for here, there in pairwise(sequence):
        edges.setdefault(here, []).append(there)
    end = sequence[-1]
    letters = sorted(edges)
    while True:
        last = {letter: rng.choice(edges[letter]) for letter in letters if letter != end}
        if all(_reaches(letter, end, last) for letter in last):
            break
    order = {}
    for letter in letters:
        rest = list(edges[letter])
        if letter in last:
            rest.remove(last[letter])
        rng.shuffle(rest)
        order[letter] = iter([*rest, last[letter]] if letter in last else rest)
    path = [sequence[0]]
    for _ in range(len(sequence) - 1):
        path.append(next(order[path[-1]]))
    return "".join(path)


def _reaches(letter: str, end: str, last: dict[str, str]) -> bool:
    for _ in range(len(last) + 1):
        if letter == end:
            return True
        letter = last[letter]
    return letter == end


def _bytes(texts: Sequence[Sequence[object]], width: int) -> np.ndarray:
    return np.array(texts, dtype=f"S{width}")
