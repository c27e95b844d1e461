"""What the documents say is true."""

from __future__ import annotations

import re
import sys

import otel_joblog
from otel_joblog.config import documented
from otel_joblog.testing import recording
from tests.documents import DOCUMENTS, ROOT, text_of, texts


def test_the_package_exports_its_table_of_contents_and_nothing_else() -> None:
    public = {name for name, value in vars(otel_joblog).items() if name[0] != "_" and not isinstance(value, type(sys))}
    assert public == set(otel_joblog.__all__)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in documented()]
    assert "\n".join(table) in text_of("docs/settings.md")


def test_the_first_job_of_the_readme_leaves_what_it_says() -> None:
    with recording() as recorded:
        exec(compile(texts("README.md", "python")[0], "README.md", "exec"), {"__name__": "readme"})
    assert recorded.messages == ["loaded 3 rows for 2026-11-03", "wrote 0", "wrote 1", "wrote 2"]
    assert [(step.name, step.seq) for step in recorded.steps] == [("load", 1), ("write", 2), ("write", 3), ("write", 4)]
    assert recorded.progress[-1].current == 3


def test_every_file_and_section_that_the_documents_link_to_exists() -> None:
    for document in DOCUMENTS:
        for target, section in re.findall(r"\]\(([^):#]*)#?([^):]*)\)", text_of(document)):
            linked = (ROOT / document).parent / target if target else ROOT / document
            assert linked.exists(), f"{document} links to {target}"
            if section:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                assert section in map(anchor, headings), f"{document} links to {target}#{section}"


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
