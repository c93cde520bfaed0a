"""How Sphinx builds this folder: sphinx-build -W docs FOLDER, after pip install -e ".[docs]".  It reads no network."""

from __future__ import annotations

import sys
from pathlib import Path

import numbann

sys.path.append(str(Path(__file__).parent))  # for program.py

project = "numbann"
version = release = numbann.__version__
extensions = ["myst_parser", "sphinx_click"]
html_theme = "furo"
html_title = "numbann"
html_show_copyright = False
html_copy_source = False
smartquotes = False  # an option has two hyphens
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "linkify"]
myst_linkify_fuzzy_links = False  # README.md is no host in Moldova
exclude_patterns = ["_build"]
nitpicky = True
