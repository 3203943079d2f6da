"""The collector of garbage stops everybody while it looks at objects: in one go, it looks at few."""

import subprocess
import sys

# Keeps objects as a long transaction does, and prints with how many of the young ones a collection began at most.
_PROGRAM = """
import gc
from waypost.main import collect_a_little_at_a_time

looked_at = []

def note(phase, info):
    if phase == "start" and info["generation"] < 2:
        looked_at.append(sum(len(gc.get_objects(young)) for young in range(info["generation"] + 1)))

collect_a_little_at_a_time()
gc.callbacks.append(note)
kept = [[n] for n in range(200_000)]
print(len(looked_at), max(looked_at))
"""


def test_no_collection_of_young_objects_looks_at_many() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True)
    collections, most = map(int, done.stdout.split())
    assert collections > 20
    assert 5_000 <= most <= 20_000
