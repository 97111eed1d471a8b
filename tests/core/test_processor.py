import pytest

from recweave.core import processor
from recweave.core.processor import has_bf16, multiplies_bf16

pytestmark = pytest.mark.processor


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags : fpu avx512f avx2", False),
        ("flags : fpu avx512_bf16 avx2", True),
        ("flags : fpu amx_bf16 avx2", True),
        ("Features : fp asimd bf16 i8mm", True),
        ("Features : fp asimd asimdhp", False),
    ],
)
def test_flags_of_x86_and_arm_are_known(tmp_path, line, expected):
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor : 0\n{line}\n")
    assert has_bf16(file) is expected


def test_a_system_without_the_file_has_no_bf16(tmp_path):
    assert not has_bf16(tmp_path / "missing")


@pytest.mark.parametrize(("setting", "expected"), [("on", True), ("off", False)])
@pytest.mark.parametrize("flag", ["avx2", "avx512_bf16"])
def test_the_environment_overrides_the_processor(monkeypatch, tmp_path, setting, expected, flag):
    file = tmp_path / "cpuinfo"
    file.write_text(f"flags : {flag}\n")
    monkeypatch.setattr(processor, "CPUINFO", file)
    monkeypatch.setenv("RECWEAVE_BF16", setting)
    assert multiplies_bf16() is expected


def test_without_a_setting_the_processor_answers(monkeypatch, tmp_path):
    monkeypatch.delenv("RECWEAVE_BF16", raising=False)
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    answers = []
    for flag in ("avx2", "avx512_bf16"):
        (tmp_path / "cpuinfo").write_text(f"flags : {flag}\n")
        answers.append(multiplies_bf16())
    assert answers == [False, True]
