"""Every statement that names vectors, as the dialect of this process writes it.

`OMEGA_STORE_DIALECT=ruvector python -m omega_testing.dialects` prints them; tests hold them to the
texts in tests/store/golden.
"""

from __future__ import annotations

import sys
from types import ModuleType

from psycopg import sql

from omega_store import contents, dialect, states
from omega_store.migrate import migrations

_MODULES: tuple[ModuleType, ...] = (contents, states)


def text() -> str:
    """Migrations and statements, each below a line that names it."""
    parts = [f"CREATE EXTENSION {dialect.EXTENSION};\n"]
    parts += [
        f"-- {each.name}\n{dialect.render(each.text)}" for each in migrations() if "{{" in each.text
    ]
    parts += [
        f"-- {module.__name__}.{name}\n{value.as_string()};\n"
        for module in _MODULES
        for name, value in sorted(vars(module).items())
        if isinstance(value, sql.Composed)
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(text())
