"""Files and folders appear whole or not at all, whatever happens to their writers."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from recweave.core import atomic
from recweave.core.atomic import (
    atomic_file,
    atomic_folder,
    clear_drafts,
    move_into_place,
    read_json,
    write_json,
)
from recweave.core.errors import BadArtifact, BadInput

ANOTHER_HOST = "00000000"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_file(path, text, fail=None):
    with atomic_file(path) as draft:
        draft.write_text(text)
        if fail is not None:
            raise fail


def write_folder(path, text, fail=None, replace=True):
    with atomic_folder(path, replace=replace) as draft:
        (draft / "deep").mkdir()
        (draft / "deep" / "one").write_text(text)
        if fail is not None:
            raise fail
        (draft / "two").write_text(text)


def read(path):
    """The text of what either of them wrote; folders must be whole."""
    if path.is_file():
        return path.read_text()
    one, two = (path / name for name in ("deep/one", "two"))
    assert one.read_text() == two.read_text()
    return two.read_text()


WRITE = {"file": write_file, "folder": write_folder}
every_kind = pytest.mark.parametrize("kind", WRITE)


def script(tmp_path, body):
    """A Python program with `path` and the functions of `atomic` at hand."""
    head = (
        "import os, signal, sys, time\n"
        "from pathlib import Path\n"
        "from recweave.core import atomic\n"
        "from recweave.core.atomic import *\n"
        f"path = Path({str(tmp_path / 'target')!r})\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    return [sys.executable, "-c", head + body]


def run_and_die(tmp_path, body):
    done = subprocess.run(script(tmp_path, body), check=False)
    assert done.returncode == -signal.SIGKILL


def left_by(process, path, number=0, state="draft", host=None):
    """A file named like a draft of a process."""
    left = path.with_name(f".{path.name}.{host or atomic._host()}-{process}-{number}.{state}")
    left.write_text("half")
    return left


@pytest.fixture
def dead():
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@every_kind
def test_a_target_appears_when_it_is_complete_and_alone(tmp_path, kind):
    target = tmp_path / "new" / "target"
    WRITE[kind](target, "text")
    assert read(target) == "text"
    assert names(target.parent) == ["target"]


def test_drafts_lie_beside_their_target_and_name_the_process(tmp_path):
    with atomic_file(tmp_path / "target") as one, atomic_file(tmp_path / "target") as other:
        for draft in (one, other):
            draft.touch()
            assert draft.parent == tmp_path and f"-{os.getpid()}-" in draft.name
        assert one != other
        assert not (tmp_path / "target").exists()


@every_kind
def test_an_older_target_is_replaced(tmp_path, kind):
    for text in ("old", "new"):
        WRITE[kind](tmp_path / "target", text)
    assert read(tmp_path / "target") == "new"
    assert names(tmp_path) == ["target"]


@every_kind
@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_the_older_target_and_no_draft(tmp_path, kind, failure):
    WRITE[kind](tmp_path / "target", "old")
    with pytest.raises(failure):
        WRITE[kind](tmp_path / "target", "new", fail=failure())
    assert read(tmp_path / "target") == "old"
    assert names(tmp_path) == ["target"]


@every_kind
@pytest.mark.parametrize("failure", [OSError(errno.EIO, "input/output error"), KeyboardInterrupt()])
def test_a_last_rename_that_fails_leaves_the_older_target(tmp_path, kind, failure, monkeypatch):
    WRITE[kind](tmp_path / "target", "old")
    for name in ("rename", "replace"):
        real = getattr(os, name)

        def refuse(source, target, real=real):
            if str(target) == str(tmp_path / "target") and str(source).endswith(".draft"):
                raise failure
            real(source, target)

        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(type(failure)):
        WRITE[kind](tmp_path / "target", "new")
    assert read(tmp_path / "target") == "old"
    assert names(tmp_path) == ["target"]


@every_kind
def test_everything_is_flushed_to_disk_before_the_rename(tmp_path, kind, monkeypatch):
    done = []

    def note(event, real):
        return lambda *args: (done.append(event), real(*args))[1]

    monkeypatch.setattr(atomic, "_flush_file", note("flush", atomic._flush_file))
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, note("rename", getattr(os, name)))
    WRITE[kind](tmp_path / "target", "text", **{"folder": {"replace": False}}.get(kind, {}))
    # The folder holds two files and two folders; afterwards the parent's names are flushed.
    assert done == ["flush"] * {"file": 1, "folder": 4}[kind] + ["rename", "flush"]


def test_without_replace_a_target_that_exists_is_refused_before_any_work(tmp_path):
    write_folder(tmp_path / "target", "old")
    with (
        pytest.raises(BadInput, match="target exists already; remove it or choose another"),
        atomic_folder(tmp_path / "target", replace=False),
    ):
        raise AssertionError("the body was run")
    assert read(tmp_path / "target") == "old"
    assert names(tmp_path) == ["target"]


def test_without_replace_a_target_that_another_writer_made_meanwhile_stays(tmp_path):
    with (
        pytest.raises(BadInput, match="exists already"),
        atomic_folder(tmp_path / "target", replace=False) as draft,
    ):
        (draft / "mine").touch()
        write_folder(tmp_path / "target", "theirs", replace=False)
    assert read(tmp_path / "target") == "theirs"
    assert names(tmp_path) == ["target"]


def test_replacing_a_link_leaves_what_it_points_to(tmp_path):
    write_folder(tmp_path / "elsewhere", "precious")
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    write_folder(tmp_path / "target", "new")
    assert read(tmp_path / "target") == "new" and not (tmp_path / "target").is_symlink()
    assert read(tmp_path / "elsewhere") == "precious"


@every_kind
def test_a_writer_killed_in_the_middle_leaves_the_older_target(tmp_path, kind):
    WRITE[kind](tmp_path / "target", "old")
    begin = {
        "file": "with atomic_file(path) as draft:\n    draft.write_text('ha')\n",
        "folder": "with atomic_folder(path, replace=True) as draft:\n"
        "    (draft / 'two').write_text('ha')\n",
    }
    run_and_die(tmp_path, begin[kind] + "    die()\n")
    assert read(tmp_path / "target") == "old"
    assert len(names(tmp_path)) == 2
    WRITE[kind](tmp_path / "target", "new")
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("after", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_writer_killed_at_a_rename_leaves_a_whole_folder(tmp_path, number, after):
    """Aside, into place, to be removed: the three renames of a replacement."""
    write_folder(tmp_path / "target", "old")
    run_and_die(
        tmp_path,
        f"""
real, calls = os.rename, []
def rename(source, target):
    calls.append(source)
    if len(calls) == {number} and {after == "before"}: die()
    real(source, target)
    if len(calls) == {number}: die()
os.rename = rename
with atomic_folder(path, replace=True) as draft:
    (draft / "deep").mkdir()
    (draft / "deep" / "one").write_text("new")
    (draft / "two").write_text("new")
""",
    )
    clear_drafts(tmp_path)
    expected = "new" if (number, after) in {(2, "after"), (3, "before"), (3, "after")} else "old"
    assert read(tmp_path / "target") == expected
    assert names(tmp_path) == ["target"]


def test_the_next_writer_puts_back_what_a_killed_one_moved_aside(tmp_path, dead):
    write_folder(tmp_path / "target", "old")
    aside = left_by(dead, tmp_path / "target", state="old")
    aside.unlink()
    (tmp_path / "target").rename(aside)
    with pytest.raises(ValueError):
        write_folder(tmp_path / "target", "new", fail=ValueError())
    assert read(tmp_path / "target") == "old"
    assert names(tmp_path) == ["target"]


def test_a_folder_half_removed_after_its_replacement_is_never_put_back(tmp_path):
    write_folder(tmp_path / "target", "old")
    run_and_die(
        tmp_path,
        """
atomic.shutil.rmtree = lambda folder, **_: ((folder / "two").unlink(), die())
with atomic_folder(path, replace=True) as draft:
    (draft / "two").write_text("new")
""",
    )
    atomic._remove(tmp_path / "target")  # by the user
    clear_drafts(tmp_path)
    assert names(tmp_path) == []


@every_kind
def test_of_several_writers_at_once_one_wins_and_readers_see_whole_targets(tmp_path, kind):
    WRITE[kind](tmp_path / "target", "0" * 50_000)
    body = {
        "file": "    with atomic_file(path) as draft:\n        draft.write_text(text)\n",
        "folder": "    with atomic_folder(path, replace=True) as draft:\n"
        "        (draft / 'deep').mkdir()\n"
        "        (draft / 'deep' / 'one').write_text(text)\n"
        "        (draft / 'two').write_text(text)\n",
    }
    loop = "text = sys.argv[1] * 50_000\nfor _ in range(40):\n" + body[kind]
    writers = [subprocess.Popen([*script(tmp_path, loop), str(n)]) for n in (1, 2, 3)]
    while any(writer.poll() is None for writer in writers):
        if kind == "file":
            text = read(tmp_path / "target")
            assert len(text) == 50_000 and len(set(text)) == 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    text = read(tmp_path / "target")
    assert len(text) == 50_000 and set(text) < set("123")
    assert names(tmp_path) == ["target"]


def test_drafts_of_dead_processes_are_removed(tmp_path, dead):
    left_by(dead, tmp_path / "target")
    left_by(dead, tmp_path / "other.name")
    left_by(dead, tmp_path / "target", state="old")
    (tmp_path / "target").touch()
    clear_drafts(tmp_path)
    assert names(tmp_path) == ["target"]


def test_drafts_of_living_processes_stay(tmp_path):
    body = (
        "with atomic_file(path) as draft:\n    draft.touch()\n    print(1, flush=True)\n    input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(script(tmp_path, body), **pipes) as writer:
        writer.stdout.readline()
        with atomic_file(tmp_path / "mine") as mine:
            mine.touch()
            held = names(tmp_path)
            clear_drafts(tmp_path)
            assert names(tmp_path) == held and len(held) == 2
        writer.kill()
    clear_drafts(tmp_path)
    assert names(tmp_path) == ["mine"]


def test_drafts_of_another_machine_stay(tmp_path, dead):
    left = left_by(dead, tmp_path / "target", host=ANOTHER_HOST)
    clear_drafts(tmp_path)
    assert left.exists()


def test_a_draft_of_an_earlier_process_with_our_id_is_removed(tmp_path):
    left_by(os.getpid(), tmp_path / "target", number=10**9)
    clear_drafts(tmp_path)
    assert names(tmp_path) == []


def test_drafts_of_one_target_can_be_cleared_alone(tmp_path, dead):
    left_by(dead, tmp_path / "target")
    other = left_by(dead, tmp_path / "target.json")
    clear_drafts(tmp_path, "target")
    assert names(tmp_path) == [other.name]


def test_files_that_are_no_drafts_stay(tmp_path):
    for name in (
        ".hidden",
        "model.draft",
        ".target.draft",
        ".target.part",
        ".t.12345678-x-1.draft",
    ):
        (tmp_path / name).touch()
    held = names(tmp_path)
    clear_drafts(tmp_path)
    assert names(tmp_path) == held


def test_where_no_folder_is_there_is_nothing_to_clear(tmp_path):
    clear_drafts(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    clear_drafts(tmp_path / "file")


def test_a_finished_file_takes_its_name(tmp_path):
    (tmp_path / "log.zip").write_text("old")
    (tmp_path / "log.zip.part").write_text("new")
    move_into_place(tmp_path / "log.zip.part", tmp_path / "log.zip")
    assert (tmp_path / "log.zip").read_text() == "new"
    assert names(tmp_path) == ["log.zip"]


def test_json_that_is_written_is_read(tmp_path):
    value = {"name": "é", "list": [1, None]}
    write_json(tmp_path / "new" / "file.json", value)
    assert read_json(tmp_path / "new" / "file.json", remedy="") == value


def test_what_is_no_json_leaves_the_older_file(tmp_path):
    write_json(tmp_path / "file.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "file.json", object())
    assert read_json(tmp_path / "file.json", remedy="") == 1
    assert names(tmp_path) == ["file.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b"[" * 100_000])
def test_broken_json_is_refused_with_the_file_and_the_remedy(tmp_path, content):
    if content is not None:
        (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(BadArtifact, match=r"file\.json cannot be read \(.+\); train again$"):
        read_json(tmp_path / "file.json", remedy="train again")
