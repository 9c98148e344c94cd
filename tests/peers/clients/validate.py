"""Validates documents, one a line, by a JSON Schema: `validate.py SCHEMA DOCUMENTS`. Prints the first mistake of each, or null, as a list."""

import json
import sys

from jsonschema import Draft7Validator

schema_file, documents_file = sys.argv[1:]
with open(schema_file, encoding="utf-8") as file:
    schema = json.load(file)
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)


def mistake(line):
    for error in validator.iter_errors(json.loads(line)):
        return f"{error.json_path}: {error.message}"[:300]
    return None


with open(documents_file, encoding="utf-8") as file:
    print("answer", json.dumps([mistake(line) for line in file]), flush=True)
