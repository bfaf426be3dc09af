"""Arguments and options that several commands share."""

import click

recipe_argument = click.argument("recipe", metavar="RECIPE")

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override the recipe: variants=10, distort.rotate.degrees=[-5,5]; again for more.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
