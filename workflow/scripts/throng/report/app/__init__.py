"""The explorer's own scripts, in the order that the page loads them; plain JavaScript, no build step."""

from pathlib import Path

FOLDER = Path(__file__).parent
EARLY = "early.js"
SCRIPTS = ("data.js", "charts.js", "pictures.js", "sample.js", "explorer.js", "main.js")
