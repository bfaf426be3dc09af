import json

from augforge.recipe import recipe_schema


def test_schema_is_printed_as_it_is_committed(run):
    from augforge.recipe.schema import schema_text

    code, text, told = run("schema")
    assert (code, told) == (0, "")
    assert text == schema_text()
    assert json.loads(text) == recipe_schema()
