"""``augforge schema``."""

import click

from augforge.cli.output import emit


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of recipes, for editors."""
    from augforge.recipe.schema import schema_text

    emit(schema_text().rstrip("\n"))
