"""What the documents show runs, and the files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{k}")
    for path in DOCUMENTS
    for k, block in enumerate(re.findall(r"^```python\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Errors quote the user's line, so the block needs a name of its own.
    exec(compile(block, "<document>", "exec"), {"__name__": "document"})
    assert capsys.readouterr().out


def test_there_is_code() -> None:
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text()
    prose = re.sub(r"`[^`\n]*`", "", text)  # In code, brackets are subscripts and calls.
    links = [link for link in re.findall(r"\]\(([^)#]+)", prose) if not link.startswith("http")]
    assert [link for link in links if not (path.parent / link).exists()] == []
    named = re.findall(r"`((?:ir|codegen|runtime|tracer|lithograph|tests|examples|benchmarks)/[\w/.]*?)[`:]", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
