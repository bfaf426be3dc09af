"""The command ``augforge schema``."""

import click

from augforge.cli.output import print_out


@click.command("schema")
@click.option("--ours-alone", is_flag=True, help="Leave out the distortions of other installed packages.")
def command(ours_alone: bool) -> None:
    """Print the JSON Schema of recipes, for editors."""
    from augforge.recipe.schema import schema_text

    print_out(schema_text(ours_alone=ours_alone).rstrip("\n"))
