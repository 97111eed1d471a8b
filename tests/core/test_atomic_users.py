"""Whatever recweave writes to disk is whole or not there, also when the disk is full."""

import errno
import os
import zipfile
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scipy import sparse

import recweave.store.arrays as store
from recweave.core.atomic import write_json
from recweave.core.settings import Settings
from recweave.data import catalogue, download
from recweave.data.dataset import Dataset
from recweave.data.known import File, Known, Layout
from recweave.data.profiles import SCHEMA, Profiles
from recweave.data.unpack import unpack
from recweave.encode import Feature
from recweave.enrich import job
from recweave.llm import Message, Request, Server
from recweave.llm.batch import export
from recweave.runs.folder import RunFolder
from recweave.runs.layout import RESULT
from recweave.runs.provenance import write_provenance


def write_arrays(path):
    store.write(path, {"new": np.ones(3)}, {"format": 1})


def write_dataset(path):
    Dataset("new", users=pl.DataFrame({"user_id": ["u"]})).save(path)


def write_profiles(path):
    Profiles(pl.DataFrame(schema=SCHEMA), "data", "split").save(path)


def unpack_archive(path):
    with zipfile.ZipFile(path.parents[1] / "a.zip", "w") as archive:
        archive.writestr("log.txt", "u a b")
        archive.writestr("more.txt", "u a b")
    unpack(path.parents[1] / "a.zip", path)


def fetch_file(path):
    download.fetch("https://example.org/log.zip", path)


def fetch_dataset(path):
    files = (File(name="log.txt", addresses=("https://example.org/log.txt",)),)
    layouts = (Layout(mark="log.txt", source="sequence"),)
    known = {"what": "", "licence": "", "citation": "", "page": "https://example.org"}
    catalogue.DATASETS[path.name] = Known(files=files, layouts=layouts, **known)
    try:
        catalogue.get(path.name, Settings(data=None, home=path.parents[1]))
    finally:
        del catalogue.DATASETS[path.name]


def copy_cell(path):
    run = RunFolder(path.parents[1])
    finished = path.parents[1] / "cells" / "als.0"
    finished.mkdir(parents=True, exist_ok=True)
    (finished / RESULT).write_text('{"seed": 0}')
    run.copy_cell("als", 0, 1)


def write_rows(path):
    used = {"reviews": sparse.csr_array(np.eye(3, dtype=np.float32))}
    vectors, present = np.ones((3, 2), np.float32), np.ones(3, bool)
    write_provenance({"text": Feature(vectors, present, "encoder", "source", used)}, path)


def export_batch(path):
    server = Server("model", "http://127.0.0.1/v1")
    requests = {str(n): Request(str(n), (Message("user", "text"),), Settings) for n in range(3)}
    export(server, requests, path)


def write_part(path):
    job._store(pl.DataFrame(schema=SCHEMA), path.parent)


def begin_job(path):
    job._begin(path.parent, {"seed": "1"})


REPLACED = {  # by what is written: the writer, the name, whether it is a folder
    "arrays": (write_arrays, "model", True),
    "profiles": (write_profiles, "profiles.parquet", False),
    "a downloaded file": (fetch_file, "log.zip", False),
    "JSON": (lambda path: write_json(path, {"new": 1}), "file.json", False),
    "a copied cell": (copy_cell, "als.1", True),
    "provenance": (write_rows, "provenance.parquet", False),
    "a batch": (export_batch, "batch.jsonl", False),
}
NEW = {
    "a dataset": (write_dataset, "dataset"),
    "an unpacked archive": (unpack_archive, "archive"),
    "a fetched dataset": (fetch_dataset, "toy"),
    "texts of a job": (write_part, "000000.parquet"),
    "what a job is for": (begin_job, job.JOB),
}
RESUMED = {".part", ".parts", ".tag"}
"""A download is kept and goes on later; these are no drafts."""


def snapshot(folder):
    """The content of every file, without downloads that go on later."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if not RESUMED & {part.suffix for part in (path, *path.parents)}
    }


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder to write into, where each writer expects it; downloads come from nowhere."""
    monkeypatch.setattr(download, "_receive", lambda address, part, limit: part.write_text("u a b"))

    def place(name):
        parent = tmp_path / {"als.1": "cells", "toy": "data"}.get(name, "target")
        parent.mkdir()
        return parent / name

    return SimpleNamespace(of=place, root=tmp_path)


@pytest.fixture(params=["flushing", "the last rename"])
def full_disk(request, monkeypatch):
    """Call it, and what is written next fails at the end of its draft, or at its renaming."""

    def refuse(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    def break_disk():
        if request.param == "flushing":
            monkeypatch.setattr(os, "fsync", refuse)
            return
        for name in ("rename", "replace"):
            real = getattr(os, name)

            def fail(source, target, real=real):
                if str(source).endswith((".draft", ".part")):
                    refuse()
                real(source, target)

            monkeypatch.setattr(os, name, fail)

    return break_disk


@pytest.mark.parametrize("what", REPLACED)
def test_a_write_that_fails_leaves_the_older_content(what, places, full_disk):
    writer, name, folder = REPLACED[what]
    path = places.of(name)
    if folder:
        store.write(path, {"old": np.ones(2)}, {"format": 1})
    else:
        path.write_text("old")
    older = snapshot(path.parent)
    full_disk()
    with pytest.raises(OSError, match="no space left"):
        writer(path)
    held = snapshot(path.parent)
    held = {name: content for name, content in held.items() if not name.startswith("als.0")}
    assert held == older


@pytest.mark.parametrize("what", NEW)
def test_a_write_that_fails_leaves_nothing(what, places, full_disk):
    writer, name = NEW[what]
    path = places.of(name)
    full_disk()
    with pytest.raises(OSError, match="no space left"):
        writer(path)
    assert snapshot(path.parent) == {}


@pytest.mark.parametrize("what", REPLACED | NEW)
def test_a_write_that_succeeds_leaves_no_draft(what, places):
    writer, name, *_ = (REPLACED | NEW)[what]
    path = places.of(name)
    writer(path)
    assert path.exists()
    assert not [found for found in places.root.rglob(".*") if not RESUMED & {found.suffix}]
