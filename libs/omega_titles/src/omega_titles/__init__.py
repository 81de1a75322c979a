"""Files of titles that operators hand over: CSV, JSON lines, XMLTV, MovieLens."""

from omega_titles.reading import Form, form_of, read_titles, read_titles_file
from omega_titles.rows import BadRow, TitleFile
from omega_titles.writing import write_csv, write_json_lines

__all__ = [
    "BadRow",
    "Form",
    "TitleFile",
    "form_of",
    "read_titles",
    "read_titles_file",
    "write_csv",
    "write_json_lines",
]
