"""Embedding RNAs beside the ginfinity package, which lives in an environment of its own: it wants another torch and another licence.

The peer is a process of that environment which is given the same sequences and structures and answers each line with one pass.
Both build their graphs from sequence and dot-bracket and return a vector for every base.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.bench.rna_walk import RnaCase, random_fold
from core.errors import InputError
from core.rna.records import RnaRecord

SIZES = ((75, 1), (75, 64), (300, 64), (1000, 8), (3000, 2))
"""nt and RNAs in one batch."""
REPETITIONS = 7

_PEER = """
import json, sys, torch, ginfinity
given = json.loads(sys.stdin.readline())
torch.set_num_threads(given["threads"])
encoder = ginfinity.Ginfinity.load()
records = [ginfinity.RNA(*record) for record in given["records"]]
print(json.dumps(ginfinity.__version__), flush=True)
for line in sys.stdin:
    print(sum(len(found) for found in encoder.encode_many(records)), flush=True)
"""


def embedding_cases(python: str, checkpoint: str = "rna") -> Iterator[RnaCase]:
    """For each length and batch our embedding of every base against ginfinity's.

    Args:
        python: the Python of an environment that has ginfinity.
        checkpoint: which of our networks.

    Raises:
        InputError: that Python cannot be run, or has no ginfinity.
    """
    from core.models import load_checkpoint
    from core.rna import embed

    opened = load_checkpoint(checkpoint)  # both networks stay open between passes
    module, _ = opened
    size = sum(p.numel() for p in module.parameters())
    for nt, count in SIZES:
        draw = random.Random(nt)
        records = [RnaRecord(f"r{i}", "".join(draw.choices("ACGU", k=nt)), random_fold(nt, seed=i)) for i in range(count)]
        with peer(python, records) as (release, ask):
            yield RnaCase(
                task=f"RNA embedding, {nt:,} nt, batch {count} ({size:,} parameters)",
                nt=nt * count,
                peer=f"ginfinity {release}, CPU",
                ours=lambda r=records: embed(r, checkpoint=opened, level="base", device="cpu", batch_size=len(r)),  # type: ignore[misc]
                theirs=ask,
                repetitions=REPETITIONS,
                bound=float("nan"),
                difference=lambda: float("nan"),
            )


@contextmanager
def peer(python: str, records: list[RnaRecord]) -> Iterator[tuple[str, Any]]:
    """The peer's version, and a call that has it embed all records once.

    Raises:
        InputError: that Python cannot be run, or has no ginfinity.
    """
    import torch

    remedy = "give the Python of an environment with the ginfinity package"
    try:
        process = subprocess.Popen(
            [python, "-c", _PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
    except OSError as error:
        raise InputError(f"{python} cannot be run ({error.strerror}); {remedy}.") from None
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def say(text: str) -> str:
        try:
            stdin.write(text + "\n")
            stdin.flush()
        except BrokenPipeError:
            pass
        return stdout.readline()

    def ask() -> int:
        return int(say("again"))

    try:
        given = {"threads": torch.get_num_threads(), "records": [(r.id, r.sequence, r.structure) for r in records]}
        release = say(json.dumps(given))
        if not release:
            raise InputError(f"{python} does not run ginfinity; {remedy}.")
        yield json.loads(release), ask
    finally:
        process.kill()
        process.wait()
        stdin.close()
        stdout.close()
