"""Settings of the documentation site: Sphinx with MyST, built without network."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from vlmtui._version import __version__

project = "vlmtui"
author = "vlmtui developers"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["_build"]
language = "en"

# headings can be linked to as on GitHub: page.md#heading
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# docstrings mark code with single backquotes
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "both"
autodoc_typehints_description_target = "documented"
add_module_names = False
python_use_unqualified_type_names = True
# no inventory of another project is fetched, so that the names of other packages have nowhere to lead
DOCUMENTED = r"vlmtui\.(api|results\.\w+|lenses\.(kinds|context))\.[A-Z]"
nitpick_ignore_regex = [("py:.*", rf"(?!{DOCUMENTED}).*|.*\.(T|ResultKind)")]

html_theme = "furo"
html_title = "vlmtui"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False

# documents of the repository's top level are pages too: their links to each other lead to these pages
PAGES = {
    "README": "index",
    **{name: name.lower() for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")},
}


def lead_to_pages(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Rewrite the links of an included document of the top level: `ARCHITECTURE.md` to `architecture.md`."""
    for name, target in PAGES.items():
        content[0] = re.sub(rf"\]\({name}\.md(#[\w-]+)?\)", rf"]({target}.md\1)", content[0])
    content[0] = re.sub(r"\]\(docs/([\w/.#-]+)\)", r"](\1)", content[0])


def setup(app: Sphinx) -> None:
    """Connect the extension points used here."""
    app.connect("include-read", lead_to_pages)
