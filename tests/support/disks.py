"""Small disks to fill, and disks that fail: real ones, as far as this machine lets a test make them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Fails fsync and fdatasync: once if the named file is there (it is removed), always if it is a folder.
_BROKEN_SYNC = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    const char *path = getenv("WAYPOST_TEST_SYNC_FAILS");
    if (path == NULL || (unlink(path) != 0 && access(path, F_OK) != 0)) return 0;
    errno = EIO;
    return 1;
}

int fsync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


@contextmanager
def small_disk(folder: Path, size: str, mode: str = "0755") -> Iterator[Path]:
    """A file system in memory of this size (as `mount` spells it) at `folder`; skips where mounting is not allowed."""
    folder.mkdir()
    options = f"size={size},mode={mode}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill_up(folder: Path, leave: int = 0) -> Path:
    """Fill the disk of `folder` but for `leave` bytes; the file to remove again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\1" * 65536)
        except OSError:
            pass
        try:
            while True:
                file.write(b"\1" * 512)
        except OSError:
            pass
        file.truncate(file.tell() - leave)
    return ballast


def broken_sync(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment of a process whose fsync can fail, and the path that makes it: see above. Needs gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc to make a failing fsync with")
    source, library, switch = folder / "sync.c", folder / "sync.so", folder / "sync-fails"
    source.write_text(_BROKEN_SYNC)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "WAYPOST_TEST_SYNC_FAILS": str(switch)}, switch
